"""The numbers of the cost table: what is not known is said, and looks like no saving."""

from agent.domain import Cost, CostLine, Plan, UnitPlan
from agent.render.cost import cost_table
from tests.render import examples as x


def planned(unit: str, cost: Cost | None) -> UnitPlan:
    return UnitPlan(unit=unit, target="terraform", status="planned", cost=cost)


def costing(before: float | None, after: float | None, *, unpriced: int = 0) -> Cost:
    line = CostLine(address="aws_instance.x", before=before, after=after)
    then = before if after is None else after
    return Cost(lines=(line,), monthly_before=before or 0, monthly_after=then or 0, unpriced=unpriced)


def test_nothing_to_say_is_no_table() -> None:
    assert cost_table(Plan(), most=9) is None
    assert cost_table(x.SMALL_PLAN, most=9) is None
    assert cost_table(Plan(units=(planned("a", Cost()),)), most=9) is None


def test_several_units_have_a_sum_unless_one_of_them_is_not_known() -> None:
    table = cost_table(Plan(units=(planned("a", costing(1, 2)), planned("b", costing(0, 1234.5)))), most=9)
    assert table is not None
    assert table["total"] == {"before": "1.00", "after": "1,236.50", "difference": "+1,235.50"}
    table = cost_table(Plan(units=(planned("a", costing(1, 2)), planned("b", None))), most=9)
    assert table is not None
    assert table["total"] is None
    assert table["not_known"] == 1
    assert table["units"][1]["after"] == "not known"


def test_an_unknown_price_makes_the_sum_a_lower_bound_and_no_saving() -> None:
    table = cost_table(Plan(units=(planned("a", costing(100, None, unpriced=1)),)), most=9)
    assert table is not None
    assert table["units"] == [{"unit": "a", "before": "100.00", "after": "at least 100.00", "difference": "0.00"}]
    assert table["lines"][0]["after"] == table["lines"][0]["difference"] == "not known"


def test_less_than_a_cent_is_not_nothing_and_what_does_not_fit_is_counted() -> None:
    table = cost_table(Plan(units=(planned("a", costing(0.002, -0.0)),)), most=0)
    assert table is not None
    assert table["units"][0]["before"] == "under 0.01"
    assert table["units"][0]["difference"] == "0.00"
    assert (table["lines"], table["more"]) == ([], 1)
