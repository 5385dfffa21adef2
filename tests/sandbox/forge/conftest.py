"""The fixture `world`: a served forge with one repository and accounts of every role."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.sandbox.forge import Forge, serve
from tests.sandbox.forge.world import NAME, SEED, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    forge = Forge(tmp_path / "forge")
    tokens = {login: forge.create_user(login) for login in ("ann", "rob", "mia", "tess", "eve")}
    tokens["robot[bot]"] = forge.create_user("robot[bot]", kind="Bot")
    forge.create_repository("acme", "infra", seed=SEED)
    for login, role in (("ann", "admin"), ("rob", "write"), ("mia", "maintain"), ("tess", "triage")):
        forge.set_permission(NAME, login, role)  # type: ignore[arg-type]  # the literals of the table above
    forge.set_permission(NAME, "robot[bot]", "write")
    server = serve(forge)
    made = World(forge, server, tmp_path, tokens)
    forge.on_event = made.events.append
    yield made
    server.stop()
    forge.close()
