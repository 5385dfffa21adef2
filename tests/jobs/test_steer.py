"""Commands that one answer ends: who may, what is said, what is done, and that nothing else is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.documents import Documents, write
from agent.domain import Finding, Findings, Lock, Proposal
from agent.errors import Denied, ToolError
from agent.github import locks
from agent.sandbox.runner import Runner
from tests.jobs.conftest import Desk
from tests.jobs.test_change import CLEAN, UNIT, pull_number, ready
from tests.jobs.test_request import file, form

SLEEPY = """\
name: agent
run-name: "agent #${{ github.event.issue.number }}"
on:
  issues:
    types: [labeled]
permissions: {}
jobs:
  wait:
    runs-on: ubuntu-24.04
    steps:
      - run: sleep 60
"""
DISPATCHED = """\
name: apply
run-name: "apply #${{ inputs.pull_request }}"
on:
  workflow_dispatch:
    inputs:
      pull_request: {type: string, required: true}
permissions: {}
jobs:
  none:
    if: ${{ false }}
    runs-on: ubuntu-24.04
    steps:
      - run: "true"
"""


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Iterator[Runner]:
    """The runner's API beside the forge's."""
    made = Runner(desk.forge, tmp_path / "runs", tools={}, machine={"PATH": os.environ["PATH"]})
    desk.forge.app.register_blueprint(made.blueprint)
    yield made
    made.stop()


def reactions(desk: Desk, number: int) -> list[str]:
    """Reactions of the agent to the last comment of a person."""
    found = [one for one in desk.person("morgan").get_issue(number).get_comments() if one.user.type == "User"]
    return [one.content for one in found[-1].get_reactions()]


def answered(desk: Desk, number: int, text: str, *, login: str = "casey") -> str:
    """What the agent answers to a command."""
    before = desk.status(number)
    request, documents = desk.say(number, text, login=login)
    assert request.route == "steer", request
    desk.steer(documents)
    status = "<!-- infra-agent:status"
    after = [body for body in desk.status(number) if body not in before and not body.startswith(status)]
    assert len(after) == 1, after
    return after[0]


def merged(desk: Desk) -> tuple[Documents, int]:
    documents = ready(desk)
    number = pull_number(documents)
    assert desk.person("morgan").get_pull(number).merge().merged
    return documents, number


def lock(unit: str, *, commit: str, pull: int, run: str = "77") -> Lock:
    return Lock.model_validate(
        {
            "unit": unit,
            "pull_request": pull,
            "commit": commit,
            "run": run,
            "person": "casey",
            "time": "2026-01-02T00:00:00Z",
        }
    )


# --- who is heard ------------------------------------------------------------------------------------------------


def test_G01_an_outsiders_command_leaves_nothing_behind(desk: Desk) -> None:
    issue = file(desk, form())
    for login in ("robin", "sam"):
        for text in ("/agent status", "/agent cancel", "/agent remember this is so", "/agent x"):
            request, _ = desk.say(issue.number, text, login=login)
            assert (request.status, request.route) == ("ignored", "")
            assert "denied" in request.reasons[0]
    assert desk.status(issue.number) == []
    assert reactions(desk, issue.number) == []


def test_G02_a_contributor_of_the_past_is_no_writer(desk: Desk) -> None:
    issue = file(desk, form())
    desk.person("robin").get_issue(issue.number).create_comment("/agent plan")
    event = desk.last("issue_comment")
    event.payload["comment"]["author_association"] = "OWNER"
    request = desk.intake(desk.documents(), event)
    assert (request.status, request.route) == ("ignored", "")


def test_G04_a_person_with_the_name_of_an_app_is_a_person(desk: Desk) -> None:
    desk.tokens["renovate"] = desk.forge.create_user("renovate")
    issue = file(desk, form())
    request, _ = desk.say(issue.number, "/agent plan", login="renovate")
    assert request.status == "ignored"


ANSWERS = {
    "/agent help": "`/agent rollback`",
    "/agent review": "no open pull request",
    "/agent revize x": "Did you mean `/agent revise`?",
    "/agent approve abc123": "40-hex",
    "/agent retry": "nothing of this request was merged",
    "/agent rollback": "no merged pull request",
    "/agent plan": "no open pull request",
    "/agent confirm": "nothing to confirm",
}


def test_every_command_is_answered_where_it_was_written(desk: Desk) -> None:
    issue = file(desk, form())
    for text, said in ANSWERS.items():
        body = answered(desk, issue.number, text)
        assert said in body.replace("\\", ""), text
        assert reactions(desk, issue.number) == ["eyes", "rocket" if text == "/agent help" else "confused"]


def test_an_answer_stands_once_however_often_the_job_runs(desk: Desk) -> None:
    issue = file(desk, form())
    _, documents = desk.say(issue.number, "/agent help")
    desk.steer(documents)
    desk.steer(documents)
    assert len(desk.status(issue.number)) == 1


# --- when intake fails ---------------------------------------------------------------------------------------------


def test_a_failed_intake_is_said_to_who_asked(desk: Desk) -> None:
    issue = file(desk, form(), title="@everyone ![x](https://evil.example/x.png)")
    labelled = desk.last("issues")
    desk.steer(desk.documents(), labelled)
    (body,) = desk.status(issue.number)
    assert "intake" in body
    assert "put the label infra-request on again" in body
    assert "everyone" not in body
    labels = {label.name for label in desk.person("morgan").get_issue(issue.number).labels}
    assert labels == {"agent:failed"}
    desk.person("casey").get_issue(issue.number).create_comment("/agent plan")
    desk.steer(desk.documents(), desk.last("issue_comment"))
    assert "write the command once more" in desk.status(issue.number)[-1]


@pytest.mark.parametrize(("login", "text"), [("robin", "/agent plan"), ("casey", "thank you")])
def test_G01_a_failed_intake_answers_nobody_else(desk: Desk, login: str, text: str) -> None:
    issue = file(desk, form())
    desk.person(login).get_issue(issue.number).create_comment(text)
    desk.steer(desk.documents(), desk.last("issue_comment"))
    assert desk.status(issue.number) == []
    assert reactions(desk, issue.number) == []


def test_G22_a_failed_intake_that_cannot_ask_for_rights_says_nothing(desk: Desk) -> None:
    issue = file(desk, form())
    event, root = desk.last("issues"), desk.clone()
    desk.forge.fail_next("GET", r".*/collaborators/.*", status=500, times=10)
    with pytest.raises(Denied):
        desk.steer(desk.documents(), event, root)
    desk.forge.faults.waiting.clear()
    assert desk.status(issue.number) == []


# --- status and explain --------------------------------------------------------------------------------------------


def test_status_answers_from_the_record_in_one_comment(desk: Desk, runner: Runner) -> None:
    documents = ready(desk)
    number = pull_number(documents)
    head = desk.person("morgan").get_pull(number).head.sha
    locks.take(desk.connection(), lock(UNIT, commit=head, pull=number))
    body = answered(desk, 1, "/agent status")
    for said in ("agent:ready", f"pull/{number}", "agent/plan", "success", UNIT, "casey", "can merge"):
        assert said in body
    before = len(desk.status(1))
    _, documents = desk.say(1, "/agent status", login="morgan")
    desk.steer(documents)
    assert len(desk.status(1)) == before
    assert reactions(desk, 1) == ["eyes", "rocket"]


EXPLAINED = {
    "terraform/provisioner": "terraform/provisioner",
    "preflight/freeze": "no freeze of the environment is on",
    "scope/stateful-destroy": "nothing that holds data",
    "preflight/freez": "Did you mean",
    "aws_s3_bucket.nowhere": "is no rule, and no address",
    "![x](https://evil.example/a) @casey": "is no rule",
}


def test_a_rule_is_explained_or_the_near_ones_are_named(desk: Desk) -> None:
    issue = file(desk, form())
    for what, said in EXPLAINED.items():
        body = answered(desk, issue.number, f"/agent explain {what}")
        assert said in body.replace("\\", ""), what
        assert "](https://evil" not in body


def test_what_a_check_found_is_explained(desk: Desk) -> None:
    documents = ready(desk)
    number = pull_number(documents)
    bad = Finding(
        source="checkov", rule="CKV_AWS_18", severity="low", message="no access log @casey", path=f"{UNIT}/main.tf",
        line=3, help="https://docs.prismacloud.io/en/s3-13",
    )  # fmt: skip
    whole = Finding(source="policy", rule="OWN_1", severity="low", message="not this")
    other = bad.model_copy(update={"rule": "CKV_AWS_19", "message": "another rule"})
    write(documents.folder / "findings.json", Findings(findings=(bad, whole, other), checks=CLEAN.checks))
    desk.publish(documents)
    body = answered(desk, number, "/agent explain CKV_AWS_18").replace("\\", "")
    for said in (
        "no access log",
        f"{UNIT}/main.tf:3]",
        "main.tf#L3)",
        "agent/checks",
        "(https://docs.prismacloud.io/en/s3-13)",
    ):
        assert said in body
    assert "another rule" not in body
    assert "@casey" not in body
    body = answered(desk, number, "/agent explain OWN_1").replace("\\", "")
    assert "about no single line" in body
    assert "agent/checks](" in body


# --- unlock --------------------------------------------------------------------------------------------------------


def test_a_maintainer_releases_a_lock_and_reads_whose_it_was(desk: Desk, runner: Runner) -> None:
    documents = ready(desk)
    number = pull_number(documents)
    held = lock(UNIT, commit=desk.person("morgan").get_pull(number).head.sha, pull=number)
    connection = desk.connection()
    locks.take(connection, held)
    assert "may not release a lock" in answered(desk, number, "/agent unlock")
    assert locks.held(connection) == (held,)
    assert "is not locked" in answered(desk, number, "/agent unlock infra/terraform/dev/other", login="morgan")
    body = answered(desk, number, f"/agent unlock {UNIT}", login="morgan")
    assert UNIT in body
    assert "held by casey" in body
    assert locks.held(connection) == ()
    assert "nothing is locked" in answered(desk, number, f"/agent unlock {UNIT}", login="morgan")


# --- cancel and retry ----------------------------------------------------------------------------------------------


def test_cancel_ends_the_runs_of_this_request_and_of_no_other(desk: Desk, runner: Runner) -> None:
    person = desk.person("morgan")
    path = ".github/workflows/agent.yml"
    person.update_file(path, "sleepy", SLEEPY, person.get_contents(path).sha)  # type: ignore[union-attr]
    runs = []
    for _ in range(3):  # the first is the run that answers: it never ends itself
        file(desk, form())
        runs += runner.handle(desk.last("issues"))
    assert "no run of this request is under way" in answered(desk, 1, "/agent cancel")
    assert "Under way" not in answered(desk, 1, "/agent status")
    assert "Under way" in answered(desk, 2, "/agent status")
    body = answered(desk, 2, "/agent cancel")
    assert f"run {runs[1]}" in body
    assert f"run {runs[2]}" not in body
    assert runner.wait(runs[1], 20).conclusion == "cancelled"
    assert runner.run(runs[2]).status != "completed"
    for run in (runs[0], runs[2]):
        runner.cancel(run)
    assert {label.name for label in person.get_issue(2).labels} == {"agent:needs-info"}


def test_retry_starts_the_apply_of_what_was_merged(desk: Desk, runner: Runner) -> None:
    _, number = merged(desk)
    person = desk.person("morgan")
    path = ".github/workflows/apply.yml"
    person.update_file(path, "small", DISPATCHED, person.get_contents(path).sha)  # type: ignore[union-attr]
    body = answered(desk, number, "/agent retry")
    assert "started again" in body
    (event,) = [event for event in desk.events if event.name == "workflow_dispatch"]
    assert event.payload["inputs"] == {"pull_request": str(number)}
    assert event.payload["ref"] == "refs/heads/main"


def test_a_start_that_github_does_not_take_is_said(desk: Desk, runner: Runner) -> None:
    _, number = merged(desk)
    _, documents = desk.say(number, "/agent retry")
    desk.forge.fail_next("POST", r".*/dispatches", status=422, times=1)
    with pytest.raises(ToolError, match=r"starting apply\.yml"):
        desk.steer(documents)
    assert "starting apply.yml" in desk.status(number)[-1].replace("\\", "")
    assert reactions(desk, number) == ["eyes", "confused"]


# --- approve -------------------------------------------------------------------------------------------------------


def test_G18_an_approval_of_an_older_commit_is_stale(desk: Desk) -> None:
    documents = ready(desk)
    number = pull_number(documents)
    old = documents.need(Proposal).head_sha
    desk.person("casey").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")
    head = desk.person("casey").get_pull(number).head.sha
    assert head != old
    assert f"stale: head is {head}" in answered(desk, number, f"/agent approve {old}", login="morgan")


def test_an_approval_of_the_head_counts_and_says_who_is_missing(desk: Desk) -> None:
    documents = ready(desk)
    number, head = pull_number(documents), documents.need(Proposal).head_sha
    body = answered(desk, number, f"/agent approve {head}", login="morgan")
    assert "The approval counts" in body
    assert "morgan" in body
    assert "does not count here" in answered(desk, number, f"/agent approve {head}", login="casey")


def test_approving_a_merge_starts_its_apply_again(desk: Desk, runner: Runner) -> None:
    _, number = merged(desk)
    commit = desk.person("morgan").get_pull(number).merge_commit_sha
    person = desk.person("morgan")
    path = ".github/workflows/apply.yml"
    person.update_file(path, "small", DISPATCHED, person.get_contents(path).sha)  # type: ignore[union-attr]
    assert f"stale: pull request {number} was merged as" in answered(desk, number, f"/agent approve {'0' * 40}")
    assert "started again" in answered(desk, number, f"/agent approve {commit}", login="morgan")
    assert [event.name for event in desk.events].count("workflow_dispatch") == 1
