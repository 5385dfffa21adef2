"""GitHub ill at each call in turn: a run ends right or says clearly that it did not, and running again finishes it."""

import difflib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from pprint import pformat
from typing import Literal

import pytest

from agent.documents import Documents, write
from agent.domain import Proposal, Situation
from agent.errors import Denied, ToolError
from agent.github import locks
from agent.sandbox.forge import Event, Forge, serve
from agent.sandbox.forge.forge import ApiCall
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.merging import locked, merged, outcome, reported, resolved, sealed_pull
from tests.jobs.test_change import planned, written

Kind = Literal["cut", "cut after"] | int
KINDS: tuple[tuple[Kind, dict[str, str]], ...] = (
    (500, {}),
    ("cut", {}),
    (502, {}),
    (403, {"Retry-After": "3600"}),
    ("cut after", {}),
    (429, {}),
)
FOREVER = 10_000


def state(desk: Desk) -> list[str]:
    """What people see, in lines, without what is another in each run: hashes and addresses."""

    def same(text: str) -> str:
        return re.sub(r"[0-9a-f]{7,64}", "HASH", (text or "").replace(desk.server.url, "URL"))

    repo = desk.person("morgan")
    issues = sorted(repo.get_issues(state="all"), key=lambda issue: issue.number)
    found: dict[str, object] = {
        "branches": desk.branches(),
        "pulls": [(one.number, one.state, same(one.title), same(one.body)) for one in repo.get_pulls(state="all")],
        "comments": [(one.number, sorted(same(comment.body) for comment in one.get_comments())) for one in issues],
        "labels": [(one.number, one.state, sorted(label.name for label in one.labels)) for one in issues],
    }
    for pull in repo.get_pulls(state="all"):
        # Each run posts its own check runs; the newest of a name is what counts.
        runs = repo.get_commit(pull.head.sha).get_check_runs()
        found[f"checks {pull.number}"] = sorted((run.name, run.conclusion, same(run.output.title)) for run in runs)
    lines = [f"{name}: {line}" for name, value in found.items() for line in pformat(value, width=200).splitlines()]
    return [line.replace("\\n", "\n") for line in lines]


def difference(expected: list[str], found: list[str]) -> list[str]:
    one, other = ("\n".join(lines).splitlines() for lines in (expected, found))
    return [line for line in difflib.ndiff(one, other) if line[0] in "+-"]


def request_to_ready(desk: Desk, documents: Documents, root: Path) -> None:
    """Each run in a fresh copy of the checkout `root`, as in CI."""
    own = shutil.copytree(root, desk.folder / f"root-{len(list(desk.folder.iterdir()))}", symlinks=True)
    desk.propose(documents, own)
    planned(documents)
    desk.publish(documents, own)


@contextmanager
def ill(desk: Desk, method: str, kind: Kind, headers: dict[str, str], *, after: int) -> Iterator[None]:
    """GitHub answers the first `after` calls and from then on not one."""
    desk.forge.fail_next(method, r"/api/v3/", kind, headers, times=FOREVER, after=after)
    try:
        yield
    finally:
        desk.forge.faults.waiting.clear()


@contextmanager
def copied(desk: Desk, folder: Path) -> Iterator[Desk]:
    """A world of its own that stands where `desk` stands."""
    shutil.copytree(desk.forge.root, folder / "forge")
    (folder / "work").mkdir()
    forge = Forge(folder / "forge")
    server = serve(forge)
    made = replace(desk, forge=forge, server=server, folder=folder / "work", events=[])
    forge.on_event = made.events.append
    try:
        yield made
    finally:
        server.stop()
        forge.close()


def handed_on(kept: Path, world: Desk, *, old: str) -> Documents:
    """The documents `kept` as the jobs before would have written them in `world`: addresses are of its server."""
    made = shutil.copytree(kept, world.folder / "documents")
    for path in made.iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace(old, world.server.url), encoding="utf-8")
    return Documents(made)


def since(desk: Desk, start: int, method: str = "") -> list[ApiCall]:
    return [call for call in desk.forge.api_calls()[start:] if method in ("", call.method)]


def test_every_call_from_the_request_to_the_ready_pull_request(desk: Desk, tmp_path: Path) -> None:
    documents, root = written(desk), desk.clone()
    before = shutil.copytree(documents.folder, tmp_path / "documents")
    with copied(desk, tmp_path / "good") as good:
        start = len(good.forge.api_calls())
        request_to_ready(good, handed_on(before, good, old=desk.server.url), root)
        calls = since(good, start)
        expected = state(good)
    assert [call for call in calls if call.status >= 400] == []
    assert 15 < len(calls) <= 34, "the whole path may take 40 calls, and intake takes 5"

    ended_well = 0
    for position in range(len(calls)):
        kind, headers = KINDS[position % len(KINDS)]
        with ill(desk, "*", kind, headers, after=position), suppress(ToolError, Denied):
            request_to_ready(desk, documents, root)
            ended_well += 1
    assert ended_well < len(calls) / 2, "a run that could not reach GitHub must say so"
    request_to_ready(desk, documents, root)
    assert difference(expected, state(desk)) == []


@pytest.mark.slow
def test_a_write_whose_answer_is_lost_is_found_again(desk: Desk, tmp_path: Path) -> None:
    """The worst of them for each POST: it was done, nobody was told, and then GitHub is gone."""
    documents, root = written(desk), desk.clone()
    before = shutil.copytree(documents.folder, tmp_path / "documents")
    expected, position, done = list[str](), -1, False
    while not done:
        assert position < 20
        with copied(desk, tmp_path / f"world{position}") as world:
            own = handed_on(before, world, old=desk.server.url)
            if position >= 0:
                with ill(world, "POST", "cut after", {}, after=position), suppress(ToolError):
                    request_to_ready(world, own, root)
                    done = True  # there is no such POST any more
            request_to_ready(world, own, root)
            expected = expected or state(world)
            assert difference(expected, state(world)) == [], f"POST number {position}"
            assert own.need(Proposal).pull_request is not None
        position += 1
    assert position > 5


def test_a_request_that_could_not_be_read_changes_nothing(desk: Desk) -> None:
    """Intake only reads: whatever call fails, it ends in a clear error, and the next run goes on as if nothing was."""
    from tests.jobs.test_request import file, form

    file(desk, form())
    event, nothing = desk.last("issues"), state(desk)
    start = len(desk.forge.api_calls())
    desk.intake(desk.documents(), event)
    calls = since(desk, start)
    assert {call.method for call in calls} == {"GET"}
    calls = [call for call in calls if REPOSITORY in call.path]
    around = [call.path.rpartition(REPOSITORY)[2] for call in calls[-2:]]
    assert around == ["/pulls", "/git/matching-refs/infra-agent/locks/"]
    for position in range(len(calls) - len(around)):
        kind, headers = KINDS[position % len(KINDS)]
        with ill(desk, "*", kind, headers, after=position), pytest.raises((ToolError, Denied)) as caught:
            desk.intake(desk.documents(), event)
        assert "GitHub" in str(caught.value)
    # What stands around the request is only told to those who write for it: not known is said as that.
    for position, known in ((len(calls) - 2, set()), (len(calls) - 1, {"open_changes"})):
        documents = desk.documents()
        with ill(desk, "*", 502, {}, after=position):
            assert desk.intake(documents, event).status == "accepted"
        told = documents.need(Situation)
        assert {name for name in ("locks", "open_changes") if getattr(told, name) is not None} == known
    assert desk.intake(desk.documents(), event).status == "accepted"
    assert difference(nothing, state(desk)) == []


def merge_to_report(desk: Desk, event: Event) -> str:
    """resolve, lock and report, as after an apply that went well; how it was told."""
    documents = desk.documents()
    merge = resolved(desk, event)
    write(documents.folder / "merge.json", merge)
    if merge.status == "apply" and locked(desk, documents)[0].status == "taken":
        well = outcome(merge, status="applied", healthy=True)
        write(documents.folder / "outcome.json", well)
    done = reported(desk, documents, event, resolve="success", lock="success", apply="success", validate="success")
    return done.status


def test_every_call_from_the_merge_to_the_report(desk: Desk, tmp_path: Path) -> None:
    pull = sealed_pull(desk)
    event = merged(desk, pull)
    with copied(desk, tmp_path / "good") as good:
        good.guardrails = desk.guardrails
        start = len(good.forge.api_calls())
        assert merge_to_report(good, event) == "applied and healthy"
        calls = since(good, start)
        expected = state(good)
    assert [call for call in calls if call.status >= 500] == []
    assert len(calls) > 15
    ended_well = 0
    for position in range(len(calls)):
        kind, headers = KINDS[position % len(KINDS)]
        with ill(desk, "*", kind, headers, after=position), suppress(ToolError, Denied):
            ended_well += merge_to_report(desk, event) == "applied and healthy"
    assert ended_well < len(calls) / 2, "a run that could not reach GitHub must say so"
    assert merge_to_report(desk, event) == "applied and healthy"
    assert difference(expected, state(desk)) == []
    assert locks.held(desk.connection(contents="read")) == ()
