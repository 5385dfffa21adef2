"""`terraform show -json` of a plan -> the values in it that nobody may read. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.render.redact import SHORTEST_VALUE

MOST = 2_000


def sensitive_values(plan_json: Mapping[str, Any]) -> tuple[str, ...]:
    """Every text and number that the plan marks as sensitive, before or after, at most `MOST`; what is too short to be
    told from an ordinary word is left out.
    """
    return tuple(sorted(value for value in sensitive_leaves(plan_json) if len(value.strip()) >= SHORTEST_VALUE)[:MOST])


def sensitive_leaves(plan_json: Mapping[str, Any]) -> frozenset[str]:
    """Every text and number that the plan marks as sensitive, however short."""
    found: set[str] = set()
    for item in plan_json.get("resource_changes") or ():
        found.update(_of_change(item.get("change") or {}))
    for change in (plan_json.get("output_changes") or {}).values():
        found.update(_of_change(change))
    for item in plan_json.get("resource_drift") or ():
        found.update(_of_change(item.get("change") or {}))
    return frozenset(found)


def _of_change(change: Mapping[str, Any]) -> Iterator[str]:
    for side in ("before", "after"):
        yield from _marked(change.get(side), change.get(f"{side}_sensitive"))


def _marked(value: Any, mask: Any) -> Iterator[str]:
    if mask is True:
        yield from _leaves(value)
    elif isinstance(mask, dict) and isinstance(value, dict):
        for name, part in mask.items():
            yield from _marked(value.get(name), part)
    elif isinstance(mask, list) and isinstance(value, list):
        for item, part in zip(value, mask, strict=False):
            yield from _marked(item, part)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
