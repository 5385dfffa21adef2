"""A unit -> who holds it: one lock a unit, kept as a git ref that only one run can create.

`refs/infra-agent/locks/<slug>` points at a tag object whose message is the Lock. GitHub creates a ref or answers that
it is there already, so of two runs one gets the unit. A lock that cannot be read is an error, never free.
"""

import hashlib
import re

import github
from github.GitRef import GitRef
from pydantic import ValidationError

from agent.domain import Lock
from agent.errors import ToolError
from agent.github.connect import Connection, explained

PREFIX = "refs/infra-agent/locks/"
EXISTS = 422


def ref_of(unit: str) -> str:
    """The ref of a unit's lock: readable, and different for every unit. No unit's ref lies below that of another."""
    readable = re.sub(r"[^a-z0-9]+", "-", unit.lower().removeprefix("infra/")).strip("-")[:60].rstrip("-")
    return f"{PREFIX}{readable or 'unit'}-{hashlib.sha256(unit.encode()).hexdigest()[:12]}"


def held(connection: Connection) -> tuple[Lock, ...]:
    """Every lock that there is, by unit. Raises ToolError naming one that cannot be read."""
    with explained("the locks"):
        refs = list(connection.repository.get_git_matching_refs(PREFIX.removeprefix("refs/")))
    return tuple(sorted((_read(connection, ref) for ref in refs), key=lambda lock: lock.unit))


def holder(connection: Connection, unit: str) -> Lock | None:
    """Who holds `unit` now. Raises ToolError when its lock cannot be read."""
    ref = _ref(connection, ref_of(unit))
    return _read(connection, ref) if ref is not None else None


def take(connection: Connection, lock: Lock) -> Lock | None:
    """Take the lock: None when the run holds it now (or held it before), else who has it.

    Raises ToolError when GitHub does not say, or when the lock that stands there cannot be read.
    """
    name, message = ref_of(lock.unit), lock.model_dump_json()
    there = holder(connection, lock.unit)
    if there is not None:
        return None if there.run == lock.run else there
    with explained(f"the lock of {lock.unit}"):
        tag = connection.repository.create_git_tag(name.removeprefix(PREFIX), message, lock.commit, "commit")
    try:
        with explained(f"the lock of {lock.unit}"):
            connection.repository.create_git_ref(name, tag.sha)
    except ToolError:
        # Somebody was faster, or the answer was lost on its way: what stands there now says which.
        there = holder(connection, lock.unit)
        if there is None:
            raise
        return None if there.run == lock.run else there
    return None


def release(connection: Connection, unit: str, *, run: str | None) -> Lock | None:
    """Give the unit back and return the lock that was there; None when nothing was to be released.

    With `run` only the lock of that run goes, with None whoever's. Raises ToolError when the lock cannot be read.
    """
    name = ref_of(unit)
    ref = _ref(connection, name)
    if ref is None:
        return None
    lock = _read(connection, ref)
    if run is not None and lock.run != run:
        return None
    again = _ref(connection, name)  # GitHub deletes a ref whatever it points at: look right before
    if again is None or again.object.sha != ref.object.sha:
        return None
    with explained(f"releasing the lock of {unit}"):
        try:
            again.delete()
        except github.GithubException as error:
            if error.status not in (404, EXISTS):
                raise
            if _ref(connection, name) is not None:
                raise
    return lock


def ended(connection: Connection, lock: Lock) -> bool:
    """Whether the run that holds `lock` is over, by GitHub's own record. A run that GitHub does not know is not."""
    try:
        with explained(f"run {lock.run}, which holds {lock.unit}"):
            return connection.repository.get_workflow_run(int(lock.run)).status == "completed"
    except ToolError as error:
        if isinstance(error.__cause__, github.UnknownObjectException):
            return False
        raise


def _ref(connection: Connection, name: str) -> GitRef | None:
    with explained(f"the lock {name}"):
        found = connection.repository.get_git_matching_refs(name.removeprefix("refs/"))
        return next((ref for ref in found if ref.ref == name), None)


def _read(connection: Connection, ref: GitRef) -> Lock:
    if ref.object.type != "tag":
        raise _unreadable(ref.ref, f"it points at a {ref.object.type}")
    with explained(f"the lock {ref.ref}"):
        tag = connection.repository.get_git_tag(ref.object.sha)
        message, commit = tag.message, tag.object.sha
    try:
        lock = Lock.model_validate_json(message.strip())
    except ValidationError as error:
        raise _unreadable(ref.ref, f"{error.error_count()} fields are wrong") from error
    if ref_of(lock.unit) != ref.ref or lock.commit != commit:
        raise _unreadable(ref.ref, f"it names {lock.unit} at {lock.commit[:7]}")
    return lock


def _unreadable(name: str, why: str) -> ToolError:
    return ToolError(
        f"the lock {name} cannot be read: {why}. Nothing is applied while it stands; when no run is applying that "
        f"unit, a maintainer takes it off with `git push origin :{name}`"
    )
