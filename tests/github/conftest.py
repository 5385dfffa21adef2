"""A served forge with one repository and an App that is installed on it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from agent.sandbox.forge import Forge, serve

NAME = "acme/infra"
HELD = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write", "actions": "write"}


@dataclass(frozen=True)
class Registered:
    """A forge with the App `infra-bot`, and the App's private key in PEM."""

    forge: Forge
    app_id: int
    key: str

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of a job, App configured."""
        token = self.forge.issue_job_token(NAME, {"contents": "read", "issues": "read"}, run_id=1, job="x")
        return {
            "GITHUB_API_URL": self.forge.api,
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_TOKEN": token,
            "INFRA_AGENT_APP_ID": str(self.app_id),
            "INFRA_AGENT_APP_SLUG": "infra-bot",
            "INFRA_AGENT_APP_KEY": self.key,
            **more,
        }

    def ask(self, method: str, path: str, token: str, body: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"{self.forge.api}{path}", headers=headers, json=body, timeout=20)


@pytest.fixture(scope="session")
def pair() -> tuple[str, str]:
    """Private and public key in PEM."""
    return new_pair()


def new_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain, pem = serialization.NoEncryption(), serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@pytest.fixture
def registered(tmp_path: Path, pair: tuple[str, str]) -> Iterator[Registered]:
    forge = Forge(tmp_path)
    seed = {"README.md": b"x", ".github/workflows/ci.yml": b"on: push\n"}
    for name in ("infra", "other"):
        forge.create_repository("acme", name, seed=seed)
    app_id = forge.create_app("infra-bot", public_key=pair[1], permissions={**HELD, "workflows": "write"})
    forge.install_app(app_id, "acme")
    server = serve(forge)
    yield Registered(forge, app_id, pair[0])
    server.stop()
    forge.close()
