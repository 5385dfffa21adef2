"""A request -> what stands around it, asked of GitHub for those who write and hold no token."""

import re
from collections.abc import Sequence
from contextlib import suppress

from agent import scope
from agent.domain import Document, File, Lock, OpenChange, Request, Situation
from agent.errors import ToolError, UserError
from agent.github import locks, read
from agent.jobs.parts.snapshot import BRANCH, Surroundings, written_by
from agent.jobs.parts.workspace import change_of
from agent.repo import fetch_all, message
from agent.targets.terraform_files import unit_of

# Pull requests that are told, newest first; units of one; and those that GitHub is asked about one by one.
MOST_PULLS = 50
MOST_UNITS = 20
MOST_ASKED = 3
# Characters of the whole draft: what a model reads of it is bounded once more.
LARGEST_DRAFT = 1_000_000
UNIT = re.compile(r"infra(?:/[a-z][a-z0-9-]{0,62}){2,3}")
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}(?:\[bot\])?")


def situation_of(request: Request, here: Surroundings) -> Situation:
    """Open pull requests of the agent, locks, and what the request's own pull request holds.

    Raises ToolError when the request's own branch cannot be read, or whether it has one: what people wrote there would
    be passed over.
    Two calls, one more for each lock, and at most MOST_ASKED for pull requests to which people pushed. What GitHub does
    not say is None: a request goes on without it, and `propose` asks again before it writes.
    """
    pulls: Sequence[read.PullView] | None = None
    open_changes: tuple[OpenChange, ...] | None = None
    held: dict[str, str] | None = None
    try:
        pulls = [one for one in read.open_pulls(here.connection, here.branch) if _ours(one, here)]
    except ToolError:
        if request.trigger != "label":
            raise
    with suppress(ToolError):
        held = {lock.unit: held_by(lock) for lock in locks.held(here.connection) if UNIT.fullmatch(lock.unit)}
    with suppress(ToolError):
        if pulls is not None:
            open_changes = _open_changes([one for one in pulls if one.branch != request.branch], here)
    own = next((one for one in pulls or () if one.branch == request.branch), None)
    found = Situation(open_changes=open_changes, locks=held)
    if own is None or request.trigger == "label":  # the label means the form, and starts afresh
        return found
    draft = _draft(own, here)
    return found.model_copy(update={"draft": draft, "draft_commit": own.head_sha if draft else None})


def with_situation(request: Request, here: Surroundings) -> tuple[Document, ...]:
    """The request, and what stands around it when somebody is to write for it."""
    return (request, situation_of(request, here)) if request.route == "write" else (request,)


def held_by(lock: Lock) -> str:
    """Who has a unit, since when, for what."""
    person = lock.person if LOGIN.fullmatch(lock.person) else "somebody"
    return f"{person} applies pull request #{lock.pull_request} there since {lock.time:%Y-%m-%d %H:%M} UTC"


def _ours(pull: read.PullView, here: Surroundings) -> bool:
    return pull.head_repository == here.connection.name and BRANCH.fullmatch(pull.branch) is not None


def _open_changes(pulls: Sequence[read.PullView], here: Surroundings) -> tuple[OpenChange, ...]:
    newest = sorted(pulls, key=lambda one: -one.number)[:MOST_PULLS]
    fetch_all(here.repo, here.remote, (one.head_sha for one in newest))
    asked = 0
    found = []
    for pull in newest:
        units = _said(here, pull)
        if not units and asked < MOST_ASKED:
            asked += 1
            paths = read.changed_paths(here.connection, pull.number)
            units = tuple(dict.fromkeys(unit for path in paths if (unit := unit_of(path))))
        known = tuple(unit for unit in units if UNIT.fullmatch(unit))
        found.append(OpenChange(number=pull.number, url=pull.url, units=known[:MOST_UNITS]))
    return tuple(found)


def _said(here: Surroundings, pull: read.PullView) -> tuple[str, ...]:
    """The units that the agent's own commit names; empty when the newest commit is somebody else's."""
    try:
        asked = scope.from_message(message(here.repo, pull.head_sha))
    except UserError:
        return ()
    return asked.units if asked else ()


def _draft(pull: read.PullView, here: Surroundings) -> tuple[File, ...]:
    """What a model wrote on the request's branch, with what people changed since; empty for anything else."""
    try:
        files = change_of(here.repo, here.remote, base=here.base, commit=pull.head_sha)
    except UserError:  # no common history: `propose` says so
        return ()
    if not written_by(here, pull.head_sha).startswith("model:"):
        return ()
    plain = all(file.path.startswith("infra/") and "\0" not in (file.content or "") for file in files)
    return files if plain and sum(len(file.content or "") for file in files) <= LARGEST_DRAFT else ()
