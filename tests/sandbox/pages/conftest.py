"""A served forge with an issue form, a person who asks, one who merges, and an open pull request."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from agent.sandbox.forge import Event, Forge, serve
from agent.sandbox.pages import pages

FORM = b"""
name: Infrastructure request
description: Ask for infrastructure
title: "[infra] "
labels: [infra-request, not-there]
body:
  - type: input
    id: what
    attributes: {label: What}
    validations: {required: true}
  - type: textarea
    id: parameters
    attributes: {label: Parameters, render: yaml}
"""
README = b"# Infra\n\nSee [the guide](docs/guide.md).\n\n```mermaid\ngraph LR\n  a[Ask] --> b[Build]\n```\n"
MAIN_TF = b'resource "aws_s3_bucket" "this" {\n  bucket = "a"\n}\n'


@dataclass
class World:
    """`get` and `post` are requests below /acme/infra, as the default person unless `as_` names another."""

    forge: Forge
    url: str
    tokens: dict[str, str]
    events: list[Event]

    def get(self, path: str = "", *, as_: str = "", **arguments: Any) -> requests.Response:
        return requests.get(f"{self.url}/acme/infra{path}", timeout=30, cookies=_cookie(as_), **arguments)

    def post(self, path: str, data: dict[str, Any], *, as_: str = "", **arguments: Any) -> requests.Response:
        return requests.post(
            f"{self.url}/acme/infra{path}", data=data, timeout=30, allow_redirects=False, cookies=_cookie(as_),
            **arguments,
        )  # fmt: skip

    def api(self, method: str, path: str, *, as_: str, **body: Any) -> Any:
        answer = requests.request(
            method, f"{self.url}/api/v3/repos/acme/infra{path}", timeout=30, json=body or None,
            headers={"Authorization": f"token {self.tokens[as_]}"},
        )  # fmt: skip
        assert answer.ok, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def branch(self, name: str, path: str, content: bytes, *, as_: str) -> str:
        """A branch off main with one file changed; answers with its head."""
        sha = self.forge.resolve("acme/infra", "main")
        self.api("POST", "/git/refs", as_=as_, ref=f"refs/heads/{name}", sha=sha)
        text = base64.b64encode(content).decode()
        self.api("PUT", f"/contents/{path}", as_=as_, message=f"Change {path}", content=text, branch=name)
        return self.forge.resolve("acme/infra", name)

    def pull(
        self, *, as_: str, branch: str = "feature/x", title: str = "A change", body: str = "Why"
    ) -> dict[str, Any]:
        head = self.branch(branch, "infra/new.tf", MAIN_TF, as_=as_)
        made = self.api("POST", "/pulls", as_=as_, title=title, head=branch, base="main", body=body)
        return {"number": made["number"], "head": head}


def _cookie(login: str) -> dict[str, str]:
    return {"acting_as": login} if login else {}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Start a world, with a runner's records if they are handed in."""
    stops: list[Callable[[], None]] = []

    def begin(runner: Any = None) -> World:
        events: list[Event] = []
        forge = Forge(tmp_path / "forge", on_event=events.append)
        tokens = {login: forge.create_user(login) for login in ("acme", "lena", "omar", "nina")}
        tokens["bot"] = forge.create_user("infra-agent[bot]", kind="Bot")
        seed = {
            "README.md": README,
            "docs/guide.md": b"# Guide\n\n| a |\n|---|\n| 1 |\n",
            "infra/main.tf": MAIN_TF,
            ".github/ISSUE_TEMPLATE/infra-request.yml": FORM,
            ".github/ISSUE_TEMPLATE/broken.yaml": b"name: x\n",
            ".github/workflows/agent.yml": b"jobs: {intake: {}, plan: {needs: intake}, publish: {needs: plan}}\n",
            "logo.bin": b"\0\1\2",
        }
        forge.create_repository("acme", "infra", seed=seed)
        forge.set_permission("acme/infra", "omar", "maintain")
        forge.set_permission("acme/infra", "nina", "write")
        forge.set_permission("acme/infra", "infra-agent[bot]", "write")
        forge.app.register_blueprint(pages(forge, runner))
        server = serve(forge)
        stops.append(server.stop)
        stops.append(forge.close)
        world = World(forge, server.url, tokens, events)
        world.api("POST", "/labels", as_="omar", name="infra-request", color="0e8a16")
        return world

    yield begin
    for stop in stops:
        stop()


@pytest.fixture
def world(start: Callable[..., World]) -> World:
    return start()
