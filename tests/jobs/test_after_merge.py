"""After resolve: locks all or none, nothing applied unlocked, every end told, plans approved exactly as shown."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from github.ContentFile import ContentFile
from github.PullRequest import PullRequest

from agent.documents import Documents, write
from agent.domain import Merge, Override, Planned, Run, Shown
from agent.errors import ToolError, UserError
from agent.github import locks
from agent.guardrails import Guardrails
from agent.jobs.validate import outcomes
from agent.sandbox.forge import Event
from tests.jobs.conftest import Desk
from tests.jobs.merging import (
    DIGEST,
    FRESH,
    THIS_RUN,
    UNIT,
    applied,
    asked,
    dispatched,
    locked,
    merged,
    open_pull,
    outcome,
    put_seal,
    reported,
    resolved,
    sealed_pull,
    serve_runs,
)

OTHER = "infra/terraform/dev/other"
COMMIT = "c" * 40
MERGE = Merge(
    status="apply", repository="acme/infra", commit=COMMIT, pull_request=2, merged_by="morgan", units=(OTHER, UNIT)
)
SECOND = Run(id="2")


def to_apply(desk: Desk, *units: str) -> Merge:
    return MERGE.model_copy(update={"commit": desk.forge.resolve("acme/infra", "main"), "units": units or MERGE.units})


# --- locks -------------------------------------------------------------------------------------------------------


def test_a_run_waits_for_all_units_and_keeps_none_meanwhile(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress", 2: "in_progress"})
    documents, connection = desk.documents(), desk.connection(contents="write")
    write(documents.folder / "merge.json", to_apply(desk, UNIT))
    assert locked(desk, documents)[0].status == "taken"
    write(documents.folder / "merge.json", to_apply(desk))
    waits: list[list[str]] = []

    def pause(seconds: float) -> None:
        assert seconds <= 15
        waits.append([lock.unit for lock in locks.held(connection)])
        if len(waits) == 2:
            locks.release(connection, UNIT, run="1")

    made, said = locked(desk, documents, run=SECOND, pause=pause)
    assert made.status == "taken"
    assert waits == [[UNIT], [UNIT]], "what comes first in the order is not kept while it waits"
    assert [(lock.unit, lock.run, lock.person) for lock in locks.held(connection)] == [
        (OTHER, "2", "morgan"), (UNIT, "2", "morgan"),
    ]  # fmt: skip
    assert said[0].startswith(f"waits for {UNIT} is held for pull request #2 by morgan since ")


def test_a_run_waits_only_so_long_and_says_for_whom(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    documents, connection = desk.documents(), desk.connection(contents="write")
    write(documents.folder / "merge.json", to_apply(desk))
    locked(desk, documents)
    now = datetime.now(UTC)
    pauses: list[float] = []
    made, _ = locked(
        desk, documents, run=SECOND, pause=pauses.append, clock=lambda: now + timedelta(seconds=sum(pauses))
    )
    assert (made.status, made.locks) == ("busy", ())
    assert sum(pauses) == 600
    assert f"a maintainer comments `/agent unlock {OTHER}`" in made.reasons[0]
    assert {lock.run for lock in locks.held(connection)} == {"1"}


def test_the_lock_of_a_run_that_is_over_goes_to_the_next(desk: Desk) -> None:
    serve_runs(desk, {1: "completed"})
    documents = desk.documents()
    write(documents.folder / "merge.json", to_apply(desk))
    locked(desk, documents)
    made, said = locked(desk, documents, run=SECOND)
    assert (made.status, said) == ("taken", [])
    assert {lock.run for lock in locks.held(desk.connection(contents="read"))} == {"2"}
    write(documents.folder / "merge.json", to_apply(desk, UNIT))
    made, _ = locked(desk, documents, run=Run(id="3"))
    assert made.status == "busy", "of a run that GitHub does not know nobody says that it is over"


def test_a_fault_gives_back_what_was_taken(desk: Desk) -> None:
    serve_runs(desk, {})
    documents, connection = desk.documents(), desk.connection(contents="write")
    write(documents.folder / "merge.json", to_apply(desk))
    name = locks.ref_of(UNIT)  # the second one in the order
    connection.repository.create_git_ref(name, desk.forge.resolve("acme/infra", "main"))
    with pytest.raises(ToolError, match="cannot be read"):
        locked(desk, documents)
    assert locks.holder(connection, OTHER) is None


def test_there_is_nothing_to_lock_without_units(desk: Desk) -> None:
    documents = desk.documents()
    for merge in (MERGE.model_copy(update={"units": ()}), MERGE.model_copy(update={"status": "stopped"})):
        write(documents.folder / "merge.json", merge)
        with pytest.raises(UserError, match="no unit to apply"):
            locked(desk, documents)


# --- nothing is applied unlocked -----------------------------------------------------------------------------------


def test_a_unit_is_applied_only_under_the_lock_of_this_run(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    merge = resolved(desk, merged(desk, sealed_pull(desk)))
    documents, connection = desk.documents(), desk.connection(contents="write")
    write(documents.folder / "merge.json", merge)

    with pytest.raises(UserError, match=r"locks\.json"):
        applied(desk, documents)
    locked(desk, documents)
    found = applied(desk, documents)
    assert (found.status, "terraform" in found.reason) == ("failed", True), "under its lock it goes on to the tool"
    other = applied(desk, documents, run=SECOND)
    assert (other.status, "by morgan since" in other.reason, "(run 1)" in other.reason) == ("stopped", True, True)
    locks.release(connection, UNIT, run=None)
    found = applied(desk, documents)
    assert (found.status, "its lock was released meanwhile" in found.reason) == ("stopped", True)
    ref = connection.repository.create_git_ref(locks.ref_of(UNIT), merge.commit)
    found = applied(desk, documents)
    assert (found.status, "cannot be read" in found.reason) == ("stopped", True)
    ref.delete()
    locked(desk, documents)
    desk.person("morgan").create_file(f"{UNIT}/later.tf", "later", "# later\n")
    found = applied(desk, documents)
    assert (found.status, "that merge's own run applies it" in found.reason) == ("stopped", True)


def waiting(desk: Desk, *units: str) -> tuple[Documents, Event]:
    """A merge that may be applied and whose units are locked, as it stands while reviewers are waited for."""
    push = merged(desk, sealed_pull(desk))
    documents = desk.documents()
    write(documents.folder / "merge.json", resolved(desk, push))
    locked(desk, documents)
    return documents, push


def rails(desk: Desk, **more: object) -> None:
    desk.guardrails = Guardrails.model_validate(desk.guardrails.model_dump(mode="json", exclude_unset=True) | more)


CLOSED = {"environments": ["dev"], "days": ["mon"], "opens": "09:00", "closes": "17:00", "time_zone": "UTC"}
LATE = {"starts": "2020-01-01", "ends": "2099-01-01", "reason": "Nobody is there to mend it."}


def test_a_window_that_closed_while_reviewers_were_waited_for_applies_nothing_and_says_so(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    now = datetime.now(UTC)
    monday = (now + timedelta(days=(7 - now.weekday()) % 7)).replace(hour=10)
    rails(desk, windows=[CLOSED])
    desk.now = monday
    push = merged(desk, sealed_pull(desk))
    documents = desk.documents()
    merge = resolved(desk, push, clock=lambda: monday)
    write(documents.folder / "merge.json", merge)
    assert merge.status == "apply"
    locked(desk, documents)
    assert applied(desk, documents, now=monday).status == "failed", "in its window it goes on to the tool"
    late = monday.replace(hour=17, minute=0)
    found = applied(desk, documents, now=late)
    assert found.status == "stopped"
    opens = (late + timedelta(days=7)).replace(hour=9, minute=0)
    said = f"dev takes changes mon 09:00-17:00 (UTC); it opens {opens:%a %Y-%m-%d} 09:00 (UTC); comment `/agent retry`"
    assert said in found.reason
    write(documents.folder / "outcome.json", outcome(merge, status="stopped", reason=found.reason))
    reported(desk, documents, push, resolve="success", lock="success", apply="success", validate="success")
    (body,) = desk.status(1)
    assert f"it opens {opens:%a %Y-%m-%d} 09:00" in body
    assert "/agent retry" in body
    assert {label.name for label in desk.person("morgan").get_issue(1).labels} == {"agent:failed"}
    assert locks.holder(desk.connection(contents="read"), UNIT) is None


def test_a_freeze_or_old_age_that_came_while_it_waited_applies_nothing(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    documents, _ = waiting(desk)
    assert applied(desk, documents).status == "failed"
    days = desk.settings.apply.max_age_days
    found = applied(desk, documents, now=datetime.now(UTC) + timedelta(days=days, minutes=1))
    assert (found.status, f"merged more than {days} days ago" in found.reason) == ("stopped", True)
    rails(desk, freezes=[LATE])
    found = applied(desk, documents)
    assert (found.status, "dev is frozen until" in found.reason) == ("stopped", True)
    merge = documents.need(Merge)
    assert merge.seal is not None
    other = Override(rule="preflight/freeze", value=OTHER, reason="the shop is down", by="morgan", comment_id=1)
    aside = Override(rule="preflight/freeze", value=UNIT, reason="the shop is down", by="morgan", comment_id=1)
    for overrides, status in (((other,), "stopped"), ((other, aside), "failed")):
        seal = merge.seal.model_copy(update={"overrides": overrides})
        write(documents.folder / "merge.json", merge.model_copy(update={"seal": seal}))
        assert applied(desk, documents).status == status, "set aside for this unit alone it goes on to the tool"


def test_rules_that_were_made_while_it_waited_are_not_passed_by(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    documents, _ = waiting(desk)
    found = desk.person("morgan").get_contents("policies/guardrails.yml")
    assert isinstance(found, ContentFile)
    desk.person("morgan").update_file(found.path, "f", "# a freeze\n" + found.decoded_content.decode(), found.sha)
    late = applied(desk, documents)
    assert (late.status, "comment `/agent retry` for a run under today's" in late.reason) == ("stopped", True)


# --- the outcomes of a matrix --------------------------------------------------------------------------------------


def put(folder: Path, place: str, **more: object) -> None:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    unit = more.pop("unit", UNIT)
    made = {"commit": COMMIT, "run": "1", "attempt": 1, "units": [{"unit": unit, "status": "applied"}], **more}
    path.write_text(json.dumps(made))


def test_each_unit_has_the_outcome_of_its_own_job(tmp_path: Path) -> None:
    assert outcomes(tmp_path / "none", MERGE, THIS_RUN) == {}
    put(tmp_path, "outcome-0/outcome-0.json", unit=OTHER)
    put(tmp_path, "outcome-1/outcome-1.json", attempt=2)
    found = outcomes(tmp_path, MERGE, THIS_RUN.model_copy(update={"attempt": 2}))
    assert {unit: one.unit for unit, one in found.items()} == {OTHER: OTHER, UNIT: UNIT}


@pytest.mark.parametrize(
    ("place", "more"),
    [
        ("outcome-0/outcome-0.json", {}),  # of the other unit
        ("outcome-1/outcome-1.json", {"commit": "d" * 40}),
        ("outcome-1/outcome-1.json", {"run": "2"}),
        ("outcome-1/outcome-1.json", {"run": ""}),
        ("outcome-1/outcome-1.json", {"attempt": 2}),
        ("outcome-1/outcome-1.json", {"attempt": 0}),
        ("outcome-1/outcome-1.json", {"units": []}),
        ("outcome-1/outcome-1.json", {"units": [{"unit": one, "status": "applied"} for one in (UNIT, OTHER)]}),
        ("outcome-1/outcome-1.json", {"units": [{"unit": UNIT, "status": "applied"}] * 2}),
        ("outcome-1/outcome-0.json", {}),
        ("outcome-1/more/outcome-1.json", {}),
        ("outcome-01/outcome-01.json", {}),
        ("outcome-2/outcome-2.json", {}),
        ("outcome-1.json", {}),
    ],
)
def test_an_outcome_of_anything_else_is_refused(tmp_path: Path, place: str, more: dict[str, object]) -> None:
    put(tmp_path, place, **more)
    with pytest.raises(UserError, match="outcome"):
        outcomes(tmp_path, MERGE, THIS_RUN)


def test_an_outcome_behind_a_link_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere.json")
    (tmp_path / "in/outcome-1").mkdir(parents=True)
    (tmp_path / "in/outcome-1/outcome-1.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match="plain file"):
        outcomes(tmp_path / "in", MERGE, THIS_RUN)


# --- every end is told ---------------------------------------------------------------------------------------------


def checks(desk: Desk, commit: str) -> list[tuple[str, str]]:
    found = desk.person("morgan").get_commit(commit).get_check_runs(check_name="agent/apply", filter="all")
    return [(run.conclusion, run.output.title) for run in found]


def test_when_resolve_dies_people_are_told_and_how_to_go_on(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    for event in (push, dispatched(2)):
        reported(desk, desk.documents(), event, resolve="failure", lock="skipped", apply="skipped", validate="skipped")
        for number in (1, 2):
            (body,) = [body for body in desk.status(number) if "resolve" in body]
            assert "/agent retry" in body
            assert "/actions/runs/1" in body
        labels = [label.name for label in desk.person("morgan").get_issue(1).labels]
        assert labels == ["agent:failed"]
    assert checks(desk, push.payload["after"])[0] == ("failure", "Nothing was applied")
    reported(desk, desk.documents(), push, resolve="cancelled")
    assert any("was cancelled before this job ended" in body for body in desk.status(2))


def test_P09_a_direct_push_is_told_on_its_commit(desk: Desk) -> None:
    desk.person("morgan").create_file(f"{UNIT}/main.tf", "x", "# x\n")
    push = desk.last("push")
    documents = desk.documents()
    write(documents.folder / "merge.json", resolved(desk, push))
    made = reported(desk, documents, push, resolve="success")
    assert "no merged pull request" in made.status
    assert checks(desk, push.payload["after"]) == [("failure", "Nothing was applied")]


def test_a_busy_unit_is_told_with_who_has_it(desk: Desk) -> None:
    serve_runs(desk, {1: "in_progress"})
    push = merged(desk, sealed_pull(desk))
    merge = resolved(desk, push)
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    locked(desk, documents)
    settings = desk.settings.model_copy(
        update={"apply": desk.settings.apply.model_copy(update={"lock_wait_minutes": 0})}
    )
    locked(desk, documents, run=SECOND, settings=settings)
    reported(desk, documents, push, run=SECOND, resolve="success", lock="success", apply="skipped")
    for number in (1, 2):
        (body,) = [body for body in desk.status(number) if f"/agent unlock {UNIT}" in body]
        assert "is held for pull request" in body
    assert locks.holder(desk.connection(contents="read"), UNIT) is not None, "another run's lock stays"


@pytest.mark.parametrize("end", ["applied", "stopped", "cancelled", "dead"])
def test_the_locks_are_given_back_whatever_the_end(desk: Desk, end: str) -> None:
    push = merged(desk, sealed_pull(desk))
    merge = resolved(desk, push)
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    locked(desk, documents)
    if end in ("applied", "stopped"):
        write(documents.folder / "outcome.json", outcome(merge, status=end, healthy=end == "applied" or None))
    result = {"applied": "success", "stopped": "success", "cancelled": "cancelled", "dead": "failure"}[end]
    made = reported(desk, documents, push, resolve="success", lock="success", apply=result, validate="success")
    assert locks.held(desk.connection(contents="read")) == ()
    assert (made.status == "applied and healthy") == (end == "applied")
    issue = desk.person("morgan").get_issue(1)
    assert issue.state == ("closed" if end == "applied" else "open")
    assert checks(desk, merge.commit)[0][0] == ("success" if end == "applied" else "failure")


def test_the_locks_are_given_back_when_nobody_knows_any_more_what_was_locked(desk: Desk) -> None:
    """The document of `resolve` is lost, or its digest is."""
    push = merged(desk, sealed_pull(desk))
    documents = desk.documents()
    write(documents.folder / "merge.json", resolved(desk, push))
    locked(desk, documents)
    connection = desk.connection(contents="write")
    others = locks.holder(connection, UNIT)
    assert others is not None
    locks.take(connection, others.model_copy(update={"unit": OTHER, "run": "2"}))
    reported(desk, desk.documents(), push, resolve="success", lock="success", apply="failure", validate="skipped")
    assert locks.holder(connection, UNIT) is None
    assert locks.holder(connection, OTHER) is not None, "of another run"


def test_a_lock_that_stays_is_told_and_ends_the_job_badly(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    merge = resolved(desk, push)
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    write(documents.folder / "outcome.json", outcome(merge, status="applied", healthy=True))
    locked(desk, documents)
    desk.forge.fail_next("DELETE", r"/api/v3/.*/git/refs/.*", 403, times=20)
    with pytest.raises(ToolError, match="could not be given back"):
        reported(desk, documents, push, resolve="success", lock="success", apply="success", validate="success")
    assert any(f"/agent unlock {UNIT}" in body for body in desk.status(2))
    assert desk.person("morgan").get_issue(1).state == "open"


# --- another plan than the approved one ----------------------------------------------------------------------------

BUCKET = Planned(address="aws_s3_bucket.this", type="aws_s3_bucket", verbs=("update",), mark="1" * 12)
NOW = (BUCKET.model_copy(update={"fields": {"tags": "ab"}}),)
LOSS = (BUCKET.model_copy(update={"verbs": ("replace",)}),)


def shown(desk: Desk, *, record: tuple[Planned, ...] = NOW, pull: PullRequest | None = None) -> Merge:
    """A merge whose plan turned out to be another one, which was shown."""
    push = merged(desk, pull or sealed_pull(desk))
    merge = resolved(desk, push)
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    moved = ("aws_s3_bucket.this: now update, approved was create",)
    made = outcome(merge, status="stopped", reason="the plan is not the approved one", digest=FRESH, moved=moved,
                   record=record)  # fmt: skip
    write(documents.folder / "outcome.json", made)
    reported(desk, documents, push, resolve="success", lock="success", apply="success", validate="success")
    return merge


def say(desk: Desk, login: str, text: str) -> Callable[[str], None]:
    comment = desk.person(login).get_issue(2).create_comment(text)

    def edit(other: str) -> None:
        comment.edit(other)

    return edit


def test_exactly_the_plan_that_was_shown_can_be_approved(desk: Desk) -> None:
    for login in ("erin", "lee"):
        desk.tokens[login] = desk.forge.create_user(login)
        desk.forge.set_permission("acme/infra", login, "write")
    merge = shown(desk)
    (body,) = [body for body in desk.status(2) if "Nothing was applied" in body]
    assert "now update, approved was create" in body
    assert f"/agent approve {merge.commit}" in body
    assert "tags" in body
    assert resolved(desk, dispatched(2)).allowed == (), "nobody approved it"
    time.sleep(1.1)  # GitHub's times are whole seconds
    edit = say(desk, "lee", "let me see")
    for login, text in (
        ("casey", f"/agent approve {merge.commit}"),  # asked for it
        ("robin", f"/agent approve {merge.commit}"),
        ("erin", f"/agent approve {merge.commit[:12]}"),
        ("erin", f"/agent approve {'a' * 40}"),
        ("erin", f"> /agent approve {merge.commit}"),
    ):
        say(desk, login, text)
    time.sleep(1.1)
    edit(f"/agent approve {merge.commit}")
    assert resolved(desk, dispatched(2)).allowed == ()
    say(desk, "erin", f"/agent approve {merge.commit}")
    found = resolved(desk, dispatched(2)).allowed
    assert [(one.unit, one.digest, one.by) for one in found] == [(UNIT, FRESH, ("erin",))]
    asked(desk, 2)
    merged_by = resolved(desk, dispatched(2))
    assert (merged_by.status, merged_by.allowed) == ("stopped", ()), "as many as for any change of that risk"


def test_who_wrote_the_code_does_not_approve_another_plan_of_it_either(desk: Desk) -> None:
    for login in ("erin", "lee"):
        desk.tokens[login] = desk.forge.create_user(login)
        desk.forge.set_permission("acme/infra", login, "write")
    desk.person("casey").create_issue("A bucket", "please")
    open_pull(desk)
    desk.person("lee").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")
    pull = desk.person("casey").get_pull(2)
    put_seal(desk, pull)
    asked(desk, 1)
    merge = shown(desk, pull=pull)
    assert [one.login for one in merge.approvers] == ["morgan"]
    time.sleep(1.1)  # GitHub's times are whole seconds
    say(desk, "lee", f"/agent approve {merge.commit}")
    assert resolved(desk, dispatched(2)).allowed == ()
    say(desk, "erin", f"/agent approve {merge.commit}")
    assert [one.by for one in resolved(desk, dispatched(2)).allowed] == [("erin",)]


def test_approvals_of_one_plan_add_up_over_several_runs(desk: Desk) -> None:
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission("acme/infra", "erin", "write")
    merge = shown(desk)
    time.sleep(1.1)  # GitHub's times are whole seconds
    say(desk, "morgan", f"/agent approve {merge.commit}")
    time.sleep(1.1)
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    write(documents.folder / "outcome.json", outcome(merge, status="stopped", digest=FRESH, moved=("x",), record=NOW))
    reported(desk, documents, dispatched(2), resolve="success", lock="success", apply="success", validate="success")
    say(desk, "erin", f"/agent approve {merge.commit}")
    assert [one.by for one in resolved(desk, dispatched(2)).allowed] == [("morgan", "erin")]


def test_what_was_approved_before_a_plan_was_shown_does_not_count(desk: Desk) -> None:
    merge = shown(desk)
    time.sleep(1.1)
    say(desk, "morgan", f"/agent approve {merge.commit}")
    assert [one.by for one in resolved(desk, dispatched(2)).allowed] == [("morgan",)]
    documents = desk.documents()
    write(documents.folder / "merge.json", merge)
    write(
        documents.folder / "outcome.json", outcome(merge, status="stopped", digest="f" * 64, moved=("x",), record=NOW)
    )
    time.sleep(1.1)
    reported(desk, documents, dispatched(2), resolve="success", lock="success", apply="success", validate="success")
    assert resolved(desk, dispatched(2)).allowed == ()


def test_a_shown_plan_that_loses_data_needs_who_may_approve_a_destroy(desk: Desk) -> None:
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission("acme/infra", "erin", "write")
    asked(desk, 1)
    merge = shown(desk, record=LOSS)
    time.sleep(1.1)
    say(desk, "erin", f"/agent approve {merge.commit}")
    assert resolved(desk, dispatched(2)).allowed == ()
    say(desk, "morgan", f"/agent approve {merge.commit}")
    assert [one.by for one in resolved(desk, dispatched(2)).allowed] == [("erin", "morgan")]


def test_O12_a_shown_plan_that_somebody_else_wrote_does_not_count(desk: Desk) -> None:
    push = merged(desk, sealed_pull(desk))
    commit = push.payload["after"]
    desk.tokens["forger[bot]"] = desk.forge.create_user("forger[bot]", kind="Bot")
    desk.forge.set_permission("acme/infra", "forger[bot]", "write")
    text = Shown(commit=commit, plans={UNIT: FRESH}, records={UNIT: NOW}).model_dump_json()
    desk.person("forger[bot]").create_check_run(
        "agent/apply", commit, status="completed", conclusion="failure",
        output={"title": "t", "summary": "s", "text": text},
    )  # fmt: skip
    time.sleep(1.1)
    say(desk, "morgan", f"/agent approve {commit}")
    merge = resolved(desk, push)
    assert (merge.status, merge.allowed) == ("apply", ())


def test_an_outcome_of_another_digest_says_so(desk: Desk) -> None:
    merge = shown(desk)
    text = next(
        run.output.text
        for run in desk.person("morgan").get_commit(merge.commit).get_check_runs(check_name="agent/apply", filter="all")
    )
    kept = json.loads(text)
    assert (kept["commit"], kept["plans"]) == (merge.commit, {UNIT: FRESH})
    assert DIGEST not in text
