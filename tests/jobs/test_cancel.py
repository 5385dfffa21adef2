"""`/agent cancel` in a runner: what it ends, what it leaves alone, and what a run that it ended leaves behind."""

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from github.ContentFile import ContentFile

from agent.documents import Documents
from agent.domain import Request
from agent.github import locks
from agent.render.answers import asked_of
from agent.sandbox.runner import Runner
from tests.jobs.conftest import PROJECT, REPOSITORY, Desk
from tests.jobs.test_change import written
from tests.jobs.test_request import file, form
from tests.jobs.test_steer import SLEEPY, runner

__all__ = ["runner"]
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
PROPOSING = """\
name: agent
run-name: "agent #${{ github.event.issue.number }}"
on:
  issues:
    types: [labeled]
permissions: {}
jobs:
  propose:
    runs-on: ubuntu-24.04
    permissions: {contents: write, issues: write, pull-requests: write, checks: write}
    steps:
      - uses: CHECKOUT
        with: {persist-credentials: false}
      - run: exec "$PYTHON" -m agent job propose --in "$DOCUMENTS" --out out/proposal.json
        env:
          GITHUB_TOKEN: ${{ github.token }}
          PYTHON: PYTHON_HERE
          PYTHONPATH: PROJECT_HERE
          DOCUMENTS: DOCUMENTS_HERE
          INFRA_AGENT_EXPECT: EXPECT_HERE
"""


FIRST = """\
name: first
on: push
permissions: {}
jobs:
  none:
    if: ${{ false }}
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
"""


def workflow(desk: Desk, name: str, text: str) -> None:
    person, path = desk.person("morgan"), f".github/workflows/{name}"
    if name in ("agent.yml", "change.yml"):
        found = person.get_contents(path)
        assert isinstance(found, ContentFile)
        person.update_file(path, "a test's", text, found.sha)
    else:
        person.create_file(path, "a test's", text)


def started(desk: Desk, runner: Runner, event: str = "issues") -> dict[str, int]:
    """The runs that the last event of this name starts, by the name of their workflow's file."""
    ids = runner.handle(desk.last(event))
    return {Path(runner.run(one).path).name: one for one in ids}


def cancelled(desk: Desk, number: int) -> str:
    """What the agent answers to the command, beside its status comment."""
    _, documents = desk.say(number, "/agent cancel")
    desk.steer(documents)
    return [body for body in desk.status(number) if body.startswith("<!-- infra-agent:answer")][-1]


def take_the_first_number(desk: Desk, runner: Runner) -> None:
    """Run 1 is the one that answers, in these tests; it ends here."""
    workflow(desk, "first.yml", FIRST)
    assert started(desk, runner, "push") == {"first.yml": 1}
    runner.wait(1, 20)


def labels(desk: Desk, number: int) -> set[str]:
    return {label.name for label in desk.person("morgan").get_issue(number).labels}


def test_cancel_ends_no_run_of_another_workflow_that_looks_alike(desk: Desk, runner: Runner) -> None:
    take_the_first_number(desk, runner)
    workflow(desk, "agent.yml", SLEEPY)
    workflow(desk, "other.yml", SLEEPY)
    by_hand = SLEEPY.replace("issues:\n    types: [labeled]", "push: {}")
    workflow(desk, "change.yml", by_hand.replace("agent #${{ github.event.issue.number }}", "change #1"))
    runs = started(desk, runner, "push")
    file(desk, form())
    runs |= started(desk, runner)
    assert set(runs) == {"first.yml", "change.yml", "agent.yml", "other.yml"}
    assert f"run {runs['agent.yml']}" in cancelled(desk, 1)
    assert runner.run(runs["agent.yml"]).conclusion == "cancelled"
    assert "no run of this request is under way" in cancelled(desk, 1)
    for alike in (runs["change.yml"], runs["other.yml"]):
        assert runner.run(alike).status != "completed"
        runner.cancel(alike)


def proposing(desk: Desk, runner: Runner, stuck: str = r".*/pulls$") -> tuple[int, Documents]:
    """A run whose `propose` has pushed its branch and waits: GitHub asked it to, at the writing call `stuck`."""
    take_the_first_number(desk, runner)
    documents = written(desk)
    digests = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in documents.folder.glob("*.json")}
    text = PROPOSING.replace("CHECKOUT", CHECKOUT).replace("PYTHON_HERE", sys.executable)
    text = text.replace("PROJECT_HERE", str(PROJECT)).replace("DOCUMENTS_HERE", str(documents.folder))
    workflow(desk, "agent.yml", text.replace("EXPECT_HERE", " ".join(f"{name}={sha}" for name, sha in digests.items())))
    desk.forge.fail_next("POST", stuck, status=403, headers={"Retry-After": "60"}, times=1)
    run = started(desk, runner)["agent.yml"]
    wait_for(lambda: not desk.forge.faults.waiting)
    assert "agent/1" in desk.branches()
    return run, documents


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


@pytest.mark.parametrize("stands", [False, True], ids=["before its pull request", "behind its pull request"])
def test_cancel_while_it_is_proposed_leaves_nothing_half_done(desk: Desk, runner: Runner, stands: bool) -> None:
    run, documents = proposing(desk, runner, stuck=r".*/issues/1/labels$" if stands else r".*/pulls$")
    body = cancelled(desk, 1)
    assert (runner.run(run).status, runner.run(run).conclusion) == ("completed", "cancelled")
    assert f"run {run}, which was in progress" in body
    (status,) = [one for one in desk.status(1) if one.startswith("<!-- infra-agent:status")]
    assert "Cancelled by casey" in status
    assert labels(desk, 1) == {"agent:needs-info"}
    # What the status was about, it is about still: a text that is edited now is not gone on from.
    assert asked_of(status) == ((documents.need(Request).sha256, "") if stands else ("", ""))
    assert locks.held(desk.connection()) == ()
    pulls = list(desk.person("morgan").get_pulls())
    if stands:
        assert [one.head.ref for one in pulls] == ["agent/1"]
        assert f"Pull request {pulls[0].number} stays" in status
    else:
        assert (pulls, desk.branches()) == ([], ["main"])
        assert "the branch agent/1, for which there was no pull request yet, is deleted" in body


def test_cancel_keeps_a_branch_that_a_person_pushed_to(desk: Desk, runner: Runner) -> None:
    take_the_first_number(desk, runner)
    workflow(desk, "agent.yml", SLEEPY)
    file(desk, form())
    run = started(desk, runner)["agent.yml"]
    desk.connection().repository.create_git_ref("refs/heads/agent/1", desk.forge.resolve(REPOSITORY, "main"))
    desk.person("casey").create_file("infra/terraform/dev/reports/mine.tf", "mine", "# mine\n", branch="agent/1")
    body = cancelled(desk, 1)
    assert f"run {run}, which was" in body
    assert "is deleted" not in body
    assert desk.branches() == ["agent/1", "main"]
