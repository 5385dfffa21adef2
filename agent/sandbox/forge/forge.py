"""A folder in, an embedded GitHub out: accounts, repositories, tokens, and the Flask app that serves them."""

import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.sandbox.forge import faults, git, journal, tokens
from agent.sandbox.forge.access import ROLES
from agent.sandbox.forge.app import make_app
from agent.sandbox.forge.events import Event
from agent.sandbox.forge.http import API
from agent.sandbox.forge.recover import recover
from agent.sandbox.forge.schema import TABLES
from agent.sandbox.forge.shapes import pull as pull_shapes
from agent.sandbox.forge.shapes.people import person
from agent.sandbox.forge.store import Row, Store, now
from agent.sandbox.forge.tokens import ACTIONS_BOT, ACTIONS_BOT_ID, Actor
from agent.sandbox.forge.workflows import HOOK

NOT_YET = "http://127.0.0.1"
Role = Literal["none", "read", "triage", "write", "maintain", "admin"]


@dataclass(frozen=True)
class ApiCall:
    """One REST request. `at` is an epoch second; `run_id` is that of the job whose token was used, else None."""

    at: float
    method: str
    path: str
    status: int
    actor: str
    run_id: int | None


class Forge:
    """Everything below `root`: `forge.db` and the bare repositories `git/<owner>/<name>.git`.

    Opening the same folder again goes on where it was. `on_event` is called after each committed change, in the
    thread that made it.
    """

    def __init__(self, root: Path, *, on_event: Callable[[Event], None] | None = None) -> None:
        self.root = root
        self.on_event = on_event
        self.url = NOT_YET
        root.mkdir(parents=True, exist_ok=True)
        (root / "scratch").mkdir(exist_ok=True)
        self.db = Store(root / "forge.db")
        self.db.script(TABLES)
        self.faults = faults.Faults()
        self._scratch = itertools.count()
        self._used: dict[tuple[str, int], int] = {}
        self._counting = threading.Lock()
        if self.db.one("SELECT 1 FROM users WHERE id = ?", ACTIONS_BOT_ID) is None:
            self.db.run("INSERT INTO users VALUES (?, ?, 'Bot', ?, ?)", ACTIONS_BOT_ID, ACTIONS_BOT, ACTIONS_BOT, now())
        if not any(journal.pending(root)):
            self._recover()
        self.app = make_app(self)

    def resume(self) -> None:
        """Bring to its end what a killed process had begun. Call once `url` and `on_event` are set: events follow."""
        for row in self.db.all("SELECT id, event FROM outbox ORDER BY id"):
            self.deliver(Event(**json.loads(row["event"])), row["id"])
        journal.finish(self)
        self._recover()

    def _recover(self) -> None:
        for repo in self.db.all("SELECT * FROM repositories"):
            recover(self, repo)

    # --- set up ------------------------------------------------------------------------------------------------------

    def create_user(self, login: str, *, kind: Literal["User", "Bot"] = "User") -> str:
        """Make an account and return a personal token of it; a further call returns a further token."""
        row = self.db.one("SELECT id FROM users WHERE login = ?", login)
        return tokens.new_personal(self.db, row["id"] if row else self._account(login, kind))

    def _account(self, login: str, kind: str) -> int:
        return self.db.run(
            "INSERT INTO users (id, login, kind, name, created_at)"
            " VALUES ((SELECT COALESCE(MAX(id), 1000) + 1 FROM users WHERE id < ?), ?, ?, ?, ?)",
            ACTIONS_BOT_ID, login, kind, login, now(),
        )  # fmt: skip

    def create_repository(
        self, owner: str, name: str, *, seed: Mapping[str, bytes | tuple[int, bytes]], default_branch: str = "main"
    ) -> None:
        """Make a public repository with one first commit; an owner without an account becomes an organisation.

        `seed` maps a path to its content, or to (mode, content) with a mode such as 0o100755. No event is emitted.
        Raises ValueError when the repository exists.
        """
        if self.repository_row(f"{owner}/{name}") is not None:
            raise ValueError(f"{owner}/{name} exists already")
        found = self.db.one("SELECT id FROM users WHERE login = ?", owner)
        owner_id = found["id"] if found else self._account(owner, "Organization")
        where = self.root / "git" / owner / f"{name}.git"
        git.init(where, default_branch)
        hook = where / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
        files = [(path, *(value if isinstance(value, tuple) else (0o100644, value))) for path, value in seed.items()]
        git.first_commit(where, files, branch=default_branch, author=person(self.user_row(owner_id)))
        self.db.run(
            "INSERT INTO repositories (owner_id, owner, name, default_branch, created_at, pushed_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            owner_id, owner, name, default_branch, now(), now(),
        )  # fmt: skip

    def set_permission(self, repo: str, login: str, permission: Role) -> None:
        """Raises KeyError for an unknown repository or login, ValueError for an unknown role."""
        if permission not in ROLES:
            raise ValueError(f"permission must be one of {', '.join(ROLES)}, got {permission!r}")
        self.db.run(
            "INSERT INTO roles VALUES (?, ?, ?) ON CONFLICT (repo_id, user_id) DO UPDATE SET role = excluded.role",
            self.repo_row(repo)["id"], self._user(login)["id"], permission,
        )  # fmt: skip

    def issue_job_token(self, repo: str, permissions: Mapping[str, str], *, run_id: int, job: str) -> str:
        """A token of github-actions[bot] that holds exactly `permissions` (name -> read, write, none) on `repo`."""
        return tokens.new_job(
            self.db,
            user_id=ACTIONS_BOT_ID,
            repo_id=self.repo_row(repo)["id"],
            permissions=permissions,
            run_id=run_id,
            job=job,
        )

    def create_app(self, slug: str, *, public_key: str, permissions: Mapping[str, str]) -> int:
        """Register a GitHub App, whose bot is `slug`[bot]; `public_key` is PEM. Returns the App's id."""
        user_id = self._account(f"{slug}[bot]", "Bot")
        return self.db.run(
            "INSERT INTO apps (id, user_id, slug, public_key, permissions, created_at)"
            " VALUES ((SELECT COALESCE(MAX(id), 900000) + 1 FROM apps), ?, ?, ?, ?, ?)",
            user_id, slug, public_key, json.dumps({"metadata": "read", **permissions}), now(),
        )  # fmt: skip

    def install_app(self, app_id: int, owner: str) -> int:
        """Install the App on all repositories of an account; returns the installation's id."""
        return self.db.run(
            "INSERT INTO installations (app_id, owner_id, created_at) VALUES (?, ?, ?)",
            app_id, self._user(owner)["id"], now(),
        )  # fmt: skip

    def revoke_token(self, token: str) -> None:
        tokens.revoke(self.db, token)

    # --- look ---------------------------------------------------------------------------------------------------------

    def resolve(self, repo: str, ref: str) -> str:
        """SHA of the commit that a branch, tag, full ref or SHA names. Raises KeyError when there is none."""
        sha = git.resolve(self.git_dir(self.repo_row(repo)), ref)
        if sha is None:
            raise KeyError(f"{repo} has no {ref!r}")
        return sha

    def read_file(self, repo: str, ref: str, path: str) -> bytes:
        """Raises KeyError when `ref` or the file is not there."""
        where = self.git_dir(self.repo_row(repo))
        entry = git.entry(where, self.resolve(repo, ref), path)
        if entry is None or entry.kind != "blob":
            raise KeyError(f"{repo} has no file {path!r} at {ref!r}")
        return git.blob(where, entry.sha)

    def list_files(self, repo: str, ref: str, prefix: str) -> list[str]:
        """Paths of all files whose path starts with `prefix`, sorted. Raises KeyError for an unknown `ref`."""
        found = git.entries(self.git_dir(self.repo_row(repo)), self.resolve(repo, ref), recursive=True)
        return sorted(entry.path for entry in found if entry.kind == "blob" and entry.path.startswith(prefix))

    def variables(self, repo: str) -> dict[str, str]:
        rows = self.db.all("SELECT name, value FROM variables WHERE repo_id = ?", self.repo_row(repo)["id"])
        return {row["name"]: row["value"] for row in rows}

    def set_variable(self, repo: str, name: str, value: str) -> None:
        self.db.run(
            "INSERT INTO variables VALUES (?, ?, ?, ?, ?) ON CONFLICT (repo_id, name)"
            " DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            self.repo_row(repo)["id"], name.upper(), value, now(), now(),
        )  # fmt: skip

    def api_calls(self) -> list[ApiCall]:
        """Every REST request so far, oldest first."""
        rows = self.db.all("SELECT at, method, path, status, actor, run_id FROM api_calls ORDER BY id")
        return [ApiCall(*row) for row in rows]

    def fail_next(
        self,
        method: str,
        path_regex: str,
        status: int | faults.Cut,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        after: int = 0,
    ) -> None:
        """Let `times` requests that match fail with `status`, the first `after` of them excepted; `"cut"` closes the
        connection before anything is done, `"cut after"` when all is done and only the answer is lost. Method `"*"` is
        any. The path is the whole one (`/api/v3/repos/…`)."""
        self.faults.order(method, path_regex, status, headers or {}, times, after)

    # --- for the rooms of this package and for runner and pages -------------------------------------------------------

    @property
    def api(self) -> str:
        return self.url + API

    def repository_row(self, full_name: str) -> Row | None:
        owner, _, name = full_name.partition("/")
        return self.db.one("SELECT * FROM repositories WHERE owner = ? AND name = ?", owner, name)

    def fresh(self, repo: Row) -> Row:
        return self.db.get("SELECT * FROM repositories WHERE id = ?", repo["id"])

    def user_row(self, user_id: int) -> Row:
        return self.db.get("SELECT * FROM users WHERE id = ?", user_id)

    def issue_row(self, repo: Row, number: int) -> Row:
        return self.db.get("SELECT * FROM issues WHERE repo_id = ? AND number = ?", repo["id"], number)

    def pull_row(self, repo: Row, number: int) -> Row:
        row = pull_shapes.find(self, repo, number)
        if row is None:
            raise KeyError(f"no pull request {number}")
        return row

    def git_dir(self, repo: Row) -> Path:
        return self.root / "git" / str(repo["owner"]) / f"{repo['name']}.git"

    def scratch(self) -> Path:
        """A path for a scratch file that nobody else uses."""
        return self.root / "scratch" / f"{threading.get_ident()}-{next(self._scratch)}"

    def actor(self, token: str) -> Actor:
        """Raises ApiError 401 for a token that is no good."""
        return tokens.actor(self.db, token)

    def account(self, login: str) -> Actor:
        """The account itself, for a page whose reader is known without a token. Raises KeyError when unknown."""
        row = self._user(login)
        return Actor(row["id"], row["login"], row["kind"])

    def deliver(self, event: Event, letter: int) -> None:
        """Hand over an event and take its `letter` out of the outbox: it is delivered at least once."""
        if self.on_event is not None:
            self.on_event(event)
        self.db.run("DELETE FROM outbox WHERE id = ?", letter)

    def count_call(self, actor: str, at: float) -> None:
        hour = int(at // 3600) * 3600
        with self._counting:
            self._used[actor, hour] = self._used.get((actor, hour), 0) + 1

    def calls_since(self, actor: str, hour: int) -> int:
        with self._counting:
            return self._used.get((actor, hour), 0)

    def close(self) -> None:
        self.db.close()

    def repo_row(self, full_name: str) -> Row:
        """Raises KeyError when there is none."""
        row = self.repository_row(full_name)
        if row is None:
            raise KeyError(f"no repository {full_name!r}")
        return row

    def _user(self, login: str) -> Row:
        return self.db.get("SELECT * FROM users WHERE login = ?", login)
