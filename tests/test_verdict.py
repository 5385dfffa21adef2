"""The merge policy: only a whole and clean set of answers is ready."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import (
    ChangeSet,
    CheckRun,
    Finding,
    Findings,
    Override,
    Plan,
    Proposal,
    Review,
    Severity,
    UnitPlan,
    Verdict,
)
from agent.guardrails import Reviews
from agent.verdict import REQUIRED_CHECKS, judge

UNIT = "infra/terraform/dev/x"
CHANGE = ChangeSet(status="written", author="blueprint:x", units=(UNIT,))
PLAN = Plan(units=(UnitPlan(unit=UNIT, target="terraform", status="planned"),))
PROPOSAL = Proposal(status="proposed")


def findings(*severities: Severity, error: str = "", without: str = "") -> Findings:
    runs = (
        CheckRun(check=name, status="error" if name == error else "passed", detail="broke" if name == error else "")
        for name in REQUIRED_CHECKS
        if name != without
    )
    made = (Finding(source="x", rule=f"r/{severity}", severity=severity, message="m") for severity in severities)
    return Findings(findings=tuple(made), checks=tuple(runs))


def verdict(found: Findings | None, plan: Plan | None = PLAN, proposal: Proposal | None = PROPOSAL) -> tuple[str, str]:
    made = judge(change=CHANGE, findings=found, proposal=proposal, plan=plan)
    return made.status, "; ".join(made.reasons)


def test_all_clean_is_ready() -> None:
    assert verdict(findings("info", "low", "medium")) == ("ready", "")


@pytest.mark.parametrize("name", [name for name in REQUIRED_CHECKS if name != "terraform"])
def test_a_check_that_did_not_answer_blocks(name: str) -> None:
    assert verdict(findings(without=name)) == ("blocked", f"check could not run: {name} gave no answer")
    assert verdict(findings(error=name)) == ("blocked", f"check could not run: {name}: broke")


def test_findings_weigh_by_severity() -> None:
    assert verdict(findings("high")) == ("needs work", "r/high: m")
    assert verdict(findings("high", "critical")) == ("blocked", "r/critical: m; r/high: m")


@pytest.mark.parametrize("plan", [None, Plan()])
def test_no_plan_needs_work(plan: Plan | None) -> None:
    assert verdict(findings(), plan) == ("needs work", "no plan could be made")


def test_a_terraform_that_could_plan_but_not_check_blocks() -> None:
    assert verdict(findings(error="terraform")) == ("blocked", "check could not run: terraform: broke")


def test_without_terraform_the_reason_is_that_no_plan_could_be_made() -> None:
    failed = UnitPlan(unit=UNIT, target="terraform", status="failed", reason="no terraform on PATH")
    status, reasons = verdict(findings(error="terraform"), Plan(units=(failed,)))
    assert status == "needs work"
    assert f"no plan could be made for {UNIT}: no terraform on PATH" in reasons


def test_what_was_not_examined_or_refused_blocks() -> None:
    assert verdict(None)[0] == "blocked"
    assert verdict(findings(), proposal=Proposal(status="refused", reasons=("why",))) == ("blocked", "why")


def test_what_the_plan_would_do_counts() -> None:
    critical = Finding(source="scope", rule="scope/type", severity="critical", message="m")
    assert verdict(findings(), PLAN.model_copy(update={"findings": (critical,)})) == ("blocked", "scope/type: m")


def test_a_change_without_a_unit_blocks() -> None:
    made = judge(change=CHANGE.model_copy(update={"units": ()}), findings=findings(), proposal=PROPOSAL, plan=PLAN)
    assert made.status == "blocked"


# --- the second opinion --------------------------------------------------------------------------------------------

COMMIT = "c" * 40
PLANNED = PLAN.model_copy(update={"commit": COMMIT})
BY_MODEL = CHANGE.model_copy(update={"author": "model:anthropic:x"})
WEIGHT = ("ready", "needs work", "blocked")


def said(*severities: Severity, rule: str = "review/security") -> Review:
    made = tuple(Finding(source="review", rule=rule, severity=severity, message="m") for severity in severities)
    return Review(status="findings" if made else "passed", commit=COMMIT, findings=made)


def reviewed(
    review: Review | None, *, change: ChangeSet = BY_MODEL, found: Findings | None = None, **more: Any
) -> Verdict:
    return judge(
        change=change, findings=found or findings(), proposal=PROPOSAL, plan=PLANNED, review=review, **more
    )  # fmt: skip


def test_a_review_that_passed_leaves_a_models_code_ready() -> None:
    assert reviewed(said()).status == "ready"
    assert reviewed(said("low", "medium")).status == "ready"


@pytest.mark.parametrize(
    "review",
    [
        None,
        Review(status="inconclusive", reason="refused", commit=COMMIT),
        Review(status="none", reason="no model", commit=COMMIT),
        said().model_copy(update={"commit": "d" * 40}),
        said().model_copy(update={"commit": None}),
    ],
)
def test_L02_without_a_review_that_came_to_an_end_a_models_code_is_not_ready(review: Review | None) -> None:
    made = reviewed(review)
    assert made.status == "needs work"
    assert made.reasons[0].startswith("no second opinion, which the guardrails ask for here: ")
    # Whoever is not known to write without a model counts as one.
    assert reviewed(review, change=CHANGE.model_copy(update={"author": "x"})).status == "needs work"
    assert reviewed(review, change=CHANGE).status == "ready"
    assert reviewed(review, change=CHANGE, reviews=Reviews(required="always")).status == "needs work"
    assert reviewed(review, reviews=Reviews(required="never")).status == "ready"


@pytest.mark.parametrize(("stops", "least"), [("low", 0), ("medium", 1), ("high", 2), ("nothing", 3)])
def test_the_guardrails_say_how_grave_a_finding_has_to_be(stops: Any, least: int) -> None:
    for weight, severity in enumerate(("low", "medium", "high")):
        expected = "needs work" if weight >= least else "ready"
        assert reviewed(said(severity), reviews=Reviews(stops=stops)).status == expected  # type: ignore[arg-type]


def test_an_override_sets_aside_its_rule_alone() -> None:
    one = Override(rule="review/security", value=COMMIT, reason="known", by="erin", comment_id=1)
    assert reviewed(said("high"), overrides=(one.model_copy(update={"value": "f" * 40}),)).status == "needs work"
    assert reviewed(said("high"), overrides=(one.model_copy(update={"value": ""}),)).status == "needs work"
    assert reviewed(said("high"), overrides=(one,)).status == "ready"
    assert reviewed(said("high", rule="review/cost"), overrides=(one,)).status == "needs work"
    both = findings("high")
    both = both.model_copy(
        update={"findings": tuple(f.model_copy(update={"rule": "review/security"}) for f in both.findings)}
    )
    assert reviewed(said("high"), overrides=(one,), found=both).status == "needs work"
    assert reviewed(None, overrides=(one,)).status == "needs work"


@settings(derandomize=True, max_examples=150)
@given(
    st.lists(st.sampled_from(["info", "low", "medium", "high", "critical"]), max_size=4),
    st.lists(st.sampled_from(["info", "low", "medium", "high", "critical"]), max_size=4),
    st.sampled_from(["passed", "findings", "inconclusive", "none"]),
    st.sampled_from(["model-written", "always", "never"]),
    st.sampled_from(["low", "medium", "high", "nothing"]),
)
def test_L01_a_review_can_only_add(
    severities: list[Severity], opinion: list[Severity], status: Any, required: Any, stops: Any
) -> None:
    alone = reviewed(None, change=CHANGE, found=findings(*severities))
    rules = Reviews(required=required, stops=stops)
    made = reviewed(
        said(*opinion).model_copy(update={"status": status}), change=CHANGE, found=findings(*severities), reviews=rules
    )
    assert WEIGHT.index(made.status) >= WEIGHT.index(alone.status)
    assert set(alone.reasons) <= set(made.reasons)
    # A model blocks nothing.
    assert (made.status == "blocked") == (alone.status == "blocked")
