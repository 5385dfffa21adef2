"""The merge policy: only a whole and clean set of answers is ready."""

import pytest

from agent.domain import ChangeSet, CheckRun, Finding, Findings, Plan, Proposal, Severity, UnitPlan
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
