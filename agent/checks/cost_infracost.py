"""Plan JSON -> what `infracost breakdown` says that it costs; an answer that cannot be trusted is a ToolError.

infracost asks its pricing service for the prices and needs INFRACOST_API_KEY for it. The plan's values stay here. The
key goes to this one program: no other tool of the job sees it.
"""

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.checks.cost_lines import not_priced, total
from agent.checks.cost_plan import Resource, resources_of
from agent.checks.cost_resources import RULES
from agent.domain import Cost, CostLine
from agent.errors import ToolError
from agent.tools import Tools, allowed

PROGRAM = "infracost"
# What infracost may see beside the base variables, and nothing else may; never a cloud credential.
VARIABLES = ("INFRACOST_API_KEY", "INFRACOST_PRICING_API_ENDPOINT")
OURS = {
    "INFRACOST_CURRENCY": "USD",
    "INFRACOST_ENABLE_CLOUD": "false",
    "INFRACOST_SKIP_UPDATE_CHECK": "true",
}
CENT = 0.01


def breakdown(plan_json: Mapping[str, Any], *, tools: Tools, pricing: Mapping[str, str], timeout: float) -> Cost:
    """The plan's cost as infracost sees it, in USD a month. `pricing` holds the variables of its pricing service.

    Raises ToolError: it failed, ran over `timeout` seconds, printed what is no breakdown, saw no resource of a plan
    that has some, or its sum is not that of its parts.
    """
    resources = resources_of(plan_json, region="")
    inside = replace(tools, environment={**allowed(tools.environment), **allowed_pricing(pricing)})
    with tempfile.TemporaryDirectory(prefix="infra-agent-cost-") as folder:
        Path(folder, "plan.json").write_text(json.dumps(plan_json), encoding="utf-8")
        argv = (PROGRAM, "breakdown", "--path", "plan.json", "--format", "json", "--no-color")
        done = inside.run(argv, cwd=Path(folder), timeout=timeout, env=OURS)
    try:
        return _cost(json.loads(done.stdout), resources)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        reason = f"{PROGRAM} printed what is no breakdown: {type(error).__name__}: {error}"
        raise ToolError(reason, log=done.stderr[-20_000:]) from error


def allowed_pricing(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of `environ` that says how infracost reaches its pricing service; empty values are dropped."""
    return {name: environ[name] for name in VARIABLES if environ.get(name)}


def _cost(answer: Mapping[str, Any], resources: tuple[Resource, ...]) -> Cost:
    if answer["currency"] != "USD":
        raise ToolError(f"{PROGRAM} answered in {answer['currency']}, asked was USD")
    if len(answer["projects"]) != 1:
        raise ToolError(f"{PROGRAM} saw {len(answer['projects'])} projects, given was one plan")
    (project,) = answer["projects"]
    problems = (project.get("metadata") or {}).get("errors")
    if problems:
        raise ToolError(f"{PROGRAM} could not read the plan: {str(problems)[:500]}")
    past = project.get("pastBreakdown") or {"resources": [], "totalMonthlyCost": "0"}
    before, after = _amounts(past), _amounts(project["breakdown"])
    summary = project.get("summary") or {}
    unsupported = _count(summary, "unsupportedResourceCounts", "totalUnsupportedResources")
    free = _count(summary, "noPriceResourceCounts", "totalNoPriceResources")
    there = [resource for resource in resources if resource.type.startswith("aws_")]
    if there and not (before or after or unsupported or free):
        raise ToolError(f"{PROGRAM} saw none of {len(there)} resources")
    seen = before.keys() | after.keys()
    day = re.match(r"\d{4}-\d{2}-\d{2}", str(answer.get("timeGenerated", "")))
    stands = {resource.address: (resource.before is not None, resource.after is not None) for resource in resources}
    source = f"{PROGRAM} ({day[0]})" if day else PROGRAM
    lines = []
    for name in seen:
        was, will = stands.get(name, (name in before, name in after))
        line = CostLine(
            address=name,
            before=before.get(name) if was else 0.0,
            after=after.get(name) if will else 0.0,
            source=source,
            date=day[0] if day else "",
        )
        note = "usage-based, not priced" if None in (line.before, line.after) else ""
        lines.append(line.model_copy(update={"note": note}))
    by_use = sum(bool(line.note) for line in lines)
    missed = [item for item in resources if item.type in RULES and item.address not in seen]
    lines += [_missed(item) for item in missed]
    return total(lines, unpriced=max(unsupported, len(missed)), usage_based=by_use, source=PROGRAM)


def _missed(resource: Resource) -> CostLine:
    return not_priced(resource, f"not in {PROGRAM}'s answer", source=PROGRAM)


def _amounts(part: Mapping[str, Any]) -> dict[str, float | None]:
    """Monthly cost by address; None for what bills by use. Raises ValueError when the sum is not that of the parts."""
    amounts = {str(resource["name"]): _amount(resource["monthlyCost"]) for resource in part["resources"]}
    if len(amounts) != len(part["resources"]):
        raise ValueError("a resource stands there twice")
    said, made = _amount(part["totalMonthlyCost"]) or 0.0, sum(amount or 0.0 for amount in amounts.values())
    if abs(said - made) > CENT * max(len(amounts), 1):
        raise ValueError(f"the total is {said:g}, its parts make {made:g}")
    return amounts


def _amount(text: object) -> float | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError(f"an amount is a text, got {text!r:.80}")
    amount = float(text)
    if not math.isfinite(amount) or amount < 0:
        raise ValueError(f"an amount is 0 or more, got {text:.80}")
    return amount


def _count(summary: Mapping[str, Any], counts: str, number: str) -> int:
    """How many resources: by type, where infracost lists them so, else as a number."""
    listed = summary.get(counts)
    return sum(int(each) for each in listed.values()) if listed else int(summary.get(number) or 0)
