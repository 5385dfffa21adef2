"""What a merge has to be before anything of it is applied: approved, of its own pull request, young, not overtaken."""

import time
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from agent.errors import ToolError, UserError
from agent.settings import Settings
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.merging import (
    DIGEST,
    UNIT,
    asked,
    dispatched,
    merged,
    open_pull,
    post,
    put_seal,
    resolved,
    sealed_pull,
)

# --- who approves ------------------------------------------------------------------------------------------------


def test_G18_G19_G21_only_approvals_that_count_let_a_merge_through(desk: Desk) -> None:
    for login, role in (("erin", "write"), ("lee", "write")):
        desk.tokens[login] = desk.forge.create_user(login)
        desk.forge.set_permission(REPOSITORY, login, role)  # type: ignore[arg-type]
    desk.tokens["helper[bot]"] = desk.forge.create_user("helper[bot]", kind="Bot")
    desk.forge.set_permission(REPOSITORY, "helper[bot]", "write")
    asked(desk, 3)
    desk.person("casey").create_issue("A bucket", "please")
    pull = open_pull(desk)
    old = pull.head.sha
    desk.person("erin").get_pull(2).create_review(event="APPROVE")
    desk.person("lee").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")
    pull = desk.person("casey").get_pull(2)
    put_seal(desk, pull)
    head = pull.head.sha
    for login, text in (
        ("casey", f"/agent approve {head}"),  # asked for it
        ("lee", f"/agent approve {head}"),  # pushed to the branch
        ("robin", f"/agent approve {head}"),  # may only read
        ("helper[bot]", f"/agent approve {head}"),
        ("erin", f"/agent approve {head[:7]}"),
        ("erin", f"/agent approve {old}"),
        ("erin", f"> /agent approve {head}"),
        ("erin", f"I would not /agent approve {head}"),
    ):
        desk.person(login).get_issue(2).create_comment(text)
    desk.person("robin").get_pull(2).create_review(event="APPROVE")
    edited = desk.person("erin").get_issue(2).create_comment("nothing yet")
    time.sleep(1.1)  # GitHub's times are whole seconds
    edited.edit(f"/agent approve {head}")
    push = merged(desk, pull)

    merge = resolved(desk, push)
    assert merge.status == "stopped"
    assert "needs the approval of 3 people, so far morgan. " in merge.reasons[0]
    assert f"/agent approve {head}" in merge.reasons[0]
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {head}")
    assert "so far erin, morgan. " in resolved(desk, push).reasons[0]
    asked(desk, 2)
    merge = resolved(desk, push)
    assert [(one.login, one.how) for one in merge.approvers] == [("erin", "comment"), ("morgan", "merge")]
    assert merge.status == "apply"
    asked(desk, 2, logins=["morgan"])
    assert "of morgan, so far morgan" in resolved(desk, push).reasons[0]


def test_a_review_counts_until_it_is_taken_back(desk: Desk) -> None:
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission(REPOSITORY, "erin", "write")
    asked(desk, 2)
    pull = sealed_pull(desk)
    review = desk.person("erin").get_pull(2).create_review(event="APPROVE")
    push = merged(desk, pull)
    assert resolved(desk, push).status == "apply"
    review.dismiss("a second look")
    assert "so far morgan" in resolved(desk, push).reasons[0]
    desk.person("erin").get_pull(2).create_review(event="REQUEST_CHANGES", body="no")
    assert "asks for changes" in resolved(desk, push).reasons[0]
    asked(desk, 0)
    assert "asks for changes" in resolved(desk, push).reasons[0], "also where the guardrails ask for nobody"


def test_P08_a_merge_past_the_rules_of_the_branch_is_not_applied(desk: Desk) -> None:
    pull = sealed_pull(desk)
    push = merged(desk, pull)
    assert resolved(desk, push).status == "apply"
    desk.forge.set_permission(REPOSITORY, "morgan", "admin")
    desk.person("morgan").get_branch("main").edit_protection(required_approving_review_count=1)
    assert "lacks a review that the rules of its branch ask for" in resolved(desk, push).reasons[0]


def test_who_asked_does_not_count_by_merging(desk: Desk) -> None:
    pull = sealed_pull(desk)
    push = merged(desk, pull, by="casey")
    asked(desk, 1)
    assert "so far nobody" in resolved(desk, push).reasons[0]
    asked(desk, 0)
    assert resolved(desk, push).status == "apply", "where the guardrails ask for nobody, the merge is enough"


def test_more_risk_needs_more_approvals(desk: Desk) -> None:
    pull = sealed_pull(desk, risk="critical")
    assert "risk critical needs the approval of 2 people" in resolved(desk, merged(desk, pull)).reasons[0]


def test_without_an_answer_nobody_approved(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    answers: tuple[int | Literal["cut"], ...] = (500, 403, "cut")
    for answer in answers:
        desk.forge.fail_next("POST", "/api/graphql", answer, times=9)
        with pytest.raises(ToolError, match=r"the review decision of pull request #2|/api/graphql"):
            resolved(desk, push)
        desk.forge.faults.waiting.clear()


# --- a retry -----------------------------------------------------------------------------------------------------


def test_a_retry_of_a_merged_pull_request_is_judged_as_its_merge_was(desk: Desk) -> None:
    pull = sealed_pull(desk)
    with pytest.raises(UserError, match="#2 is not merged"):
        resolved(desk, dispatched(pull.number))
    push = merged(desk, pull)
    first, again = resolved(desk, push), resolved(desk, dispatched(pull.number))
    assert (again.status, again.units, again.commit, again.issue) == ("apply", (UNIT,), first.commit, 1)
    assert again.model_copy(update={"asked_by": ""}) == first
    assert resolved(desk, dispatched(pull.number, by="morgan")).asked_by == "morgan"
    assert "robin may not write" in resolved(desk, dispatched(pull.number, by="robin")).reasons[0]


def test_P10_only_the_default_branch_is_applied(desk: Desk) -> None:
    for ref in ("refs/heads/main2", "refs/tags/main", "main", "refs/heads/agent/1"):
        with pytest.raises(UserError, match="a dispatch on it"):
            resolved(desk, dispatched(1, ref=ref))


def test_G16_a_run_of_last_month_is_refused(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    for days, status in ((6, "apply"), (8, "stopped"), (31, "stopped")):
        merge = resolved(desk, push, clock=lambda days=days: datetime.now(UTC) + timedelta(days=days))
        assert merge.status == status
        if status == "stopped":
            assert "merged more than 7 days ago; open a new pull request" in merge.reasons[0]
    settings: Settings = desk.settings.model_copy(
        update={"apply": desk.settings.apply.model_copy(update={"max_age_days": 60})}
    )
    later = datetime.now(UTC) + timedelta(days=31)
    assert resolved(desk, push, clock=lambda: later, settings=settings).status == "apply"


# --- whose seal it is ----------------------------------------------------------------------------------------------


def test_of_two_pull_requests_on_one_head_none_takes_the_others_seal(desk: Desk) -> None:
    pull = sealed_pull(desk)
    desk.person("casey").create_git_ref("refs/heads/twin", pull.head.sha)
    twin = desk.person("casey").create_pull(base="main", head="twin", title="twin", body="")
    put_seal(desk, twin, request_number=twin.number)
    push = merged(desk, pull)
    merge = resolved(desk, push)
    assert merge.status == "stopped"
    assert "2 merged pull requests" in merge.reasons[0] or "is for #3, not for pull request #2" in merge.reasons[0]
    assert "is for #3" in resolved(desk, dispatched(pull.number)).reasons[0]


def test_a_seal_that_cannot_be_read_is_none(desk: Desk) -> None:
    pull = sealed_pull(desk)
    sealed = put_seal(desk, pull)
    post(desk, pull.head.sha, sealed.model_copy(update={"risk": "none at all"}))
    merge = resolved(desk, merged(desk, pull))
    assert merge.status == "stopped"
    assert "the seal of" in merge.reasons[0]
    assert "risk" in merge.reasons[0]


# --- what was pushed -----------------------------------------------------------------------------------------------


def test_two_pull_requests_on_one_unit_merged_within_a_second(desk: Desk) -> None:
    one = sealed_pull(desk)
    other = sealed_pull(desk, branch="mine", files={f"{UNIT}/other.tf": "# other\n"}, request_number=3)
    assert other.number == 3
    pushes = [merged(desk, one), merged(desk, other)]
    merges = [resolved(desk, push) for push in pushes]
    assert [merge.status for merge in merges] == ["stopped", "stopped"], "neither plan is of what stands there now"
    assert "that merge's own run applies it" in merges[0].reasons[0]
    assert f"tree of {UNIT} is" in merges[1].reasons[0]
    assert resolved(desk, dispatched(2)).status == "stopped"


def test_two_pull_requests_on_two_units_are_both_applied(desk: Desk) -> None:
    unit = "infra/terraform/dev/other"
    one = sealed_pull(desk)
    other = sealed_pull(desk, branch="mine", files={f"{unit}/main.tf": "# other\n"}, units=(unit,), request_number=3)
    pushes = [merged(desk, one), merged(desk, other)]
    assert [resolved(desk, push).units for push in pushes] == [(UNIT,), (unit,)]
    assert [resolved(desk, push).status for push in pushes] == ["apply", "apply"]


def test_a_unit_that_is_deleted_without_a_plan_stops(desk: Desk) -> None:
    desk.person("morgan").create_file(f"{UNIT}/main.tf", "stands", "# stands\n")
    desk.person("casey").create_issue("Away with it", "please")
    pull = open_pull(desk, files={f"{UNIT}/main.tf": None})
    merge = resolved(desk, merged(desk, pull))
    assert (merge.status, merge.units) == ("stopped", (UNIT,))
    assert "has no seal" in merge.reasons[0]


def test_the_revert_of_a_merge_needs_a_seal_of_its_own(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    assert resolved(desk, push).status == "apply"
    revert = open_pull(desk, branch="revert-2-agent/1", files={f"{UNIT}/main.tf": None})
    back = merged(desk, revert)
    assert "has no seal" in resolved(desk, back).reasons[0]
    assert resolved(desk, push).status == "stopped", "what was taken back is not brought again by a re-run"
    assert resolved(desk, dispatched(2)).status == "stopped"


def test_a_unit_without_a_plan_stops(desk: Desk) -> None:
    other = "infra/terraform/dev/other"
    pull = sealed_pull(desk, units=(other,), files={f"{UNIT}/main.tf": "# new\n", f"{other}/main.tf": "# new\n"})
    merge = resolved(desk, merged(desk, pull))
    assert (merge.status, merge.reasons) == ("stopped", (f"{UNIT} was never planned",))


def test_what_touches_no_unit_has_nothing_to_apply(desk: Desk) -> None:
    desk.person("morgan").create_file("infra/README.md", "words", "# words\n")
    merge = resolved(desk, desk.last("push"))
    assert (merge.status, merge.units) == ("nothing", ())


def test_the_sealed_digest_is_handed_on(desk: Desk) -> None:
    merge = resolved(desk, merged(desk, sealed_pull(desk)))
    assert merge.seal is not None
    assert merge.seal.plans == {UNIT: DIGEST}
    assert merge.allowed == ()
