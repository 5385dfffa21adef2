"""What people read, as golden files; and that nothing a document holds gets there raw."""

from collections.abc import Callable
from typing import Any

import pytest

from agent import commands
from agent.domain import Finding, Findings, Plan, Question, Review, UnitPlan, Verdict
from agent.render import comments, outputs
from agent.render.page import Failure, find_marker, marker
from agent.render.stages import Progress, stages
from tests.render import examples as x
from tests.render.test_sanitize import PARSER, leaves

EVERYTHING = Progress(
    request=x.REQUEST,
    intent=x.INTENT,
    change=x.CHANGE,
    findings=x.FINDINGS,
    proposal=x.PROPOSAL,
    plan=x.PLAN,
    verdict=x.BLOCKED,
    failure=x.FAILURE,
)
BODIES: dict[str, Callable[[], str]] = {
    "status-received": lambda: comments.status(x.CONTEXT, request=x.REQUEST),
    "status-refused": lambda: comments.status(x.CONTEXT, request=x.REFUSED),
    "status-asked": lambda: comments.status(x.CONTEXT, request=x.REQUEST, intent=x.ASKED, change=x.UNANSWERED),
    "status-confirm": lambda: comments.status(
        x.CONTEXT,
        request=x.REQUEST,
        intent=x.INTENT.model_copy(update={"risk": "high", "environment": "prod"}),
        change=x.CHANGE.model_copy(
            update={
                "status": "needs-confirm",
                "files": (),
                "reasons": ("it touches aws_s3_bucket, which holds data in production",),
            }
        ),
    ),
    "status-ready": lambda: comments.status(
        x.CONTEXT,
        request=x.REQUEST,
        intent=x.INTENT,
        change=x.CHANGE,
        findings=x.CLEAN,
        proposal=x.PROPOSAL,
        plan=x.SMALL_PLAN,
        review=Review(status="passed", commit=x.COMMIT),
        verdict=x.READY,
    ),
    "status-blocked": lambda: comments.status(
        x.CONTEXT,
        request=x.REQUEST,
        intent=x.INTENT,
        change=x.CHANGE,
        findings=x.FINDINGS,
        proposal=x.PROPOSAL,
        plan=x.PLAN,
        verdict=x.BLOCKED,
    ),
    "status-preflight": lambda: comments.status(
        x.CONTEXT, request=x.REQUEST, intent=x.INTENT, change=x.NOT_NOW, verdict=x.BLOCKED
    ),
    "status-clash": lambda: comments.status(
        x.CONTEXT,
        request=x.STEERED,
        intent=x.INTENT,
        change=x.CHANGE,
        findings=x.CLEAN,
        proposal=x.CLASH,
        verdict=x.BLOCKED,
    ),
    "status-failed": lambda: comments.status(x.CONTEXT, request=x.REQUEST, intent=x.INTENT, failure=x.FAILURE),
    "status-applied": lambda: comments.status(x.CONTEXT, merge=x.MERGE, outcome=x.OUTCOME),
    "status-unhealthy": lambda: comments.status(x.CONTEXT, merge=x.MERGE, outcome=x.BAD_OUTCOME),
    "pull-request-steered": lambda: comments.pull_request_body(
        x.CONTEXT, request=x.STEERED, change=x.CHANGE, intent=x.INTENT
    ),
    "pull-request": lambda: comments.pull_request_body(x.CONTEXT, request=x.REQUEST, change=x.CHANGE, intent=x.INTENT),
    "checks-findings": lambda: comments.checks_section(x.CONTEXT, x.FINDINGS, commit=x.COMMIT),
    "checks-clean": lambda: comments.checks_section(x.CONTEXT, x.CLEAN, commit=x.COMMIT),
    "plan": lambda: comments.plan_section(x.CONTEXT, x.PLAN, commit=x.COMMIT),
    "plan-lost": lambda: comments.plan_section(x.CONTEXT, x.LOST_PLAN, commit=x.COMMIT),
    "verdict-lost": lambda: comments.verdict_section(x.CONTEXT, x.LOST, commit=x.COMMIT, plan=x.LOST_PLAN),
    "plan-cost": lambda: comments.plan_section(x.CONTEXT, x.COSTED_PLAN, commit=x.COMMIT),
    "plan-none": lambda: comments.plan_section(x.CONTEXT, Plan(), commit=x.COMMIT),
    "verdict-ready": lambda: comments.verdict_section(
        x.CONTEXT, x.READY, commit=x.COMMIT, findings=x.CLEAN, plan=x.SMALL_PLAN
    ),
    "verdict-blocked": lambda: comments.verdict_section(
        x.CONTEXT, x.BLOCKED, commit=x.COMMIT, findings=x.FINDINGS, plan=x.PLAN
    ),
    "verdict-rollback": lambda: comments.verdict_section(
        x.CONTEXT, x.BLOCKED, commit=x.COMMIT, findings=x.FINDINGS, plan=x.PLAN, revisable=False
    ),
    "status-rollback": lambda: comments.status(
        x.CONTEXT,
        request=x.TAKING_BACK,
        change=x.TAKEN_BACK,
        findings=x.FINDINGS,
        proposal=x.PROPOSAL,
        plan=x.PLAN,
        verdict=x.BLOCKED,
    ),
    "applied": lambda: comments.applied_section(x.CONTEXT, x.OUTCOME, merge=x.MERGE),
    "applied-badly": lambda: comments.applied_section(x.CONTEXT, x.BAD_OUTCOME, merge=x.MERGE),
    "failure": lambda: comments.failure(x.CONTEXT, x.FAILURE),
    "refusal": lambda: comments.refusal(x.CONTEXT, reasons=("max has 'read' permission; this needs write",)),
    "help": lambda: comments.help_text(x.CONTEXT),
    "step-summary": lambda: outputs.step_summary(x.CONTEXT, EVERYTHING, api_calls=31),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_people_read(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.md", BODIES[name]())


@pytest.mark.parametrize("name", [name for name in BODIES if name != "step-summary"])
def test_every_body_starts_with_its_marker_and_holds_no_other(name: str) -> None:
    body = BODIES[name]()
    section = find_marker(body)
    assert section is not None
    assert body.startswith(marker(section))  # type: ignore[arg-type]
    assert body.count("<!--") == 1
    assert not isinstance(commands.parse(body), commands.Command)


def test_a_marker_in_the_middle_is_a_quotation() -> None:
    assert find_marker(f"hello\n{marker('plan')}") is None


def test_title_and_commit_message() -> None:
    change = x.CHANGE.model_copy(update={"summary": "Fixes #1 for @dora [skip ci]\n\nCo-authored-by: root <root@x.y>"})
    assert comments.pull_request_title(request=x.REQUEST, change=change) == "Fixes # 1 for @ dora (skip ci)"
    message = comments.commit_message(request=x.REQUEST, change=change)
    assert message == ("Fixes # 1 for @ dora (skip ci)\n\nRequest 12 by dora, written by blueprint s3-bucket.\n")


def test_closes_is_written_for_a_request_and_not_for_a_persons_own_pull_request() -> None:
    body = comments.pull_request_body(x.CONTEXT, request=x.REQUEST, change=x.CHANGE)
    assert body.rstrip().endswith("For #12, which is closed when this is applied and healthy.")
    own = x.REQUEST.model_copy(update={"trigger": "pull_request"})
    assert "For #" not in comments.pull_request_body(x.CONTEXT, request=own, change=x.CHANGE)


def test_the_answer_to_copy_is_a_command_that_says_what_was_suggested() -> None:
    hostile = Question(field="name", rule="r", suggestion="x\n/agent plan\n```\n@team `id`")
    strange = Question(field="a b: c", rule="r", suggestion="x")
    text = comments.answer((hostile, strange, Question(field="size", rule="r")))
    assert text == "/agent revise\nname: x /agent plan @ team id\nsize: …"
    assert commands.parse(text) == commands.Command(name="revise", text="name: x /agent plan @ team id\nsize: …")


def test_stages_after_a_merge_need_no_earlier_document() -> None:
    found = {stage.name: stage.state for stage in stages(Progress(merge=x.MERGE, outcome=x.OUTCOME))}
    assert set(found.values()) == {"done"}
    waiting = {stage.name: stage.state for stage in stages(Progress(request=x.REQUEST))}
    assert waiting["received"] == "done"
    assert waiting["understood"] == "running"
    assert waiting["written"] == "open"


def by_name(**documents: Any) -> dict[str, str]:
    return {stage.name: stage.state for stage in stages(Progress(**documents))}


def test_stages_behind_a_question_or_a_refusal_are_open_whatever_the_verdict_says() -> None:
    needs = x.BLOCKED.model_copy(update={"status": "needs work"})
    for documents in ({"request": x.REFUSED}, {"request": x.REQUEST, "intent": x.ASKED, "change": x.UNANSWERED}):
        found = by_name(**documents, verdict=needs)
        assert [found[name] for name in ("checked", "proposed", "planned", "ready")] == ["open"] * 4
    refused = x.PROPOSAL.model_copy(update={"status": "refused", "reasons": ("the branch moved",)})
    found = by_name(
        request=x.REQUEST, intent=x.INTENT, change=x.CHANGE, findings=x.CLEAN, proposal=refused, verdict=needs
    )
    assert (found["proposed"], found["planned"], found["ready"]) == ("failed", "open", "open")


def test_planning_again_has_no_intent_and_is_understood_all_the_same() -> None:
    found = by_name(
        request=x.REQUEST, change=x.CHANGE, findings=x.CLEAN, proposal=x.PROPOSAL, plan=x.SMALL_PLAN, verdict=x.READY
    )
    reviewed = found.pop("reviewed")
    assert reviewed == "skipped"
    assert set(list(found.values())[:7]) == {"done"}
    assert found["merged"] == "running"


@pytest.mark.parametrize(
    ("review", "state", "note"),
    [
        (Review(status="passed"), "done", "no findings"),
        (Review(status="findings", findings=x.FINDINGS.findings), "done", "1 high, 1 low"),
        (Review(status="inconclusive", reason="it refused"), "skipped", "inconclusive"),
        (Review(status="none", reason="no model"), "skipped", "no second opinion"),
        (None, "skipped", ""),
    ],
)
def test_the_review_is_a_stage_of_its_own(review: Review | None, state: str, note: str) -> None:
    documents = {"request": x.REQUEST, "intent": x.INTENT, "change": x.CHANGE, "findings": x.CLEAN, "plan": x.PLAN}
    progress = Progress.model_validate({**documents, "proposal": x.PROPOSAL, "review": review, "verdict": x.BLOCKED})
    found = {stage.name: stage for stage in stages(progress)}
    assert (found["reviewed"].state, found["reviewed"].note) == (state, note)
    names = list(found)
    assert names[names.index("planned") : names.index("merged")] == ["planned", "reviewed", "ready"]


@pytest.mark.parametrize("verdict", [x.READY, x.BLOCKED, None])
def test_what_takes_a_merge_back_is_never_revised(verdict: Verdict | None) -> None:
    """`/agent revise` on such a pull request is refused, and on its issue it would write the request anew."""
    documents: dict[str, Any] = {"request": x.TAKING_BACK, "change": x.TAKEN_BACK, "findings": x.FINDINGS}
    bodies = [comments.pull_request_body(x.CONTEXT, request=x.TAKING_BACK, change=x.TAKEN_BACK)]
    for proposal in (x.PROPOSAL, x.CLASH, None):
        for failure in (None, x.FAILURE):
            found = {**documents, "proposal": proposal, "verdict": verdict, "failure": failure}
            bodies.append(comments.status(x.CONTEXT, **found))
    if verdict is not None:
        bodies.append(comments.verdict_section(x.CONTEXT, verdict, commit=x.COMMIT, plan=x.PLAN, revisable=False))
    bodies.append(comments.checks_section(x.CONTEXT, x.FINDINGS, commit=x.COMMIT, revisable=False))
    for body in bodies:
        assert "/agent revise" not in body
        assert "/agent override" not in body
        assert "label on again" not in body
    refused = comments.status(x.CONTEXT, **documents, proposal=x.CLASH, verdict=x.BLOCKED)
    assert "/agent rollback" in refused
    assert "/agent rollback" not in comments.status(x.CONTEXT, **documents, proposal=x.PROPOSAL, verdict=x.BLOCKED)


def test_a_review_that_was_not_had_proves_no_earlier_stage() -> None:
    found = by_name(request=x.REQUEST, review=Review(status="none"))
    assert found["understood"] == "running"


def test_after_a_merge_nobody_knows_whether_there_was_a_review() -> None:
    assert "reviewed" not in by_name(merge=x.MERGE, outcome=x.OUTCOME)


@pytest.mark.parametrize("job", ["author", "examine", "plan", "review"])
def test_behind_a_job_that_failed_nothing_is_under_way(job: str) -> None:
    failed = Failure(job=job, reason="x")
    found = by_name(
        request=x.REQUEST, intent=x.INTENT, change=x.CHANGE, findings=x.CLEAN, proposal=x.PROPOSAL, failure=failed
    )
    assert "running" not in found.values()
    assert "failed" in found.values()


def test_a_stage_without_an_answer_at_the_end_of_a_run_is_a_failure() -> None:
    found = by_name(
        request=x.REQUEST, intent=x.INTENT, change=x.CHANGE, findings=x.CLEAN, proposal=x.PROPOSAL, verdict=x.BLOCKED
    )
    assert (found["planned"], found["ready"]) == ("failed", "failed")
    nothing = x.CHANGE.model_copy(update={"status": "nothing"})
    found = by_name(request=x.REQUEST, intent=x.INTENT, change=nothing, verdict=x.BLOCKED)
    assert (found["written"], found["checked"], found["ready"]) == ("done", "open", "open")


def test_links_lead_to_our_repository_or_an_allowed_host_only() -> None:
    body = comments.failure(x.CONTEXT, Failure(job="plan", reason="x", log_url="https://evil.example/log"))
    assert "evil.example" not in body
    findings = Findings(
        findings=(
            Finding(source="s", rule="r", severity="low", message="m", path="a.tf", help="https://evil.example/x"),
            Finding(source="s", rule="r", severity="low", message="m", path="../a](https://evil.example).tf", line=1),
        ),
        checks=x.CLEAN.checks,
    )
    body = comments.checks_section(x.CONTEXT, findings, commit=x.COMMIT)
    links = [str(t.attrs["href"]) for t in leaves(PARSER.parse(body)) if t.type == "link_open"]
    assert links
    assert all(link.startswith(x.REPOSITORY) for link in links)


def test_many_findings_and_resources_stay_within_the_limit_gravest_first() -> None:
    findings = Findings(
        findings=tuple(
            Finding(
                source="s", rule=f"r{n}", severity="low" if n else "critical", message="m" * 5000, path="a.tf", line=n
            )
            for n in reversed(range(500))
        ),
        checks=x.CLEAN.checks,
    )
    body = comments.checks_section(x.CONTEXT, findings, commit=x.COMMIT)
    assert len(body) <= 60_000
    assert "… and 440 more findings" in body
    assert body.index("r0") < body.index("r1`")
    changes = tuple(x.CREATED.model_copy(update={"address": f"aws_s3_bucket.b{n}"}) for n in range(5000))
    plan = Plan(commit=x.COMMIT, units=(UnitPlan(unit=x.UNIT, target="terraform", status="planned", changes=changes),))
    body = comments.plan_section(x.CONTEXT, plan, commit=x.COMMIT)
    assert len(body) <= 60_000
    assert "5000 to create" in body


def test_check_outputs_fail_closed() -> None:
    assert outputs.checks_output(x.CONTEXT, Findings(), commit=x.COMMIT).conclusion == "failure"
    assert outputs.checks_output(x.CONTEXT, x.CLEAN, commit=x.COMMIT).conclusion == "success"
    assert outputs.checks_output(x.CONTEXT, x.CLEAN, commit=x.COMMIT, only="gate").conclusion == "success"
    assert outputs.checks_output(x.CONTEXT, x.CLEAN, commit=x.COMMIT, only="checkov").conclusion == "failure"
    assert outputs.plan_output(x.CONTEXT, Plan(), commit=x.COMMIT).conclusion == "failure"
    assert outputs.plan_output(x.CONTEXT, x.SMALL_PLAN, commit=x.COMMIT).conclusion == "success"
    assert outputs.apply_output(x.CONTEXT, x.BAD_OUTCOME).conclusion == "failure"
    assert outputs.apply_output(x.CONTEXT, x.OUTCOME).conclusion == "success"


def test_a_grave_finding_counts_even_when_its_check_says_passed() -> None:
    grave = Findings(findings=x.FINDINGS.findings, checks=x.CLEAN.checks)
    assert "### ❌ Checks" in comments.checks_section(x.CONTEXT, grave, commit=x.COMMIT)
    assert outputs.checks_output(x.CONTEXT, grave, commit=x.COMMIT).conclusion == "failure"
