"""The fixture `world`: a served forge with one repository and accounts of every role."""

from collections.abc import Iterator
from pathlib import Path

import flask
import pytest

from agent.sandbox.forge import Forge, serve
from tests.sandbox.forge.world import NAME, SEED, Answered, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    forge = Forge(tmp_path / "forge")
    tokens = {login: forge.create_user(login) for login in ("ann", "rob", "mia", "tess", "eve")}
    tokens["robot[bot]"] = forge.create_user("robot[bot]", kind="Bot")
    forge.create_repository("acme", "infra", seed=SEED)
    for login, role in (("ann", "admin"), ("rob", "write"), ("mia", "maintain"), ("tess", "triage")):
        forge.set_permission(NAME, login, role)  # type: ignore[arg-type]  # the literals of the table above
    forge.set_permission(NAME, "robot[bot]", "write")
    answers: list[Answered] = []

    def record(response: flask.Response) -> flask.Response:
        if flask.request.path.startswith("/api/v3"):
            path = flask.request.path.removeprefix("/api/v3")
            body = response.get_json(silent=True) if response.get_data() else None
            answers.append(Answered(flask.request.method, path, response.status_code, body))
        return response

    forge.app.after_request(record)
    server = serve(forge)
    made = World(forge, server, tmp_path, tokens, answers=answers)
    forge.on_event = made.events.append
    yield made
    server.stop()
    forge.close()
