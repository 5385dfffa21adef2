"""A merge and what its apply did -> what people read of it, and how they go on. Pure."""

import re
from collections.abc import Iterable
from typing import Any

from agent.domain import Change, Merge, Outcome, Planned, UnitOutcome
from agent.render.page import Context, Failure, render
from agent.render.rows import MOST_ROWS, TABLES, rows
from agent.render.stages import summary_of_counts

BEFORE_APPLY = ("resolve", "lock")
COMMIT = re.compile(r"[0-9a-f]{40}")


def applied_section(
    context: Context, outcome: Outcome | None, *, merge: Merge | None = None, failure: Failure | None = None
) -> str:
    """What the apply did, unit by unit: result, probes, second plan, resources; where the plan was not the approved
    one, what moved and the plan as it is now. Without an outcome, why nothing was applied. Last, how to go on.
    """
    units = [_unit(unit, most=max(3, MOST_ROWS * 2 // len(outcome.units))) for unit in outcome.units] if outcome else []
    icon, headline = headline_of(outcome, failure)
    values = {
        "icon": icon,
        "headline": headline,
        "merged_by": merge.merged_by if merge else "",
        "asked_by": merge.asked_by if merge else "",
        "approvers": [one.login for one in merge.approvers if one.how != "merge"] if merge else (),
        "reasons": merge.reasons if merge else (),
        "failure": failure,
        "units": units,
        "steps": next_steps(merge, outcome, failure),
        "commit": outcome.commit if outcome else merge.commit if merge else "",
    }
    return render("applied", context, {**TABLES, **values})


def next_steps(merge: Merge | None, outcome: Outcome | None, failure: Failure | None = None) -> list[dict[str, str]]:
    """How to go on after a merge that was not applied, or not well; texts of our own, each with its command or none."""
    steps = []
    units = outcome.units if outcome else ()
    commit = outcome.commit if outcome else ""
    if any(unit.record for unit in units) and COMMIT.fullmatch(commit):
        steps.append(
            {
                "text": "To apply exactly the plan above: somebody who may approve it, and did not ask for the change, "
                "writes a new comment on the pull request:",
                "command": f"/agent approve {commit}",
            }
        )
    if any(unit.status in ("failed", "stopped") for unit in units) or failure is not None:
        steps.append({"text": "When the cause is mended, plan and apply once more:", "command": "/agent retry"})
    if any(unit.status in ("applied", "failed") and unit.healthy is not True for unit in units):
        said = "To take the change back with a pull request, which gets a plan of its own:"
        steps.append({"text": said, "command": "/agent rollback"})
    if merge is not None and merge.status == "stopped" and not steps:
        steps.append({"text": "When the reason above is mended, try again:", "command": "/agent retry"})
    return steps


def headline_of(outcome: Outcome | None, failure: Failure | None) -> tuple[str, str]:
    """A mark and the end in words. Without an outcome nothing was applied only where the apply was never reached."""
    units = outcome.units if outcome else ()
    if not units and failure is not None and failure.job not in BEFORE_APPLY:
        return "❌", "It is not known what was applied"
    if not units or all(unit.status == "stopped" for unit in units):
        return "✋", "Nothing was applied"
    if all(unit.status == "applied" and unit.healthy for unit in units):
        return "✅", "Applied and healthy"
    bad = sum(unit.status != "applied" or unit.healthy is False for unit in units)
    return ("❌", f"{bad} of {len(units)} units went wrong") if bad else ("⏳", "Applied")


def _unit(unit: UnitOutcome, *, most: int) -> dict[str, Any]:
    shown, more = rows(unit.changes, most=most)
    planned, rest = rows(_changes(unit.record), most=most)
    return {
        **dict(unit),
        "rows": shown,
        "more": more,
        "counted": summary_of_counts(unit.changes, done=True),
        "planned": planned,
        "rest": rest,
        "to_do": summary_of_counts(_changes(unit.record)),
    }


def _changes(record: Iterable[Planned]) -> list[Change]:
    """The resources of a plan in brief, as rows are made of; outputs among them."""
    return [
        Change(address=one.address, type=one.type, verbs=one.verbs, fields=tuple(one.fields))
        for one in record
        if one.verbs != ("no-op",)
    ]
