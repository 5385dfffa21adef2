"""A served forge with this project's repository, a checkout as a CI job has it, and the jobs as CI calls them."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import git
import github
import pytest
from github.Repository import Repository

from agent.documents import Documents, write
from agent.domain import Document, Report, Request, Run
from agent.github.connect import Connection, connect
from agent.guardrails import Guardrails, load_guardrails
from agent.jobs import author, intake, propose, publish, steer
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import Providers
from agent.models.roles import load_roles
from agent.render.page import Context
from agent.repo import Remote
from agent.sandbox.forge import Event, Forge, Server, serve
from agent.sandbox.world import seed
from agent.settings import Settings, load_settings
from agent.tools import Tools, allowed

PROJECT = Path(__file__).parent.parent.parent
REPOSITORY = "acme/infra"
EVERYTHING = dict.fromkeys(("contents", "issues", "pull-requests", "checks"), "write")


@dataclass
class Desk:
    """The jobs of one run, called as CI calls them: a fresh clone, the job's own token, documents in a folder."""

    forge: Forge
    server: Server
    folder: Path
    tokens: dict[str, str]
    events: list[Event] = field(default_factory=list)
    guardrails: Guardrails = field(default_factory=lambda: load_guardrails(PROJECT))
    now: datetime = datetime(2026, 1, 2, tzinfo=UTC)
    models: Models = field(default_factory=lambda: Models(Providers(), Budget()))
    checkouts: dict[tuple[str, int], Path] = field(default_factory=dict)

    def person(self, login: str) -> Repository:
        api = github.Github(
            auth=github.Auth.Token(self.tokens[login]),
            base_url=f"{self.server.url}/api/v3",
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        return api.get_repo(REPOSITORY)

    def connection(self, **permissions: str) -> Connection:
        token = self.forge.issue_job_token(REPOSITORY, permissions or EVERYTHING, run_id=1, job="test")
        api_url = f"{self.server.url}/api/v3"
        return connect(token=token, api_url=api_url, repository=REPOSITORY, sleep=lambda _: None)

    def remote(self) -> Remote:
        token = self.forge.issue_job_token(REPOSITORY, EVERYTHING, run_id=1, job="test")
        return Remote(url=f"{self.server.url}/{REPOSITORY}.git", token=token)

    def clone(self, *, depth: int = 1) -> Path:
        """A checkout of main as it stands, of the job's own; while main stands still it is a copy of the one before."""
        where = self.folder / f"clone-{len(list(self.folder.iterdir()))}"
        tip = self.forge.resolve(REPOSITORY, "main")
        fetched = self.checkouts.get((tip, depth))
        if fetched is None:
            fetched = self.folder.parent / f"checkout-{tip}-{depth}"
            git.Repo.clone_from(self.remote().url, fetched, depth=depth, branch="main")
            self.checkouts[tip, depth] = fetched
        shutil.copytree(fetched, where, symlinks=True)
        return where

    @property
    def settings(self) -> Settings:
        return load_settings(PROJECT)

    @property
    def context(self) -> Context:
        return Context(
            repository=f"{self.server.url}/{REPOSITORY}", run=f"{self.server.url}/{REPOSITORY}/actions/runs/1"
        )

    def last(self, name: str) -> Event:
        return [event for event in self.events if event.name == name][-1]

    def run(self, job: Callable[..., Any], documents: Documents, **more: Any) -> tuple[Document, ...]:
        made = job(documents, **more)
        found: tuple[Document, ...] = made if isinstance(made, tuple) else (made,)
        for document in found:
            write(documents.folder / f"{document.name}.json", document)
        return found

    def intake(self, documents: Documents, event: Event, *, attempt: int = 1, now: datetime | None = None) -> Request:
        made = intake.run(
            event.name, json.loads(json.dumps(event.payload)), root=self.clone(), settings=self.settings,
            guardrails=self.guardrails,
            connection=self.connection(contents="read", issues="read", **{"pull-requests": "read"}),
            remote=self.remote(), default_branch="main", clock=lambda: now or datetime.now(UTC),
            this_run=Run(id="1", attempt=attempt),
        )  # fmt: skip
        for document in made:
            write(documents.folder / f"{document.name}.json", document)
        assert isinstance(made[0], Request)
        return made[0]

    def author(self, documents: Documents) -> tuple[Document, ...]:
        return self.run(
            author.run, documents, root=self.clone(), settings=self.settings, guardrails=self.guardrails,
            clock=lambda: self.now, models=self.models, roles=load_roles(PROJECT),
            tools=Tools(environment=allowed(os.environ)),
            pythons=dict.fromkeys(("checkov", "ansible", "kubernetes"), ""), secrets=(),
        )  # fmt: skip

    def propose(self, documents: Documents, root: Path | None = None) -> tuple[Document, ...]:
        return self.run(
            propose.run, documents, root=root or self.clone(), settings=self.settings,
            guardrails=self.guardrails, connection=self.connection(), remote=self.remote(),
            context=self.context, clock=lambda: self.now, default_branch="main",
        )  # fmt: skip

    def publish(self, documents: Documents, root: Path | None = None, **results: str) -> tuple[Document, ...]:
        return self.run(
            publish.run, documents, root=root or self.clone(), settings=self.settings, guardrails=self.guardrails,
            connection=self.connection(), remote=self.remote(), context=self.context, results=results,
            default_branch="main",
        )  # fmt: skip

    def steer(self, documents: Documents, event: Event | None = None, root: Path | None = None) -> Report:
        found = event or self.events[-1]
        (made,) = self.run(
            steer.run, documents, root=root or self.clone(), settings=self.settings, guardrails=self.guardrails,
            connection=self.connection(actions="write", **EVERYTHING), remote=self.remote(), context=self.context,
            clock=lambda: self.now, pause=lambda _: time.sleep(0.1), default_branch="main", event_name=found.name,
            payload=found.payload,
        )  # fmt: skip
        assert isinstance(made, Report)
        return made

    def say(self, number: int, text: str, *, login: str = "casey") -> tuple[Request, Documents]:
        """Comment, and run intake on it."""
        self.person(login).get_issue(number).create_comment(text)
        documents = self.documents()
        return self.intake(documents, self.last("issue_comment")), documents

    def documents(self) -> Documents:
        where = self.folder / f"documents-{len(list(self.folder.iterdir()))}"
        where.mkdir()
        return Documents(where)

    def status(self, issue: int) -> list[str]:
        """Bodies of the agent's comments on an issue."""
        return [
            comment.body
            for comment in self.person("morgan").get_issue(issue).get_comments()
            if comment.user.login == "github-actions[bot]"
        ]

    def branches(self) -> list[str]:
        return sorted(branch.name for branch in self.person("morgan").get_branches())


@pytest.fixture(scope="session")
def project_files() -> dict[str, bytes | tuple[int, bytes]]:
    kept = ("infra/", "policies/", ".github/", "bin/infra-agent")
    return {path: data for path, data in seed(PROJECT).items() if path.startswith(kept)}


@pytest.fixture
def desk(tmp_path: Path, project_files: dict[str, bytes | tuple[int, bytes]]) -> Iterator[Desk]:
    forge = Forge(tmp_path / "forge")
    forge.create_repository("acme", "infra", seed=project_files)
    tokens = {}
    for login, permission in (("casey", "write"), ("morgan", "maintain"), ("robin", "read"), ("sam", "triage")):
        tokens[login] = forge.create_user(login)
        forge.set_permission(REPOSITORY, login, permission)  # type: ignore[arg-type]
    (tmp_path / "work").mkdir()
    server = serve(forge)
    made = Desk(forge, server, tmp_path / "work", tokens)
    forge.on_event = made.events.append
    try:
        yield made
    finally:
        server.stop()
