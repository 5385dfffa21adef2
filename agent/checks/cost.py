"""Plan JSON -> the known part of its monthly cost, before and after, per resource; and that cost against the ceilings.

infracost prices it when it is on PATH, else the bundled table. A number that is not known stays unknown: it is counted
and named, and never taken for zero.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from agent.checks import cost_infracost
from agent.checks.cost_lines import not_priced, total
from agent.checks.cost_plan import Resource, Unpriced, Values, launch_template, resources_of
from agent.checks.cost_resources import RULES, Priced, Shop, UsageBased
from agent.checks.cost_table import SOURCE, Table, table
from agent.domain import Cost, CostLine, Finding, Plan, Severity, UnitPlan
from agent.errors import ToolError
from agent.guardrails import GUARDRAILS_PATH, Guardrails, PlanLimits
from agent.permit import limits_of
from agent.settings import Settings
from agent.tools import Tools

NAME = "cost"
NO_CHARGE = Priced(0.0, ())
NO_PRICING: Mapping[str, str] = MappingProxyType({})


def estimate(
    plan_json: Mapping[str, Any], *, region: str, tools: Tools, pricing: Mapping[str, str] = NO_PRICING,
    timeout: float = 120.0,
) -> Cost:  # fmt: skip
    """What the plan's resources are known to cost in a month, in USD at list price, before and after.

    `region` is where a provider that names none works; `pricing` are infracost's own variables. Raises ToolError when
    infracost is there and gives no answer that can be trusted, or when the plan cannot be read.
    """
    if tools.which(cost_infracost.PROGRAM):
        return cost_infracost.breakdown(plan_json, tools=tools, pricing=pricing, timeout=timeout)
    return from_table(plan_json, region=region)


def of_unit(
    planned: UnitPlan, plan_json: Mapping[str, Any], *, settings: Settings, tools: Tools,
    pricing: Mapping[str, str] = NO_PRICING,
) -> tuple[UnitPlan, tuple[Finding, ...]]:  # fmt: skip
    """The unit's plan with its cost; or, when that cannot be told, as it was, and a critical finding.

    `pricing` are infracost's own variables (`cost_infracost.VARIABLES`), which no other program sees.
    """
    environment = settings.environments.get(_environment(planned.unit))
    region = environment.region if environment else ""
    try:
        cost = estimate(plan_json, region=region, tools=tools, pricing=pricing)
        return planned.model_copy(update={"cost": cost}), ()
    except ToolError as error:
        message = f"cost could not run: {error}. What it would cost is not known, which is not the same as nothing"
        return planned, (_finding("cost/could-not-run", "critical", message, planned.unit),)


def check(plan: Plan, *, guardrails: Guardrails) -> tuple[Finding, ...]:
    """`cost/ceiling` when the known cost is over a ceiling: high; critical when it is more than twice as much.

    The units of each environment are held against its limits; those of several together against the general ones too.
    """
    groups: dict[str, list[UnitPlan]] = {}
    for unit in plan.units:
        groups.setdefault(_environment(unit.unit), []).append(unit)
    judged = [(units, limits_of(guardrails, name)) for name, units in groups.items()]
    if len(groups) > 1:
        judged.append((list(plan.units), guardrails.limits))
    return tuple(dict.fromkeys(found for units, limits in judged for found in _over(units, limits)))


def from_table(plan_json: Mapping[str, Any], *, region: str, prices: Table | None = None) -> Cost:
    """As `estimate`, from the bundled table (or `prices`) alone. Pure but for reading the table once."""
    known = prices or table()
    every = resources_of(plan_json, region=region)
    answers = [_line(resource, every, known) for resource in every]
    return total(
        [answer.line for answer in answers if answer.line is not None],
        unpriced=sum(answer.unpriced for answer in answers),
        usage_based=sum(answer.usage_based for answer in answers),
        source=SOURCE,
    )


class _Answer(NamedTuple):
    line: CostLine | None
    unpriced: bool
    usage_based: bool


def _line(resource: Resource, every: tuple[Resource, ...], prices: Table) -> _Answer:
    kind = prices.kind(resource.type)
    if kind == "free":
        return _Answer(None, unpriced=False, usage_based=False)
    if kind == "usage-based":
        note = f"usage-based, not priced: {prices.usage_based[resource.type]}"
        return _Answer(not_priced(resource, note), unpriced=False, usage_based=True)
    sides = [_side(resource, side, values, every, prices) for side, values in _sides(resource)]
    reasons = [side for side in sides if isinstance(side, Unpriced)]
    if reasons and all(isinstance(side, UsageBased) or side is NO_CHARGE for side in sides):
        note = f"usage-based, not priced: {reasons[-1]}"
        return _Answer(not_priced(resource, note), unpriced=False, usage_based=True)
    before, after = (None if isinstance(side, Unpriced) else round(side.monthly, 4) for side in sides)
    known = [side for side in sides if isinstance(side, Priced)]
    used = list(dict.fromkeys(price for side in known for price in side.prices))
    line = CostLine(
        address=resource.address,
        before=before,
        after=after,
        source="; ".join(dict.fromkeys(f"{price.source} ({price.date})" for price in used)),
        # The oldest of them: no part of the sum is older than what it says.
        date=min((price.date for price in used), default=""),
        note="; ".join(note for note in _notes(sides) if note),
    )
    by_use = any(isinstance(side, UsageBased) for side in sides)
    unpriced = any(isinstance(side, Unpriced) and not isinstance(side, UsageBased) for side in sides)
    return _Answer(line, unpriced=unpriced, usage_based=by_use)


def _sides(resource: Resource) -> tuple[tuple[str, Values | None], ...]:
    return (("before", resource.before), ("after", resource.after))


def _side(
    resource: Resource, side: str, values: Values | None, every: tuple[Resource, ...], prices: Table
) -> Priced | Unpriced:
    if values is None:
        return NO_CHARGE
    rule = RULES.get(resource.type)
    if rule is None:
        return Unpriced(f"no price of `{resource.type}`")
    template: Callable[[], Values] = partial(launch_template, resource, every, side=side)
    try:
        return rule(values, Shop(table=prices, region=resource.region, template=template))
    except Unpriced as reason:
        return reason


def _notes(sides: Sequence[Priced | Unpriced]) -> Iterable[str]:
    before, after = sides
    if isinstance(after, Unpriced):
        told = "usage-based" if isinstance(after, UsageBased) else "not priced"
        counted = "; counted as before" if isinstance(before, Priced) and before.monthly else ""
        yield f"{told} after the change: {after}{counted}"
    else:
        yield after.note
    if isinstance(before, Unpriced) and str(before) != str(after):
        told = "usage-based" if isinstance(before, UsageBased) else "not priced"
        yield f"{told} before the change: {before}"
    elif isinstance(before, Priced) and after is NO_CHARGE:
        yield before.note


def _over(units: Sequence[UnitPlan], limits: PlanLimits) -> Iterator[Finding]:
    costs = [unit.cost for unit in units if unit.cost is not None]
    after = sum(cost.monthly_after for cost in costs)
    added = after - sum(cost.monthly_before for cost in costs)
    left_out = _left_out(costs, missing=len(units) - len(costs))
    for name, verb, value, limit in (
        ("max_monthly_usd", "would cost", after, limits.max_monthly_usd),
        ("max_monthly_increase_usd", "would add", added, limits.max_monthly_increase_usd),
    ):
        if limit is not None and round(value, 2) > limit:
            least = "at least " if left_out else ""
            message = (
                f"{_listed(units)}: {verb} {least}{value:,.2f} USD a month; limits.{name} in {GUARDRAILS_PATH} is "
                f"{limit:,.2f}{left_out}"
            )
            yield _finding("cost/ceiling", "critical" if value > 2 * limit else "high", message)


def _listed(units: Sequence[UnitPlan]) -> str:
    return units[0].unit if len(units) == 1 else f"{len(units)} units together"


def _environment(unit: str) -> str:
    parts = unit.split("/")  # infra/terraform/<environment>/<stack>
    return parts[2] if len(parts) > 2 else ""


def _left_out(costs: Iterable[Cost], *, missing: int) -> str:
    every = list(costs)
    unpriced, by_use = sum(cost.unpriced for cost in every), sum(cost.usage_based for cost in every)
    parts = (
        (unpriced, "resource without a price here", "resources without a price here"),
        (by_use, "resource that bills by use", "resources that bill by use"),
        (missing, "unit whose cost is not known", "units whose cost is not known"),
    )
    said = [f"{number} {one if number == 1 else many}" for number, one, many in parts if number]
    return f"; {', '.join(said)} not included" if said else ""


def _finding(rule: str, severity: Severity, message: str, path: str = "") -> Finding:
    return Finding(source=NAME, rule=rule, severity=severity, message=message, path=path)
