"""Plan -> the numbers of its cost table as text: per unit, per resource, and what is not in them. Pure."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from agent.domain import Cost, CostLine, Plan

NOT_KNOWN = "not known"


def cost_table(plan: Plan, *, most: int) -> dict[str, Any] | None:
    """What the plan's section shows of its cost, at most `most` resources; None when there is nothing to say of it."""
    planned = [unit for unit in plan.units if unit.status == "planned"]
    costs = [unit.cost for unit in planned if unit.cost is not None]
    if not any(cost.lines for cost in costs):
        return None
    lines = sorted((line for cost in costs for line in cost.lines), key=_weight)
    return {
        "currency": costs[0].currency,
        "units": [_unit(unit.unit, unit.cost) for unit in planned],
        "total": _amounts(costs) if len(costs) > 1 and len(costs) == len(planned) else None,
        "not_known": len(planned) - len(costs),
        "unpriced": sum(cost.unpriced for cost in costs),
        "usage_based": sum(cost.usage_based for cost in costs),
        "lines": [_line(line) for line in islice(lines, most)],
        "more": max(len(lines) - most, 0),
        "sources": sorted({source for line in lines for source in line.source.split("; ") if source}),
    }


def _unit(name: str, cost: Cost | None) -> dict[str, str]:
    if cost is None:
        return {"unit": name, "before": NOT_KNOWN, "after": NOT_KNOWN, "difference": NOT_KNOWN}
    return {"unit": name, **_amounts([cost])}


def _amounts(costs: Sequence[Cost]) -> dict[str, str]:
    before, after = sum(cost.monthly_before for cost in costs), sum(cost.monthly_after for cost in costs)
    lines = [line for cost in costs for line in cost.lines]
    nameless = any(_nameless(cost) for cost in costs)
    return {
        "before": _money(before, least=nameless or any(line.before is None for line in lines)),
        "after": _money(after, least=nameless or any(line.after is None for line in lines)),
        "difference": _signed(after - before),
    }


def _nameless(cost: Cost) -> bool:
    """Whether more is left out than the lines name: it may stand before, after, or both."""
    named = sum(line.before is None or line.after is None for line in cost.lines)
    return cost.unpriced + cost.usage_based > named


def _line(line: CostLine) -> dict[str, str]:
    known = line.before is not None and line.after is not None
    return {
        "address": line.address,
        "before": NOT_KNOWN if line.before is None else _money(line.before),
        "after": NOT_KNOWN if line.after is None else _money(line.after),
        "difference": _signed((line.after or 0.0) - (line.before or 0.0)) if known else NOT_KNOWN,
        "date": line.date,
        "note": line.note,
    }


def _weight(line: CostLine) -> tuple[bool, float, str]:
    """What is not known first, then the largest differences."""
    known = line.before is not None and line.after is not None
    return known, -abs((line.after or 0.0) - (line.before or 0.0)), line.address


def _money(amount: float, *, least: bool = False) -> str:
    if 0 < amount < 0.005:
        return "under 0.01"
    return f"at least {amount:,.2f}" if least else f"{amount:,.2f}"


def _signed(amount: float) -> str:
    return "0.00" if round(amount, 2) == 0 else f"{amount:+,.2f}"
