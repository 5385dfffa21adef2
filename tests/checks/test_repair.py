"""When a change counts as a repair: one finding gone is not enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks.repair import repaired
from agent.domain import CheckRun, Finding, Findings, Severity, UnitPlan

UNIT = "infra/terraform/dev/app"
PLANNED = UnitPlan(unit=UNIT, target="terraform", status="planned")
FAILED = UnitPlan(unit=UNIT, target="terraform", status="failed", reason="no such attribute")
RUN = CheckRun(check="checkov", status="failed", files_given=2, files_seen=2)


def finding(rule: str, *, line: int = 1, path: str = f"{UNIT}/main.tf", severity: Severity = "medium") -> Finding:
    return Finding(source="checkov", rule=rule, severity=severity, message=f"about {rule}", path=path, line=line)


def scan(*rules: Finding | str, runs: tuple[CheckRun, ...] = (RUN,)) -> Findings:
    return Findings(findings=tuple(finding(one) if isinstance(one, str) else one for one in rules), checks=runs)


TARGET = finding("A")


def test_gone_with_nothing_new_and_a_plan_is_a_repair() -> None:
    yes, why = repaired(scan("A", "B"), scan("B"), TARGET, PLANNED)
    assert yes
    assert "checkov A" in why


@pytest.mark.parametrize(
    ("before", "after", "plan", "why"),
    [
        (scan("A"), scan(finding("A", line=9)), PLANNED, "still there"),  # only moved
        (scan("A"), scan(finding("A", severity="info")), PLANNED, "still there"),  # only accepted
        (scan("A", finding("A", line=7)), scan("A", "A"), PLANNED, "still there"),
        (scan("B"), scan("B"), PLANNED, "was not there"),
        (scan("A"), scan("C"), PLANNED, "brought checkov C"),
        (scan("A", "B"), scan("B", "B"), PLANNED, "brought checkov B"),  # the same once more
        (scan("A"), scan(finding("A", path=f"{UNIT}/other.tf")), PLANNED, "brought checkov A at"),  # moved elsewhere
        (scan("A", finding("B", severity="info")), scan("B"), PLANNED, "brought checkov B"),  # became serious
        (scan("A"), scan("C", "D", "E"), PLANNED, "and 2 more"),
        (scan("A"), scan(), None, "no plan"),
        (scan("A"), scan(), FAILED, "no such attribute"),
        (scan("A"), scan(runs=()), PLANNED, "no check ran"),
        (scan("A"), scan(runs=(RUN.model_copy(update={"status": "error"}),)), PLANNED, "could not run"),
        (scan("A", runs=(RUN.model_copy(update={"status": "error"}),)), scan(), PLANNED, "could not run"),
        (scan("A"), scan(runs=(RUN.model_copy(update={"files_seen": 1}),)), PLANNED, "saw 1 of 2"),
        (scan("A"), scan(runs=(RUN.model_copy(update={"check": "other"}),)), PLANNED, "did not run again"),
        (scan("A"), scan(runs=(CheckRun(check="checkov", status="passed"),)), PLANNED, "given no file"),
    ],
)
def test_anything_less_is_none(before: Findings, after: Findings, plan: UnitPlan | None, why: str) -> None:
    yes, said = repaired(before, after, TARGET, plan)
    assert not yes
    assert why in said


def test_a_new_remark_does_not_undo_a_repair() -> None:
    assert repaired(scan("A"), scan(finding("N", severity="info")), TARGET, PLANNED)[0]


NAMES = st.lists(st.sampled_from("ABCD"), max_size=6)


@given(before=NAMES, after=NAMES)
def test_a_repair_never_leaves_more_of_anything(before: list[str], after: list[str]) -> None:
    yes, _ = repaired(scan(*before), scan(*after), TARGET, PLANNED)
    wanted = all(after.count(name) <= before.count(name) for name in "ABCD") and after.count("A") < before.count("A")
    assert yes == wanted
