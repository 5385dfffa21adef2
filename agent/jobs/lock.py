"""Merge -> Locks: every unit of the merge for this run alone, all or none; else who has one of them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from agent.documents import Documents
from agent.domain import Lock, Locks, Merge, Run
from agent.errors import ToolError, UserError
from agent.github import locks
from agent.github.connect import Connection
from agent.settings import Settings

SECONDS_BETWEEN_TRIES = 15.0


def run(
    documents: Documents,
    *,
    settings: Settings,
    connection: Connection,
    clock: Callable[[], datetime],
    pause: Callable[[float], None],
    say: Callable[[str], None],
    this_run: Run,
) -> Locks:
    """Take the lock of every unit, in the order of their names, and wait a bounded time while other runs hold one.

    Nothing is kept while it waits, so two runs never wait for each other. The lock of a run that is over goes to this
    one. Raises ToolError when GitHub does not answer or a lock cannot be read; what was taken is given back then.
    """
    merge = documents.need(Merge)
    if merge.status != "apply" or merge.pull_request is None or not merge.units:
        raise UserError("merge.json: there is no unit to apply, so none to lock")
    wanted = [
        Lock(
            unit=unit,
            pull_request=merge.pull_request,
            commit=merge.commit,
            run=this_run.id,
            attempt=this_run.attempt,
            url=this_run.url,
            person=merge.asked_by or merge.merged_by,
            time=clock(),
        )
        for unit in sorted(merge.units)
    ]
    until = clock() + timedelta(minutes=settings.apply.lock_wait_minutes)
    tries = int(settings.apply.lock_wait_minutes * 60 / SECONDS_BETWEEN_TRIES)
    holder = _take_all(connection, wanted)
    while holder is not None and tries > 0 and clock() < until:
        say(f"waits for {words(holder)}")
        pause(SECONDS_BETWEEN_TRIES)
        tries -= 1
        holder = _take_all(connection, wanted)
    if holder is None:
        return Locks(status="taken", commit=merge.commit, locks=tuple(wanted))
    reason = (
        f"{words(holder)}, and did not give it back within {settings.apply.lock_wait_minutes} minutes. Comment "
        f"`/agent retry` when that run has ended; if it never will, a maintainer comments `/agent unlock {holder.unit}`"
    )
    return Locks(status="busy", reasons=(reason,), commit=merge.commit)


def words(lock: Lock) -> str:
    """Who holds a unit, and since when."""
    since = f"{lock.time:%Y-%m-%d %H:%M} UTC"
    return f"{lock.unit} is held for pull request #{lock.pull_request} by {lock.person} since {since} (run {lock.run})"


def _take_all(connection: Connection, wanted: Sequence[Lock]) -> Lock | None:
    """None when all are ours now, else the lock that stands in the way; then none is ours."""
    taken: list[Lock] = []
    try:
        for lock in wanted:
            holder = locks.take(connection, lock)
            if holder is not None and locks.ended(connection, holder):
                locks.release(connection, lock.unit, run=holder.run)
                holder = locks.take(connection, lock)
            if holder is not None:
                _give_back(connection, taken)
                return holder
            taken.append(lock)
    except ToolError:
        with suppress(ToolError):  # what stays is taken over by a later run, this one being over
            _give_back(connection, taken)
        raise
    return None


def _give_back(connection: Connection, taken: Sequence[Lock]) -> None:
    for lock in taken:
        locks.release(connection, lock.unit, run=lock.run)
