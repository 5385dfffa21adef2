"""A served forge with one repository, with real clients for it: PyGithub, plain HTTP and git."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import github
import requests
from github.GithubRetry import GithubRetry
from github.Repository import Repository

from agent.sandbox.forge import Event, Forge, Server

NAME = "acme/infra"
SEED = {"README.md": b"# infra\n", "infra/a.tf": b"one\ntwo\nthree\n", ".github/workflows/ci.yml": b"on: push\n"}


@dataclass(frozen=True)
class Answered:
    """One REST answer as it went out; `body` is None for an empty one."""

    method: str
    path: str
    status: int
    body: Any


@dataclass
class World:
    """`tokens` by login; `events` and `answers` in the order in which they came."""

    forge: Forge
    server: Server
    folder: Path
    tokens: dict[str, str]
    events: list[Event] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)

    def api(self, token: str) -> github.Github:
        retry = GithubRetry(total=2, allowed_methods=frozenset({"GET"}), backoff_factor=0)
        return github.Github(
            auth=github.Auth.Token(token),
            base_url=self.forge.api,
            retry=retry,
            timeout=20,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )

    def repo(self, login: str) -> Repository:
        return self.api(self.tokens[login]).get_repo(NAME)

    def job(self, **permissions: str) -> str:
        return self.forge.issue_job_token(NAME, permissions, run_id=7, job="intake")

    def job_repo(self, **permissions: str) -> Repository:
        return self.api(self.job(**permissions)).get_repo(NAME)

    def raw(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        json: object = None,
        params: dict[str, str] | None = None,
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(
            method,
            f"{self.forge.api}{path}",
            headers=headers,
            json=json,
            params=params,
            timeout=20,
            allow_redirects=False,
        )

    def git_url(self, token: str | None) -> str:
        host = self.forge.url.removeprefix("http://")
        return f"http://x-access-token:{token}@{host}/{NAME}.git" if token else f"{self.forge.url}/{NAME}.git"

    def clone(self, token: str, name: str = "work") -> Path:
        run_git(self.folder, "clone", "--quiet", self.git_url(token), name)
        for key, value in (("user.name", "Ann"), ("user.email", "ann@example.com")):
            run_git(self.folder / name, "config", key, value)
        return self.folder / name

    def push_file(self, clone: Path, branch: str, path: str, content: str, message: str = "change") -> str:
        """Commit one file on top of `branch` (made from what is checked out when new) and push it; its SHA."""
        known = subprocess.run(["git", "checkout", "--quiet", branch], cwd=clone, capture_output=True, check=False)
        if known.returncode:
            run_git(clone, "checkout", "--quiet", "-b", branch)
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(content)
        run_git(clone, "add", "-A")
        run_git(clone, "commit", "--quiet", "-m", message)
        run_git(clone, "push", "--quiet", "origin", branch)
        return run_git(clone, "rev-parse", "HEAD").strip()

    def names(self) -> list[str]:
        return [f"{event.name}.{event.action}".rstrip(".") for event in self.events]

    def last(self, name: str, action: str = "") -> Event:
        return next(event for event in reversed(self.events) if (event.name, event.action) == (name, action))


def run_git(cwd: Path, *arguments: str, ok: bool = True) -> str:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    if ok:
        assert done.returncode == 0, done.stderr
        return done.stdout
    assert done.returncode != 0, done.stdout
    return done.stderr
