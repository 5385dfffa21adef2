"""A token in, the one who holds it out."""

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.sandbox.forge.errors import bad_credentials
from agent.sandbox.forge.store import Row, Store, now

ACTIONS_BOT = "github-actions[bot]"
ACTIONS_BOT_ID = 41898282
ACTIONS_APP_ID = 15368
LEVELS = ("none", "read", "write")


@dataclass(frozen=True)
class Actor:
    """Who calls. `grants` is None for a person's or a bot's own token; for a job's or an App's token it is all that it
    may do. An App's token is of one repository, or, without `repo_id`, of all those of `owner_id`.
    """

    id: int
    login: str
    kind: str
    grants: Mapping[str, str] | None = None
    repo_id: int | None = None
    run_id: int | None = None
    job: str = ""
    installed: int | None = None
    owner_id: int | None = None

    @property
    def limited(self) -> bool:
        """Whether grants decide what it may do, and not the role of an account."""
        return self.grants is not None

    @property
    def is_job(self) -> bool:
        """Whether it is the token of a workflow's job: what it does starts no further workflow."""
        return self.limited and self.installed is None

    def covers(self, repo: Row) -> bool:
        """Whether a limited token is of this repository."""
        if self.repo_id is not None:
            return bool(self.repo_id == repo["id"])
        return self.owner_id is not None and bool(self.owner_id == repo["owner_id"])

    @property
    def app_id(self) -> int | None:
        """The App as which it writes check runs; None for a person."""
        if self.limited:
            return self.installed or ACTIONS_APP_ID
        return self.id if self.kind == "Bot" else None

    def granted(self, needs: str) -> bool:
        """Whether a job's token holds `needs`, such as "issues:write". Everybody may read metadata."""
        name, _, level = needs.partition(":")
        held = "read" if name == "metadata" else (self.grants or {}).get(name, "none")
        return LEVELS.index(held) >= LEVELS.index(level)


def new_personal(store: Store, user_id: int) -> str:
    return _insert(store, _random("ghp_"), user_id=user_id)


def new_job(store: Store, *, user_id: int, repo_id: int, permissions: Mapping[str, str], run_id: int, job: str) -> str:
    """A job's token. Raises ValueError for a level that is not read, write or none. A hyphen in a name (as workflow
    files write it) counts as an underscore (as the API writes it)."""
    grants = {name.replace("-", "_"): level for name, level in permissions.items()}
    for name, level in grants.items():
        if level not in LEVELS:
            raise ValueError(f"permissions: {name} must be read, write or none, got {level!r}")
    return _insert(
        store, _random("ghs_"), user_id=user_id, repo_id=repo_id, permissions=json.dumps(grants), run_id=run_id, job=job
    )


def revoke(store: Store, token: str) -> None:
    store.run("UPDATE tokens SET revoked = 1 WHERE token = ?", token)


def actor(store: Store, token: str) -> Actor:
    """Raises ApiError 401 for a token that is unknown or revoked."""
    row = store.one(
        "SELECT t.*, u.login, u.kind FROM tokens t JOIN users u ON u.id = t.user_id WHERE token = ? AND NOT revoked",
        token,
    )
    if row is None:
        raise bad_credentials()
    found = _actor(row)
    app = store.one("SELECT * FROM app_tokens WHERE token = ?", token)
    if app is None:
        return found
    if app["expires_at"] <= now():
        raise bad_credentials()
    return replace(found, installed=app["app_id"], owner_id=app["owner_id"])


def new_installation(
    store: Store, *, app: Row, owner_id: int, repo_id: int | None, permissions: Mapping[str, str], expires_at: str
) -> str:
    """An App's token for what it is installed on."""
    token = _insert(
        store, _random("ghs_"), user_id=app["user_id"], repo_id=repo_id, permissions=json.dumps(dict(permissions))
    )
    store.run("INSERT INTO app_tokens VALUES (?, ?, ?, ?)", token, app["id"], owner_id, expires_at)
    return token


def _actor(row: Row) -> Actor:
    grants = None if row["permissions"] is None else json.loads(row["permissions"])
    return Actor(
        id=row["user_id"],
        login=row["login"],
        kind=row["kind"],
        grants=grants,
        repo_id=row["repo_id"],
        run_id=row["run_id"],
        job=row["job"] or "",
    )


def _insert(
    store: Store,
    token: str,
    *,
    user_id: int,
    repo_id: int | None = None,
    permissions: str | None = None,
    run_id: int | None = None,
    job: str | None = None,
) -> str:
    store.run(
        "INSERT INTO tokens (token, user_id, repo_id, permissions, run_id, job) VALUES (?, ?, ?, ?, ?, ?)",
        token, user_id, repo_id, permissions, run_id, job,
    )  # fmt: skip
    return token


def _random(prefix: str) -> str:
    return prefix + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(36))
