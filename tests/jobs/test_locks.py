"""Locks: one run has a unit, the others are told who, and what cannot be read is never taken for free."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Lock
from agent.errors import ToolError
from agent.github import locks
from tests.jobs.conftest import REPOSITORY, Desk

UNIT = "infra/terraform/dev/reports"


def lock(desk: Desk, *, run: str = "1", unit: str = UNIT) -> Lock:
    return Lock(
        unit=unit, pull_request=2, commit=desk.forge.resolve(REPOSITORY, "main"), run=run,
        url=f"{desk.server.url}/{REPOSITORY}/actions/runs/{run}", person="morgan",
        time=datetime(2026, 1, 2, tzinfo=UTC),
    )  # fmt: skip


def test_one_run_has_a_unit_and_the_other_is_told_who(desk: Desk) -> None:
    connection = desk.connection(contents="write")
    mine, other = lock(desk), lock(desk, run="2")
    assert locks.take(connection, mine) is None
    assert locks.take(connection, other) == mine
    assert locks.take(connection, mine) is None
    assert locks.take(connection, lock(desk, unit="infra/terraform/dev/other", run="2")) is None
    assert [(one.unit, one.run) for one in locks.held(connection)] == [("infra/terraform/dev/other", "2"), (UNIT, "1")]
    assert locks.holder(connection, UNIT) == mine


def test_a_lock_goes_with_its_run_or_by_a_person(desk: Desk) -> None:
    connection = desk.connection(contents="write")
    mine = lock(desk)
    assert locks.release(connection, UNIT, run="1") is None
    locks.take(connection, mine)
    assert locks.release(connection, UNIT, run="2") is None
    assert locks.release(connection, "infra/terraform/dev/reports-2", run=None) is None
    assert locks.held(connection) == (mine,)
    assert locks.release(connection, UNIT, run="1") == mine
    assert locks.held(connection) == ()
    locks.take(connection, mine)
    assert locks.release(connection, UNIT, run=None) == mine
    assert locks.held(connection) == ()


def test_of_many_runs_exactly_one_gets_the_unit(desk: Desk) -> None:
    wanted = [lock(desk, run=str(run)) for run in range(1, 9)]
    connections = [desk.connection(contents="write") for _ in wanted]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(locks.take, connections, wanted))
    winners = [one.run for one, answer in zip(wanted, answers, strict=True) if answer is None]
    assert len(winners) == 1
    assert {answer.run for answer in answers if answer is not None} == set(winners)


@pytest.mark.parametrize("status", ["cut after", "cut", 500])
def test_a_lost_answer_is_looked_up(desk: Desk, status: Literal["cut after", "cut"] | int) -> None:
    connection, mine = desk.connection(contents="write"), lock(desk)
    desk.forge.fail_next("POST", r"/api/v3/.*/git/refs", status, times=1)
    if status == "cut after":
        assert locks.take(connection, mine) is None
    else:
        with pytest.raises(ToolError, match="the lock of"):
            locks.take(connection, mine)
        assert locks.take(connection, mine) is None
    assert locks.held(connection) == (mine,)


def test_who_may_only_read_takes_and_releases_nothing(desk: Desk) -> None:
    locks.take(desk.connection(contents="write"), lock(desk))
    reader = desk.connection(contents="read")
    assert [one.run for one in locks.held(reader)] == ["1"]
    with pytest.raises(ToolError, match="releasing"):
        locks.release(reader, UNIT, run="1")
    with pytest.raises(ToolError):
        locks.take(reader, lock(desk, unit="infra/terraform/dev/other"))
    assert [one.unit for one in locks.held(reader)] == [UNIT]


@pytest.mark.parametrize(
    "message", ["", "{}", "not JSON", '{"unit": "infra/terraform/dev/reports"}', "other unit", "commit"]
)
def test_an_unreadable_lock_is_an_error_everywhere(desk: Desk, message: str) -> None:
    connection, mine = desk.connection(contents="write"), lock(desk)
    if message == "other unit":
        message = lock(desk, unit="infra/terraform/dev/other").model_dump_json()
    if message == "commit":
        message = mine.model_copy(update={"commit": "a" * 40}).model_dump_json()
    repository, name = connection.repository, locks.ref_of(UNIT)
    repository.create_git_ref(name, repository.create_git_tag("x", message or " ", mine.commit, "commit").sha)
    for ask in (
        lambda: locks.held(connection),
        lambda: locks.holder(connection, UNIT),
        lambda: locks.take(connection, mine),
        lambda: locks.release(connection, UNIT, run="1"),
        lambda: locks.release(connection, UNIT, run=None),
    ):
        with pytest.raises(ToolError, match=f"the lock {name} cannot be read"):
            ask()


def test_a_lock_at_a_commit_is_unreadable(desk: Desk) -> None:
    connection = desk.connection(contents="write")
    connection.repository.create_git_ref(locks.ref_of(UNIT), desk.forge.resolve(REPOSITORY, "main"))
    with pytest.raises(ToolError, match="it points at a commit"):
        locks.held(connection)


names = st.from_regex(r"infra/terraform/[a-z]{1,8}/[A-Za-z0-9._-]{1,80}(/[a-z.]{1,9})?", fullmatch=True)


@given(names, names)
def test_every_unit_has_a_ref_of_its_own_that_git_accepts(one: str, other: str) -> None:
    assert (locks.ref_of(one) == locks.ref_of(other)) == (one == other)
    name = locks.ref_of(one).removeprefix(locks.PREFIX)
    assert name.replace("-", "").isalnum()
    assert name.isascii()
    assert not name.startswith("-")
