"""The corpus, zone `gate`: who is heard, when two people speak at once, and what was edited or repeated."""

import time

import pytest

from agent.domain import ChangeSet, Proposal
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.merging import UNIT, merged, resolved
from tests.jobs.test_change import planned, pull_number, written
from tests.jobs.test_confirm import shown
from tests.jobs.test_request import file, form


def with_app(desk: Desk, role: str = "write") -> str:
    """An App's account that the permission endpoint calls a writer."""
    desk.tokens["relay[bot]"] = desk.forge.create_user("relay[bot]", kind="Bot")
    desk.forge.set_permission(REPOSITORY, "relay[bot]", role)  # type: ignore[arg-type]
    return "relay[bot]"


@pytest.mark.parametrize("text", ["/agent revise name: evil", "/agent plan", "/agent retry", "/agent unlock"])
def test_G04_an_app_that_may_write_repeats_what_anybody_told_it(desk: Desk, text: str) -> None:
    app = with_app(desk, "admin")
    issue = file(desk, form())
    request, _ = desk.say(issue.number, text, login=app)
    assert (request.status, request.route) == ("ignored", "")
    assert "is no person" in request.reasons[0]


def test_G04_an_app_neither_answers_nor_confirms_nor_labels(desk: Desk) -> None:
    app = with_app(desk)
    number, _ = shown(desk)
    for text in ("/agent confirm", "/agent revise name: evil", "/agent override preflight/freeze because"):
        desk.person(app).get_issue(number).create_comment(text)
    later, _ = desk.say(number, "/agent plan", login="casey")
    request, documents = desk.say(number, "/agent revise environment: prod", login="casey")
    assert (request.answers, request.overrides, request.confirmed_by) == (("environment: prod",), (), "")
    change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    assert (change.status, change.files) == ("needs-confirm", ())
    desk.person(app).get_issue(number).add_to_labels("infra-request")
    assert desk.intake(desk.documents(), desk.last("issues")).status == "ignored"
    assert later.confirmed_by == ""


def test_G05_a_comment_that_is_edited_into_a_command_starts_nothing_and_counts_for_nothing(desk: Desk) -> None:
    issue = file(desk, form())
    comment = desk.person("casey").get_issue(issue.number).create_comment("Looks fine")
    time.sleep(1.1)  # GitHub's times are whole seconds
    comment.edit("/agent revise name: edited")
    event = desk.last("issue_comment")
    assert event.action == "edited"
    assert desk.intake(desk.documents(), event).status == "ignored"
    request, _ = desk.say(issue.number, "/agent revise name: typed")
    assert request.answers == ("name: typed",)


def test_G15_a_label_put_on_twice_ends_in_one_pull_request(desk: Desk) -> None:
    first = written(desk)
    label = desk.last("issues")
    proposal = desk.propose(first)[0]
    again = desk.documents()
    desk.intake(again, label)
    desk.author(again)
    (again.folder / "findings.json").write_bytes((first.folder / "findings.json").read_bytes())
    second = desk.propose(again)[0]
    assert isinstance(proposal, Proposal)
    assert isinstance(second, Proposal)
    assert (second.status, second.head_sha, second.pull_request) == (
        "proposed",
        proposal.head_sha,
        proposal.pull_request,
    )
    assert desk.branches() == ["agent/1", "main"]
    assert len(desk.status(1)) == 1


def test_G15_what_was_cancelled_while_it_was_proposed_is_neither_ready_nor_lost(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    # The run ends here: neither plan nor publish came to it.
    number = pull_number(documents)
    head = desk.person("morgan").get_branch("agent/1").commit.sha
    assert list(desk.person("morgan").get_commit(head).get_check_runs()) == []
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    assert resolved(desk, merged(desk, desk.person("morgan").get_pull(number))).status == "apply"
    assert [pull.number for pull in desk.person("morgan").get_pulls(state="all")] == [number]


def test_G16_a_pull_request_that_is_closed_while_it_is_planned_has_nothing_to_apply(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    number = pull_number(documents)
    desk.person("morgan").get_pull(number).edit(state="closed")
    desk.publish(documents)
    request, _ = desk.say(number, "/agent plan")
    assert (request.status, "no open pull request" in request.reasons[0]) == ("refused", True)
    desk.person("morgan").create_file(f"{UNIT}/main.tf", "by hand", "# by hand\n")
    merge = resolved(desk, desk.last("push"))
    assert (merge.status, "no merged pull request" in merge.reasons[0]) == ("stopped", True)


def test_G04_what_an_app_said_or_labelled_stops_nobody_else(desk: Desk) -> None:
    """Asked for the permission of an App's account, GitHub says "is not a user": nobody may trip over that."""
    app = with_app(desk)
    issue = file(desk, form())
    other = file(desk, form(parameters="name: other"))
    desk.person(app).get_issue(issue.number).create_comment("/agent revise name: evil")
    desk.person(app).get_issue(other.number).remove_from_labels("infra-request")
    desk.person(app).get_issue(other.number).add_to_labels("infra-request")
    request, _ = desk.say(issue.number, "/agent revise name: mine")
    assert (request.status, request.answers) == ("accepted", ("name: mine",))
