"""A repository's setting by kind and name in, its JSON value out; kept in one table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.sandbox.forge.store import Row, now

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

SQL = "SELECT * FROM kept_settings WHERE repo_id = ? AND kind = ?"


@dataclass(frozen=True)
class Kept:
    """One setting, such as a branch's protection. `id` never changes while it is edited."""

    id: int
    name: str
    value: Mapping[str, Any]
    created_at: str
    updated_at: str


def of(forge: "Forge", repo: Row, kind: str) -> list[Kept]:
    """All of one kind, oldest first."""
    return [_kept(row) for row in forge.db.all(f"{SQL} ORDER BY id", repo["id"], kind)]


def one(forge: "Forge", repo: Row, kind: str, name: str) -> Kept | None:
    row = forge.db.one(f"{SQL} AND name = ?", repo["id"], kind, name)
    return _kept(row) if row else None


def by_id(forge: "Forge", repo: Row, kind: str, number: int) -> Kept | None:
    row = forge.db.one(f"{SQL} AND id = ?", repo["id"], kind, number)
    return _kept(row) if row else None


def put(forge: "Forge", repo: Row, kind: str, name: str, value: Mapping[str, Any]) -> Kept:
    """Make it, or give the one of this name a new value."""
    forge.db.run(
        "INSERT INTO kept_settings (repo_id, kind, name, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (repo_id, kind, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        repo["id"], kind, name, json.dumps(value), now(), now(),
    )  # fmt: skip
    found = one(forge, repo, kind, name)
    assert found is not None
    return found


def drop(forge: "Forge", repo: Row, kind: str, name: str) -> bool:
    """Whether there was one."""
    if one(forge, repo, kind, name) is None:
        return False
    forge.db.run("DELETE FROM kept_settings WHERE repo_id = ? AND kind = ? AND name = ?", repo["id"], kind, name)
    return True


def _kept(row: Row) -> Kept:
    return Kept(row["id"], row["name"], json.loads(row["value"]), row["created_at"], row["updated_at"])
