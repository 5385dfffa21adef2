"""Lines of a cost -> the cost with its sums. Pure."""

from collections.abc import Iterable, Sequence

from agent.checks.cost_plan import Resource
from agent.domain import Cost, CostLine

PLACES = 4  # of a dollar: a unit of capacity costs less than a cent a month in parts


def total(lines: Sequence[CostLine], *, unpriced: int, usage_based: int, source: str) -> Cost:
    """The sums. A resource whose price afterwards is not known counts as before: unknown never looks like a saving."""
    return Cost(
        lines=tuple(sorted(lines, key=lambda line: line.address)),
        monthly_before=_sum(line.before for line in lines),
        monthly_after=_sum(line.before if line.after is None else line.after for line in lines),
        unpriced=unpriced,
        usage_based=usage_based,
        source=source,
    )


def not_priced(resource: Resource, note: str, *, source: str = "") -> CostLine:
    """A line without a price, and why. What does not exist, before it is made or after it is destroyed, costs nothing:
    that is known.
    """
    before, after = (0.0 if values is None else None for values in (resource.before, resource.after))
    return CostLine(address=resource.address, before=before, after=after, source=source, note=note)


def _sum(amounts: Iterable[float | None]) -> float:
    return round(sum(amount for amount in amounts if amount is not None), PLACES)
