"""Findings, plan, verdict, outcome -> the pull request's sections, one comment each. Pure."""

from typing import Any

from agent.domain import Findings, Plan, UnitPlan, Verdict
from agent.render import steps
from agent.render.cost import cost_table
from agent.render.mermaid import picture
from agent.render.page import Context, render
from agent.render.rows import (
    MOST_FLAT,
    MOST_FOLDED,
    MOST_ROWS,
    TABLES,
    by_gravity,
    by_rule,
    destroyed,
    grave,
    reasons_by_rule,
    rows,
)
from agent.render.stages import SILENT, summary_of_counts, summary_of_findings

MOST_UNITS = 20
# Lines of a picture that is seen at a glance, so that it is not folded away.
SMALL_PICTURE = 30


def checks_section(context: Context, findings: Findings, *, commit: str, revisable: bool = True) -> str:
    """Gate and checks: what could not run, findings by severity (by rule when there are many), then every check with
    its file counts and time. `revisable` says whether the agent can write the change anew.
    """
    ordered = by_gravity(findings.findings)
    groups = by_rule(ordered) if len(ordered) > MOST_FLAT else []
    broken = [check for check in findings.checks if check.status == "error"]
    bad = broken or not findings.checks or grave(ordered)
    low = any(finding.severity != "info" for finding in ordered)
    values = {
        "icon": "❌" if bad else "⚠️" if low else "✅",
        "counted": summary_of_findings(ordered) if findings.checks else "none ran",
        "broken": broken,
        "groups": groups[:MOST_ROWS],
        "more_rules": len(groups[MOST_ROWS:]),
        "more_alike": sum(group["number"] for group in groups[MOST_ROWS:]),
        "total": len(ordered),
        "shown": ordered[:MOST_FOLDED],
        "checks": findings.checks,
        "to_mend": low,
        "revisable": revisable,
        "commit": commit,
    }
    return render("checks", context, {**TABLES, **values})


def plan_section(context: Context, plan: Plan, *, commit: str) -> str:
    """Counts, then what would be destroyed in bold, then what failed, then unit by unit what changes, the cost, a
    picture, its making.
    """
    every = [change for unit in plan.units for change in unit.changes]
    failed = [unit for unit in plan.units if unit.status == "failed"]
    planned = [unit for unit in plan.units if unit.status != "failed"]
    if not plan.units:
        counted = "none could be made"
    else:
        counted = summary_of_counts(every) + (f", {len(failed)} not planned" if failed else "")
    most = max(3, MOST_ROWS * 2 // max(1, len(planned)))
    drawn = picture(plan, secrets=context.secrets)
    lost, more_lost = destroyed(plan)
    values = {
        "icon": "❌" if failed or not plan.units or grave(plan.findings) else "📋",
        "counted": counted,
        "destroyed": lost,
        "more_destroyed": more_lost,
        **_rearranged(plan),
        "findings": by_rule(plan.findings)[:MOST_ROWS],
        "failed": failed[:MOST_UNITS],
        "more_failed": [unit.unit for unit in failed[MOST_UNITS:]],
        "units": [_unit(unit, most=most) for unit in planned[:MOST_UNITS]],
        "more_units": [_unit(unit, most=0) for unit in planned[MOST_UNITS : MOST_UNITS + MOST_ROWS]],
        "more_than_that": len(planned[MOST_UNITS + MOST_ROWS :]),
        "made": plan.units[:MOST_ROWS],
        "cost": cost_table(plan, most=MOST_ROWS),
        "picture": drawn,
        "small": drawn.count("\n") <= SMALL_PICTURE,
        "commit": commit,
    }
    return render("plan", context, {**TABLES, **values})


def verdict_section(
    context: Context,
    verdict: Verdict,
    *,
    commit: str,
    findings: Findings | None = None,
    plan: Plan | None = None,
    review: str = "",
    merger: str = "",
    revisable: bool = True,
) -> str:
    """Whether a person can merge, why not, and what to do next. `review` says in our words how the second opinion
    ended, `merger` whose merge is not enough, `revisable` whether the agent can write the change anew: not what people
    wrote, and not what takes a merge back.
    """
    lost, more_lost = destroyed(plan, most=MOST_FLAT // 2) if plan else ([], [])
    values = {
        "icon": {"ready": "✅", "needs work": "🔧", "blocked": "⛔"}[verdict.status],
        "headline": {"ready": "Ready to merge", "needs work": "Needs work", "blocked": "Blocked"}[verdict.status],
        "findings": summary_of_findings(findings.findings) if findings else "",
        "plan": summary_of_counts(change for unit in plan.units for change in unit.changes) if plan else "",
        "review": review,
        "merger": merger,
        "destroyed": lost,
        "more_destroyed": more_lost,
        **_rearranged(plan or Plan()),
        "to_approve": steps.to_approve(plan, commit, secrets=context.secrets) if plan else (),
        "reasons": reasons_by_rule(verdict.reasons),
        "ready": verdict.status == "ready",
        "revisable": revisable,
        "commit": commit,
    }
    return render("verdict", context, {**TABLES, **values})


def _rearranged(plan: Plan) -> dict[str, Any]:
    found = steps.rearranged(plan)
    return {"rearranged": found[:MOST_ROWS], "more_rearranged": len(found[MOST_ROWS:])}


def _unit(unit: UnitPlan, *, most: int) -> dict[str, Any]:
    shown, more = rows(unit.changes, most=min(most, MOST_ROWS))
    real = sum(bool(set(change.verbs) - SILENT) for change in unit.changes)
    return {
        **dict(unit),
        "rows": shown[:MOST_FLAT],
        "folded": shown[MOST_FLAT:],
        "more": more,
        "left": real - len(shown),
        "counted": summary_of_counts(unit.changes),
    }
