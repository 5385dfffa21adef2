"""Old runs that are started again, and texts that were edited between a label and a command: neither is what people
asked for.
"""

from datetime import UTC, datetime, timedelta

import pytest

from agent.github import locks
from tests.jobs.conftest import Desk
from tests.jobs.test_change import ready, written
from tests.jobs.test_request import file, form
from tests.jobs.test_steer import answered, lock
from tests.jobs.test_steer import merged as merge

UNIT = "infra/terraform/dev/reports"


def later(**more: float) -> datetime:
    return datetime.now(UTC) + timedelta(**more)


def names(desk: Desk, number: int) -> set[str]:
    return {label.name for label in desk.person("morgan").get_issue(number).labels}


def test_a_label_of_days_ago_starts_nothing_when_its_run_is_started_again(desk: Desk) -> None:
    ready(desk)
    event, before = desk.last("issues"), desk.status(1)[0]
    while event.payload["action"] != "labeled" or event.payload["label"]["name"] != "infra-request":
        desk.events.remove(event)
        event = desk.last("issues")
    assert desk.intake(desk.documents(), event, attempt=2).status == "accepted", "no offence"
    documents = desk.documents()
    request = desk.intake(documents, event, attempt=2, now=later(hours=25))
    assert (request.status, request.route) == ("refused", "steer")
    assert "more than 24 hours ago; put the label infra-request on again" in request.reasons[0]
    assert desk.intake(desk.documents(), event, now=later(hours=25)).status == "refused", "however it came so late"
    desk.steer(documents)
    assert (desk.status(1)[0], names(desk, 1)) == (before, {"agent:ready"}), "what stands stays as it is"
    assert "24 hours ago" in desk.status(1)[1]


def test_a_label_that_something_came_after_is_not_taken_up_again(desk: Desk) -> None:
    written(desk)
    event = desk.last("issues")
    event.payload["issue"]["updated_at"] = f"{later(minutes=-5):%Y-%m-%dT%H:%M:%SZ}"
    desk.person("robin").get_issue(1).create_comment("/agent revise name: outside")
    desk.forge.db.run("UPDATE issue_events SET created_at = '2026-01-01T00:00:00Z'")
    assert desk.intake(desk.documents(), event, attempt=2).status == "accepted", "who may not write stops nobody"
    desk.say(1, "/agent revise versioning: false")
    assert desk.intake(desk.documents(), event, attempt=1).status == "accepted", "the first try waited in the queue"
    request = desk.intake(desk.documents(), event, attempt=2)
    assert (request.status, "a command of casey" in request.reasons[0]) == ("refused", True)


def test_a_command_is_not_taken_up_again_after_a_newer_one_or_a_new_label(desk: Desk) -> None:
    written(desk)
    desk.say(1, "/agent revise name: first")
    first = desk.last("issue_comment")
    assert desk.intake(desk.documents(), first, attempt=2).answers == ("name: first",)
    assert desk.intake(desk.documents(), first, attempt=2, now=later(hours=25)).status == "refused"
    desk.say(1, "/agent revise name: second")
    second = desk.last("issue_comment")
    request = desk.intake(desk.documents(), first, attempt=2)
    assert (request.status, "came after what this run is about" in request.reasons[0]) == ("refused", True)
    assert desk.intake(desk.documents(), second, attempt=2).answers == ("name: first", "name: second")
    past = f"{later(minutes=-5):%Y-%m-%dT%H:%M:%SZ}"
    second.payload["comment"]["created_at"] = past
    request = desk.intake(desk.documents(), second, attempt=2)
    assert (request.status, "the label infra-request of" in request.reasons[0]) == ("refused", True)


@pytest.mark.parametrize("command", ["/agent unlock", "/agent retry", "/agent cancel", f"/agent approve {'a' * 40}"])
def test_an_old_command_that_one_answer_ends_is_not_repeated(desk: Desk, command: str) -> None:
    file(desk, form())
    desk.say(1, command, login="morgan")
    request = desk.intake(desk.documents(), desk.last("issue_comment"), attempt=2, now=later(days=2))
    assert (request.status, "write the command once more" in request.reasons[0]) == ("refused", True)


def test_an_unlock_frees_no_lock_that_was_taken_after_it(desk: Desk) -> None:
    _, number = merge(desk)
    connection = desk.connection(contents="write")
    commit = str(desk.person("morgan").get_pull(number).merge_commit_sha)
    new = lock(UNIT, commit=commit, pull=number).model_copy(update={"time": later(minutes=10)})
    locks.take(connection, new)
    body = answered(desk, number, "/agent unlock", login="morgan")
    assert "was taken after this command" in body
    assert locks.holder(connection, UNIT) == new


def test_a_text_that_was_edited_since_its_label_is_not_what_a_command_is_about(desk: Desk) -> None:
    """The issue's author may have read permission alone, and edit at any time."""
    issue = file(desk, form(), login="robin")
    desk.person("casey").get_issue(issue.number).add_to_labels("infra-request")
    documents = desk.documents()
    assert desk.intake(documents, desk.last("issues")).status == "accepted"
    desk.author(documents)
    desk.publish(documents, intake="success", author="success")
    ahead, _ = desk.say(1, "/agent revise versioning: false")
    assert ahead.status == "accepted"
    desk.person("robin").get_issue(1).edit(body=form(parameters="name: mine"))
    for command in ("/agent revise versioning: true", "/agent confirm"):
        request, documents = desk.say(1, command)
        assert (request.status, "was changed since the status comment" in request.reasons[0]) == ("refused", True)
        desk.steer(documents)
    assert "put the label infra-request on again" in desk.status(1)[-1]
    desk.person("robin").get_issue(1).edit(body=form())
    assert desk.say(1, "/agent revise versioning: true")[0].status == "accepted"


def test_a_text_that_is_edited_while_a_command_waits_is_not_what_it_is_about(desk: Desk) -> None:
    issue = file(desk, form(), login="robin")
    desk.person("casey").get_issue(issue.number).create_comment("/agent revise versioning: true")
    event = desk.last("issue_comment")
    assert desk.intake(desk.documents(), event).status == "accepted"
    desk.person("robin").get_issue(1).edit(body=form(parameters="name: mine"))
    request = desk.intake(desk.documents(), event)
    assert (request.status, "was changed after this command was written" in request.reasons[0]) == ("refused", True)


def test_a_refused_text_is_not_gone_on_from(desk: Desk) -> None:
    issue = file(desk, form(), login="robin")
    desk.person("casey").get_issue(issue.number).add_to_labels("infra-request")
    labelled = desk.last("issues")
    desk.person("robin").get_issue(1).edit(body=form(parameters="name: mine"))
    documents = desk.documents()
    assert desk.intake(documents, labelled).status == "refused"
    desk.steer(documents, labelled)
    request, _ = desk.say(1, "/agent revise versioning: true")
    assert (request.status, "put the label infra-request on again" in request.reasons[0]) == ("refused", True)
