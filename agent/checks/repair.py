"""Findings before and after a change, and its plan -> whether the change repaired a finding, and why not. Pure.

Making one finding go away is easy: most changes that do so bring another finding or a plan that fails. So what counts
is the whole scan and the plan.
"""

from collections import Counter
from collections.abc import Iterable

from agent.checks.check import COULD_NOT_RUN
from agent.domain import Finding, Findings, UnitPlan

_Fact = tuple[str, str, str, str]


def repaired(before: Findings, after: Findings, target: Finding, plan: UnitPlan | None) -> tuple[bool, str]:
    """True only when `target` stood in `before` and is gone, nothing else came, every check that ran before has run
    again and had files to see, and the plan succeeds. With the reason, in words for the person who asked.

    `plan` is that of the changed code; None means that none was made, which is no success. A finding is the same
    wherever its line went: source, rule, path and message make it, and how often it is there. A finding that came back
    less serious (accepted by a waiver, say) is not gone. `info` findings are not counted as new.
    """
    for name, reason in (
        ("before", _unsound(before)),
        ("after", _unsound(after) or _fewer(before, after)),
    ):
        if reason:
            return False, f"the scan {name} the change does not count: {reason}"
    had, has = Counter(map(_fact, before.findings)), Counter(map(_fact, after.findings))
    wanted = _fact(target)
    if not had[wanted]:
        return False, f"{_named(target)} was not there before the change"
    if has[wanted] >= had[wanted]:
        return False, f"{_named(target)} is still there"
    serious = [item for item in after.findings if item.severity != "info"]
    new = _new(serious, Counter(_fact(item) for item in before.findings if item.severity != "info"))
    if new:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        return False, f"the change brought {_named(new[0])}{more}"
    if plan is None:
        return False, "no plan was made of the changed code"
    if plan.status != "planned":
        return False, f"the plan of {plan.unit} no longer succeeds: {plan.reason or 'no reason was given'}"
    return True, f"{_named(target)} is gone, nothing new was found, and {plan.unit} can be planned"


def _fact(item: Finding) -> _Fact:
    return (item.source, item.rule, item.path, item.message)


def _named(item: Finding) -> str:
    place = f"{item.path}:{item.line}" if item.line else item.path or "the whole change"
    return f"{item.source} {item.rule} at {place}"


def _new(found: Iterable[Finding], had: Counter[_Fact]) -> list[Finding]:
    left, new = Counter(had), []
    for item in found:
        fact = _fact(item)
        if left[fact]:
            left[fact] -= 1
        else:
            new.append(item)
    return new


def _unsound(findings: Findings) -> str:
    """Why a scan says nothing: no check ran, one could not run, or one saw fewer files than it was given."""
    if not findings.checks:
        return "no check ran"
    for run in findings.checks:
        if run.status == "error":
            return f"{run.check} could not run"
        if run.files_seen < run.files_given:
            return f"{run.check} saw {run.files_seen} of {run.files_given} files"
    if any(item.rule == COULD_NOT_RUN for item in findings.findings):
        return "a check could not run"
    return ""


def _fewer(before: Findings, after: Findings) -> str:
    """A finding also goes away when nobody looks: fewer checks, or a check with nothing left to see."""
    again = {run.check: run for run in after.checks}
    for run in before.checks:
        if run.check not in again:
            return f"{run.check} did not run again"
        if run.files_given and not again[run.check].files_given:
            return f"{run.check} was given no file any more"
    return ""
