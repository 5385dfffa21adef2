"""Refused before anything is written, and how people who may go on: preflight, overrides, approvals."""

from datetime import UTC, datetime
from typing import Any

import git
import pytest
from github.Issue import Issue
from github.PullRequest import PullRequest

from agent import scope
from agent.documents import Documents, write
from agent.domain import Change, ChangeSet, CheckRun, Findings, Plan, Proposal, Request, Seal, UnitPlan, Verdict
from agent.guardrails import Guardrails
from agent.repo import remote_head
from agent.verdict import REQUIRED_CHECKS
from tests.jobs.conftest import Desk
from tests.jobs.test_request import file, form

UNIT = "infra/terraform/dev/reports"
CLEAN = Findings(checks=tuple(CheckRun(check=name, status="passed") for name in REQUIRED_CHECKS))
FREEZE = {"starts": "2026-12-20", "ends": "2027-01-02", "reason": "Nobody is there to mend it."}
ASIDE = f"preflight/freeze={UNIT}"
OVERRIDE = f"/agent override {ASIDE} the shop is down"


def rails(desk: Desk, **more: Any) -> None:
    """Guardrails of this test."""
    made = desk.guardrails.model_dump(mode="json", exclude_unset=True)
    desk.guardrails = Guardrails.model_validate(made | more)


def freeze(desk: Desk, *logins: str) -> None:
    desk.now = datetime(2026, 12, 24, 12, tzinfo=UTC)
    rails(desk, freezes=[FREEZE], overrides=[{"rules": ["preflight/freeze"], "logins": list(logins)}] if logins else [])


def say(desk: Desk, issue: Issue, login: str, text: str) -> tuple[Documents, Request]:
    desk.person(login).get_issue(issue.number).create_comment(text)
    documents = desk.documents()
    return documents, desk.intake(documents, desk.last("issue_comment"))


def asked(desk: Desk, **more: str) -> tuple[Documents, Issue, ChangeSet]:
    issue = file(desk, form(**more))
    documents = desk.documents()
    desk.intake(documents, desk.last("issues"))
    change = desk.author(documents)[0]
    assert isinstance(change, ChangeSet)
    return documents, issue, change


def proposed(desk: Desk, documents: Documents) -> Proposal:
    write(documents.folder / "findings.json", CLEAN)
    proposal = desk.propose(documents)[0]
    assert isinstance(proposal, Proposal)
    return proposal


def answer(desk: Desk, documents: Documents, issue: Issue) -> str:
    """The status comment after `publish`."""
    desk.publish(documents, intake="success", author="success")
    (body,) = [body for body in desk.status(issue.number) if "infra-agent:status" in body]
    return body


def test_a_freeze_refuses_and_the_person_named_goes_on(desk: Desk) -> None:
    freeze(desk, "morgan")
    documents, issue, change = asked(desk)
    assert (change.status, change.files) == ("refused", ())
    assert [(one.rule, one.value, one.who) for one in change.refusals] == [("preflight/freeze", UNIT, ("morgan",))]
    body = answer(desk, documents, issue)
    assert "### 🚫 Refused" in body
    assert "Nobody is there to mend it." in body
    assert f"/agent override {ASIDE} <reason>" in body
    assert {label.name for label in desk.person("morgan").get_issue(issue.number).labels} == {"agent:failed"}
    assert desk.branches() == ["main"]

    documents, request = say(desk, issue, "morgan", OVERRIDE)
    assert (request.status, request.trigger) == ("accepted", "override")
    (override,) = request.overrides
    assert (override.rule, override.value, override.by) == ("preflight/freeze", UNIT, "morgan")
    assert override.reason == "the shop is down"
    assert override.comment_id == request.comment_id
    desk.author(documents)
    proposal = proposed(desk, documents)
    assert proposal.status == "proposed"
    assert proposal.pull_request is not None
    said = f"`{ASIDE}` was overridden by `morgan`: the shop is down"
    assert said in (desk.person("morgan").get_pull(proposal.pull_request).body or "")
    planned(desk, documents)
    assert said in answer(desk, documents, issue)
    assert documents.need(Seal).overrides == request.overrides

    # A revision keeps it, a new label does not: the label starts afresh.
    _, revised = say(desk, issue, "casey", "/agent revise versioning: false")
    assert (revised.overrides, revised.answers) == (request.overrides, ("versioning: false",))
    before = "UPDATE comments SET created_at = ?, updated_at = ? WHERE id = ?"
    desk.forge.db.run(before, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", override.comment_id)
    assert say(desk, issue, "casey", "/agent revise versioning: true")[1].overrides == ()
    desk.person("casey").get_issue(issue.number).add_to_labels("infra-request")
    assert desk.intake(desk.documents(), desk.last("issues")).overrides == ()


def test_an_override_counts_for_the_value_that_was_refused_and_for_no_other(desk: Desk) -> None:
    freeze(desk, "morgan")
    _, issue, _ = asked(desk)
    documents, _ = say(desk, issue, "morgan", OVERRIDE)
    desk.author(documents)
    assert documents.need(ChangeSet).status == "written"
    documents, request = say(desk, issue, "casey", "/agent revise name: elsewhere")
    assert len(request.overrides) == 1
    desk.author(documents)
    (refusal,) = documents.need(ChangeSet).refusals
    other = "infra/terraform/dev/elsewhere"
    assert (refusal.rule, refusal.subject) == ("preflight/freeze", other)
    documents, _ = say(desk, issue, "morgan", f"/agent override preflight/freeze={other} that one too")
    desk.author(documents)
    assert documents.need(ChangeSet).status == "written"


@pytest.mark.parametrize(
    ("login", "text", "said"),
    [
        ("casey", OVERRIDE, "preflight/freeze is not yours to override: morgan can"),
        ("morgan", "/agent override preflight/limit we need more", "names nobody who can"),
        ("morgan", "/agent override preflight/freez we need it", "Did you mean preflight/freeze?"),
        ("morgan", "/agent override gate/undecided we need it", "cannot be overridden"),
        ("morgan", "/agent override terraform/moves we need it", "cannot be overridden"),
        ("morgan", "/agent override check/could-not-run we need it", "never a pass"),
        ("morgan", "/agent override scope/type we need it", "cannot be overridden"),
        ("morgan", "/agent override preflight/freeze the shop is down", "an override is of one value"),
        ("morgan", "/agent override preflight/freeze= the shop is down", "an override is of one value"),
        ("morgan", "/agent override preflight/freeze <!-- nothing to see -->", "needs a reason"),
        ("morgan", "/agent override preflight/freeze <reason>", "needs a reason"),
        ("morgan", "/agent override preflight/freeze", "Write `/agent override"),
    ],
)
def test_an_override_that_does_not_count_is_answered_with_why(desk: Desk, login: str, text: str, said: str) -> None:
    freeze(desk, "morgan")
    issue = file(desk, form())
    documents, request = say(desk, issue, login, text)
    assert (request.status, request.trigger) == ("refused", "usage")
    desk.publish(documents)
    (body,) = desk.status(issue.number)
    assert said in body
    _, revised = say(desk, issue, "casey", "/agent revise versioning: true")
    assert revised.overrides == ()


def test_who_may_not_write_overrides_nothing_even_when_named(desk: Desk) -> None:
    freeze(desk, "robin")
    issue = file(desk, form())
    _, request = say(desk, issue, "robin", OVERRIDE)
    assert (request.status, request.overrides) == ("ignored", ())
    assert say(desk, issue, "casey", "/agent revise versioning: true")[1].overrides == ()


def test_no_answer_about_a_team_is_a_no(desk: Desk) -> None:
    freeze(desk)
    rails(desk, overrides=[{"rules": ["preflight/*"], "teams": ["leads"]}])
    issue = file(desk, form())
    documents, request = say(desk, issue, "morgan", OVERRIDE)
    assert request.status == "refused"
    desk.publish(documents)
    assert "team leads can" in desk.status(issue.number)[0]


def test_what_somebody_else_wrote_into_a_comment_counts_for_nothing(desk: Desk) -> None:
    freeze(desk, "morgan")
    issue = file(desk, form())
    comment = desk.person("morgan").get_issue(issue.number).create_comment("I will look at it.")
    desk.person("casey").get_issue(issue.number).get_comment(comment.id).edit(OVERRIDE)
    desk.forge.db.run("UPDATE comments SET updated_at = '2099-01-01T00:00:00Z' WHERE id = ?", comment.id)
    assert say(desk, issue, "casey", "/agent revise versioning: true")[1].overrides == ()


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"resource_types": {"deny": ["aws_s3_bucket_versioning"]}}, "preflight/type"),
        ({"environments": {"dev": {"quotas": {"aws_s3_bucket": 0}}}}, "preflight/quota"),
        ({"environments": {"dev": {"regions": ["eu-central-1"]}}}, "preflight/region"),
        ({"limits": {"max_creates": 1}}, "preflight/limit"),
    ],
)
def test_a_request_that_is_not_allowed_is_refused(desk: Desk, more: dict[str, Any], rule: str) -> None:
    rails(desk, **more)
    documents, issue, change = asked(desk)
    assert {one.rule for one in change.refusals} == {rule}
    assert rule in answer(desk, documents, issue)


def test_a_unit_that_is_there_already_is_asked_about(desk: Desk) -> None:
    documents, _, _ = asked(desk)
    proposal = proposed(desk, documents)
    assert proposal.pull_request is not None
    desk.person("morgan").get_pull(proposal.pull_request).merge()
    again, issue, change = asked(desk, parameters="name: reports\nversioning: false")
    assert change.status == "needs-info"
    assert "is there already" in answer(desk, again, issue)


def test_a_clash_with_an_open_pull_request_is_refused_and_names_it(desk: Desk) -> None:
    mine = by_hand(desk, "casey-by-hand", f"{UNIT}/main.tf")
    by_hand(desk, "elsewhere", "infra/terraform/dev/elsewhere/main.tf")
    documents, issue, change = asked(desk)
    assert change.status == "written"
    before = len(desk.forge.api_calls())
    proposal = proposed(desk, documents)
    calls = [call for call in desk.forge.api_calls()[before:] if "/pulls" in call.path]
    assert len(calls) == 2, calls
    assert proposal.status == "refused"
    (refusal,) = proposal.refusals
    assert (refusal.rule, refusal.url) == ("preflight/open-change", mine.html_url)
    assert desk.branches() == ["casey-by-hand", "elsewhere", "main"]
    body = answer(desk, documents, issue)
    assert f"]({mine.html_url})" in body
    mine.edit(state="closed")
    assert proposed(desk, documents).status == "proposed"
    # Its own pull request is never in its way.
    assert proposed(desk, documents).status == "proposed"


def test_what_main_has_changed_since_is_no_clash(desk: Desk) -> None:
    """A pull request that was opened before the unit changed on main has another tree there, and changes nothing."""
    by_hand(desk, "old", "infra/terraform/dev/old/main.tf")
    late = by_hand(desk, "late", f"{UNIT}/README.md")
    late.merge()
    documents, _, _ = asked(desk, parameters="name: other")
    change = documents.need(ChangeSet)
    write(documents.folder / "change.json", change.model_copy(update={"units": (*change.units, UNIT)}))
    assert proposed(desk, documents).status == "proposed"


def test_T23_a_destroy_waits_for_its_approval_by_address(desk: Desk) -> None:
    documents, issue, _ = asked(desk)
    proposal = proposed(desk, documents)
    assert proposal.pull_request is not None
    head = str(proposal.head_sha)
    pull = desk.person("morgan").get_issue(proposal.pull_request)
    judged = planned(desk, documents, destroys="aws_db_instance.main")
    assert "scope/stateful-destroy" in {finding.rule for finding in judged.findings}
    answer(desk, documents, issue)
    assert documents.need(Verdict).status == "blocked"
    command = f"/agent approve-destroy {head} aws_db_instance.main"
    assert command in "\n".join(desk.status(proposal.pull_request))
    assert documents.get(Seal) is None

    for login, text, said in (
        ("casey", command, "casey may not approve a destroy: people with maintain permission can"),
        ("morgan", f"/agent approve-destroy {'0' * 40} aws_db_instance.main", f"stands at {head[:7]}"),
        ("morgan", "/agent approve-destroy aws_db_instance.main", "Write `/agent approve-destroy"),
    ):
        refused, request = say(desk, pull, login, text)
        assert (request.status, request.approvals) == ("refused", ())
        desk.publish(refused)
        assert any(said in body for body in desk.status(proposal.pull_request)), said

    again, request = say(desk, pull, "morgan", command)
    assert (request.status, request.trigger, request.head_sha) == ("accepted", "plan", head)
    assert [(one.commit, one.address, one.by) for one in request.approvals] == [
        (head, "aws_db_instance.main", "morgan")
    ]
    write(again.folder / "findings.json", CLEAN)
    more = planned(desk, again, destroys="aws_db_instance.other")
    assert "scope/stateful-destroy" in {finding.rule for finding in more.findings}
    ready = planned(desk, again, destroys="aws_db_instance.main")
    assert not [finding for finding in ready.findings if finding.severity == "critical"]
    desk.publish(again, intake="success")
    assert again.need(Verdict).status == "ready"
    assert again.need(Seal).approvals == request.approvals


def test_planning_again_keeps_what_the_agent_wrote_bound_to_its_scope(desk: Desk) -> None:
    documents, issue, change = asked(desk)
    proposal = proposed(desk, documents)
    again, request = say(desk, issue, "casey", "/agent plan")
    assert request.trigger == "plan"
    assert again.need(ChangeSet).scope == change.scope
    assert "scope/type" in {finding.rule for finding in planned(desk, again, destroys="aws_db_instance.main").findings}
    assert proposal.pull_request is not None
    # A commit of a person is that person's own.
    desk.person("casey").create_file(f"{UNIT}/NOTES.md", "by hand", "# By hand\n", branch=proposal.branch)
    again, _ = say(desk, issue, "casey", "/agent plan")
    assert again.need(ChangeSet).scope is None


def by_hand(desk: Desk, branch: str, path: str) -> PullRequest:
    person = desk.person("casey")
    person.create_git_ref(f"refs/heads/{branch}", str(remote_head(git.Repo(desk.clone()), desk.remote(), "main")))
    person.create_file(path, "by hand", "# by hand\n", branch=branch)
    return person.create_pull(base="main", head=branch, title=branch, body="")


def planned(desk: Desk, documents: Documents, *, destroys: str = "") -> Plan:
    """A plan document of the change as the plan job judges it, with one database to destroy."""
    request, change = documents.need(Request), documents.need(ChangeSet)
    proposal = documents.get(Proposal)
    changes = (Change(address=destroys, type="aws_db_instance", verbs=("delete",)),) if destroys else ()
    units = tuple(
        UnitPlan(
            unit=unit, target="terraform", status="planned", digest="d" * 64, tool="terraform 1.11.4", changes=changes
        )
        for unit in change.units
    )
    made = Plan(commit=proposal.head_sha if proposal else request.head_sha, units=units)
    findings = scope.check(
        made, change.scope, stateful_types=desk.guardrails.stateful_types, approvals=request.approvals
    )
    made = made.model_copy(update={"findings": findings})
    write(documents.folder / "plan.json", made)
    return made
