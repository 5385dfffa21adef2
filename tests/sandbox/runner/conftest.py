"""A real forge behind real HTTP, with a runner, for every test that runs a workflow."""

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from agent.sandbox.forge import Forge, Server, serve
from agent.sandbox.runner import Job, Run, Runner

REPO = "acme/infra"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"


@dataclass
class World:
    forge: Forge
    server: Server
    runner: Runner
    tokens: dict[str, str]
    started: list[list[int]] = field(default_factory=list)

    def api(self, method: str, path: str, *, body: object = None, token: str = "") -> requests.Response:
        return requests.request(
            method,
            f"{self.forge.url}/api/v3/repos/{REPO}{path}",
            json=body,
            headers={"Authorization": f"token {token or self.tokens['ada']}"},
            timeout=20,
        )

    def issue(self, title: str = "please") -> list[Run]:
        """Open an issue as ada; the runs that it started, ended."""
        before = len(self.started)
        assert self.api("POST", "/issues", body={"title": title}).status_code == 201
        return [self.runner.wait(one, 30) for ids in self.started[before:] for one in ids]

    def log(self, job: Job) -> str:
        return Path(job.log_path).read_text(encoding="utf-8")


def job(run: Run, name: str) -> Job:
    return next(one for one in run.jobs if one.name == name)


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(files: Mapping[str, str], *, tools: Mapping[str, Path] | None = None) -> World:
        forge = Forge(tmp_path)
        server = serve(forge)
        tokens = {login: forge.create_user(login) for login in ("ada", "bob")}
        seed = {path: textwrap.dedent(text).encode() for path, text in files.items()}
        if forge.repository_row(REPO) is None:
            forge.create_repository("acme", "infra", seed=seed)
        forge.set_permission(REPO, "ada", "admin")
        machine = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        runner = Runner(forge, tmp_path, tools=tools or {}, machine=machine)
        forge.app.register_blueprint(runner.blueprint)
        world = World(forge, server, runner, tokens)
        forge.on_event = lambda event: world.started.append(runner.handle(event))
        made.append(world)
        return world

    yield make
    for world in made:
        world.runner.stop()
        world.server.stop()
        world.forge.close()


def issues_workflow(jobs: str) -> dict[str, str]:
    """A workflow that runs `jobs` when an issue is opened."""
    head = "name: w\non:\n  issues:\n    types: [opened]\npermissions: {}\njobs:\n"
    return {".github/workflows/w.yml": head + textwrap.indent(textwrap.dedent(jobs), "  ")}
