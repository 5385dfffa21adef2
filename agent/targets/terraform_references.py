"""`terraform show -json` of a plan -> which resources refer to which, around what changes. Pure.

Read off the configuration in the plan, through variables and outputs of modules; what goes through a `local` is not in
there, so this is the least that there is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.domain import Change, Reference, without_keys

MOST = 300
MAX_DEPTH = 8


def references_of(plan_json: Mapping[str, Any], changes: Iterable[Change]) -> tuple[Reference, ...]:
    """The references that begin or end at one of `changes`, reads left out, at most `MOST`, in order of address."""
    changed = {
        without_keys(change.address).partition(" ")[0] for change in changes if set(change.verbs) - {"read", "no-op"}
    }
    root = (plan_json.get("configuration") or {}).get("root_module") or {}
    found = {
        (address, to)
        for address, to in _of_module(root, prefix="", outer={}, depth=0)
        if address != to and (address in changed or to in changed)
    }
    return tuple(Reference(address=address, to=to) for address, to in sorted(found)[:MOST])


def _of_module(
    module: Mapping[str, Any], *, prefix: str, outer: Mapping[str, frozenset[str]], depth: int
) -> Iterator[tuple[str, str]]:
    """Pairs of addresses in `module` and below; `outer` says what its variables stand for."""
    for resource in module.get("resources") or ():
        parts = [resource.get(name) for name in ("expressions", "count_expression", "for_each_expression")]
        said = {*references_in(parts), *(resource.get("depends_on") or ())}
        for target in _targets(said, module, prefix=prefix, outer=outer, depth=depth):
            yield f"{prefix}{resource['address']}", target
    if depth >= MAX_DEPTH:
        return
    for name, call in (module.get("module_calls") or {}).items():
        inner = {
            variable: _targets(references_in(expression), module, prefix=prefix, outer=outer, depth=depth)
            for variable, expression in (call.get("expressions") or {}).items()
        }
        yield from _of_module(call.get("module") or {}, prefix=f"{prefix}module.{name}.", outer=inner, depth=depth + 1)


def _targets(
    said: Iterable[str],
    module: Mapping[str, Any],
    *,
    prefix: str,
    outer: Mapping[str, frozenset[str]],
    depth: int,
) -> frozenset[str]:
    """Addresses of the resources that the references `said` inside `module` mean."""
    found: set[str] = set()
    for reference in said:
        parts = without_keys(reference).split(".")
        if parts[0] == "var" and len(parts) > 1:
            found |= outer.get(parts[1], frozenset())
        elif parts[0] == "module" and len(parts) > 2 and depth < MAX_DEPTH:
            found |= _of_output(module, parts[1], parts[2], prefix=prefix, depth=depth)
        elif parts[0] == "data" and len(parts) > 2:
            found.add(f"{prefix}{'.'.join(parts[:3])}")
        elif "_" in parts[0] and len(parts) > 1:
            found.add(f"{prefix}{'.'.join(parts[:2])}")
    return frozenset(found)


def _of_output(module: Mapping[str, Any], name: str, output: str, *, prefix: str, depth: int) -> frozenset[str]:
    inside = ((module.get("module_calls") or {}).get(name) or {}).get("module") or {}
    expression = ((inside.get("outputs") or {}).get(output) or {}).get("expression")
    return _targets(references_in(expression), inside, prefix=f"{prefix}module.{name}.", outer={}, depth=depth + 1)


def references_in(expression: Any) -> set[str]:
    """Every reference in an expression of the configuration, however deep its blocks are nested."""
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += (value for name, value in part.items() if name not in ("references", "constant_value"))
            if isinstance(names := part.get("references"), list):
                found.update(name for name in names if isinstance(name, str))
    return found
