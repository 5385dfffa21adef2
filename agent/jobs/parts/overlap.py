"""A pull request and its units -> a note on it and on every other open one that changes the same units."""

from collections.abc import Sequence
from pathlib import Path

import git

from agent.domain import OpenChange, Request
from agent.github import read, write
from agent.github.connect import Connection
from agent.jobs.parts.clashes import open_changes
from agent.render.answers import OVERLAP, overlap
from agent.render.page import Context
from agent.repo import Remote, fetch, open_repo
from agent.targets.terraform_files import unit_of

# So many other pull requests are told; the rest reads it on this one.
MOST = 5


def tell_overlaps(
    root: Path,
    remote: Remote,
    connection: Connection,
    context: Context,
    *,
    request: Request,
    number: int,
    into: str,
    units: Sequence[str] | None,
) -> None:
    """Say on pull request `number`, and on those that change the same units, that they do. With `units` None it was
    closed, and what the others say of it goes.

    While no other one changes them this costs two calls.
    """
    repo = open_repo(root)
    fetch(repo, remote, request.base_sha)
    mine = tuple(units) if units is not None else _units(connection, number)
    others = _beside(repo, remote, connection, number=number, base=request.base_sha, into=into, units=mine)
    if units is not None:
        _say(connection, context, number, others)
    for other in others[:MOST]:
        theirs = _units(connection, other.number)
        found = _beside(repo, remote, connection, number=other.number, base=request.base_sha, into=into, units=theirs)
        _say(connection, context, other.number, found)


def _units(connection: Connection, number: int) -> tuple[str, ...]:
    return tuple(sorted({unit for path in read.changed_paths(connection, number) if (unit := unit_of(path))}))


def _beside(
    repo: git.Repo, remote: Remote, connection: Connection, *, number: int, base: str, into: str, units: Sequence[str]
) -> list[OpenChange]:
    if not units:
        return []
    found = open_changes(repo, remote, connection, base=base, into=into, own="", units=units)
    return [one for one in found if one.number != number]


def _say(connection: Connection, context: Context, number: int, others: Sequence[OpenChange]) -> None:
    body = overlap(context, [(one.number, one.units) for one in others])
    if others:
        write.upsert_comment(connection, number, marker=OVERLAP, body=body)
    else:
        write.update_comment(connection, number, marker=OVERLAP, body=body)
