"""A token in, the one who holds it out."""

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from agent.sandbox.forge.errors import bad_credentials
from agent.sandbox.forge.store import Row, Store

ACTIONS_BOT = "github-actions[bot]"
ACTIONS_BOT_ID = 41898282
ACTIONS_APP_ID = 15368
LEVELS = ("none", "read", "write")


@dataclass(frozen=True)
class Actor:
    """Who calls. `grants` is None for a person's or a bot's own token; for a job's token it is all that it may do."""

    id: int
    login: str
    kind: str
    grants: Mapping[str, str] | None = None
    repo_id: int | None = None
    run_id: int | None = None
    job: str = ""

    @property
    def is_job(self) -> bool:
        return self.grants is not None

    @property
    def app_id(self) -> int | None:
        """The App as which it writes check runs; None for a person."""
        if self.is_job:
            return ACTIONS_APP_ID
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
    return _actor(row)


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
