"""The client against a served forge: what it repeats, what it waits for, when it gives up, what it counts."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import github
import pytest
from github.Repository import Repository

from agent.errors import Denied, ToolError
from agent.github import read, write
from agent.github.client import Client, Usage
from agent.github.connect import Connection, connect, explained
from agent.sandbox.forge import Forge, serve

NAME = "acme/infra"


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = field(default_factory=time.time)
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class World:
    forge: Forge
    clock: Clock
    connection: Connection

    @property
    def usage(self) -> Usage:
        return self.connection.usage

    def calls(self, method: str) -> int:
        return sum(call.method == method for call in self.forge.api_calls())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    forge = Forge(tmp_path)
    forge.create_user("casey")
    forge.create_repository("acme", "infra", seed={"README.md": b"x"})
    server = serve(forge)
    clock, usage = Clock(), Usage()
    permissions = {"issues": "write", "checks": "write", "contents": "write", "pull-requests": "write"}
    token = forge.issue_job_token(NAME, permissions, run_id=1, job="publish")
    client = Client(
        auth=github.Auth.Token(token),
        api_url=forge.api,
        usage=usage,
        patience=240,
        sleep=clock.sleep,
        clock=lambda: clock.now,
        say=clock.said.append,
    )
    repository = Repository(client, url=f"/repos/{NAME}", completed=False)
    connection = Connection(repository, NAME, "github-actions[bot]", 15368, usage)
    repository.create_issue("please")
    usage.calls = usage.writes = 0
    yield World(forge, clock, connection)
    server.stop()
    forge.close()


def test_a_read_is_repeated_with_growing_pauses(world: World) -> None:
    world.forge.fail_next("GET", r"/issues/1$", 502, times=3)
    assert read.issue(world.connection, 1).title == "please"
    assert world.clock.slept == [0.5, 1.0, 2.0]
    assert (world.usage.calls, world.usage.repeated, world.usage.writes) == (4, 3, 0)


def test_a_read_that_never_comes_says_so(world: World) -> None:
    world.forge.fail_next("GET", r"/issues/1$", "cut", times=99)
    with pytest.raises(ToolError, match=r"issue #1: GitHub could not be reached"):
        read.issue(world.connection, 1)
    assert len(world.clock.slept) == 4
    world.forge.faults.waiting.clear()
    world.forge.fail_next("GET", r"/permission$", 500, times=99)
    with pytest.raises(Denied, match="counts as not allowed"):
        read.permission(world.connection, "casey")


@pytest.mark.parametrize("status", [500, 502, "cut", "cut after"])
def test_a_comment_is_posted_once_whatever_the_answer(world: World, status: int | str) -> None:
    world.forge.fail_next("POST", r"/comments$", status)  # type: ignore[arg-type]  # the literals of the table above
    try:
        write.upsert_comment(world.connection, 1, marker="<!-- m -->", body="text")
    except ToolError:
        assert status != "cut after"
        assert [comment.body for comment in read.comments(world.connection, 1)] == []
        write.upsert_comment(world.connection, 1, marker="<!-- m -->", body="text")
    assert [comment.body for comment in read.comments(world.connection, 1)] == ["<!-- m -->\ntext"]


@pytest.mark.parametrize(("status", "headers", "slept"), [(403, {"Retry-After": "3"}, 3.0), (429, {}, 60.0)])
def test_a_limit_is_waited_for_and_said(world: World, status: int, headers: dict[str, str], slept: float) -> None:
    world.forge.fail_next("POST", r"/comments$", status, headers)
    write.upsert_comment(world.connection, 1, marker="<!-- m -->", body="text")
    assert world.clock.slept == [slept]
    assert f"waiting {slept:.0f} s" in world.clock.said[0]
    assert len(read.comments(world.connection, 1)) == 1


def test_a_wait_that_is_too_long_stops_with_when_to_go_on(world: World) -> None:
    world.forge.fail_next("POST", r"/comments$", 403, {"Retry-After": "1800"})
    with pytest.raises(ToolError, match=r"wait 1800 s, .* no longer than 240 s .*Run the job again after \d\d:\d\d"):
        write.upsert_comment(world.connection, 1, marker="<!-- m -->", body="text")
    assert world.clock.slept == []


def test_all_waits_together_are_bounded(world: World) -> None:
    world.forge.fail_next("GET", r"/issues/1$", 429, {"Retry-After": "100"}, times=99)
    with pytest.raises(ToolError, match="waits no longer than 240 s altogether"):
        read.issue(world.connection, 1)
    assert world.clock.slept == [100, 100]


def test_nothing_is_sent_once_the_hour_is_used_up(world: World) -> None:
    reset = str(int(world.clock.now) + 1000)
    world.forge.fail_next("GET", r"/issues/1$", 200, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset})
    with explained("x"):
        world.connection.repository.requester.requestJsonAndCheck("GET", f"/repos/{NAME}/issues/1")
    before = len(world.forge.api_calls())
    with pytest.raises(ToolError, match="the calls of this hour are used up"):
        write.upsert_comment(world.connection, 1, marker="<!-- m -->", body="text")
    assert len(world.forge.api_calls()) == before


def test_eighty_writes_a_minute_and_not_one_more(world: World) -> None:
    issue = world.connection.repository.get_issue(1)
    for number in range(90):
        issue.edit(title=f"t{number}")
    assert sum(world.clock.slept) == pytest.approx(60, abs=5)
    assert "80 writes within 60 s" in world.clock.said[0]
    assert world.usage.writes == 90


def test_five_hundred_writes_an_hour_and_not_one_more(world: World) -> None:
    world.usage.recent.extend([world.clock.now - 600] * 500)
    with pytest.raises(ToolError, match="500 writes within 3600 s"):
        write.react(world.connection, 1, "eyes")


def test_the_words_of_github_come_with_what_to_do(world: World) -> None:
    poor = world.forge.issue_job_token(NAME, {"issues": "read"}, run_id=1, job="x")
    connection = connect(token=poor, api_url=world.forge.api, repository=NAME)
    with pytest.raises(ToolError, match=r"not accessible by integration; the job's token lacks a permission"):
        write.close(connection, 1)
    world.forge.revoke_token(poor)
    with pytest.raises(ToolError, match=r"Bad credentials; .* run the workflow again"):
        read.issue(connection, 1)


def test_pages_are_read_to_the_last(world: World) -> None:
    issue = world.connection.repository.get_issue(1)
    world.usage.recent.clear()
    for number in range(130):
        issue.create_comment(f"c{number}")
    before = world.usage.calls
    assert len(read.comments(world.connection, 1)) == 130
    assert world.usage.calls - before == 2
