"""`terraform show -json` of a plan -> the few values of attributes that people may read, before and after. Pure.

A value is shown only when its attribute stands in the tables of `terraform_readable`, its form is one that the
attribute can have, and nothing in the plan marks it as sensitive. A number, a size, a version or a range could be made
out of a secret, so it is shown only where the code writes it: as a constant, or through variables and keys of
instances, never from a data source, another resource or a `local`, which the plan does not resolve. What looks like a
secret, alone or joined with the rest, takes all away.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from agent.domain import MOST_VALUES, AttributeChange, without_keys
from agent.gate import secret
from agent.render.redact import holds, redact
from agent.targets.terraform_marks import any_true, part_of
from agent.targets.terraform_readable import MEASURES, tokens
from agent.targets.terraform_references import references_in
from agent.targets.terraform_sensitive import sensitive_leaves

Shown = dict[tuple[str, str], tuple[AttributeChange, ...]]

_STEP = re.compile(r"[a-z][a-z0-9_]{0,40}")
_MODULE = re.compile(r"module\.([^.]+)")
_REASONS = {
    "replace_because_tainted": "(tainted: it was never made completely)",
    "replace_by_triggers": "(replace_triggered_by)",
    "replace_by_request": "(asked for on the command line)",
}
_DEEPEST = 4


@dataclass(frozen=True)
class _Place:
    """Where a resource stands in the code: the expressions of its attributes, the variables of its module whose values
    the code writes, and whether it writes the keys of the instances.
    """

    expressions: Any = None
    variables: frozenset[str] = frozenset()
    keys: bool = False


@dataclass(frozen=True)
class _Sides:
    """One attribute before and after, and what the plan marks of it."""

    before: Any
    after: Any
    before_mask: Any
    after_mask: Any
    unknown: Any

    def inner(self, name: str) -> "_Sides":
        before, after = (one.get(name) if isinstance(one, dict) else None for one in (self.before, self.after))
        masks = (part_of(mask, name) for mask in (self.before_mask, self.after_mask, self.unknown))
        return _Sides(before, after, *masks)

    def block(self) -> "_Sides | None":
        """What stands in a nested block that is there once; None for anything else, a map among it."""
        lists = [one for one in (self.before, self.after) if one not in (None, [])]
        if not lists or self.unknown is True:
            return None
        if not all(isinstance(one, list) and len(one) == 1 and isinstance(one[0], dict) for one in lists):
            return None
        before, after = (one[0] if one else None for one in (self.before, self.after))
        masks = (part_of(mask, 0) for mask in (self.before_mask, self.after_mask, self.unknown))
        return _Sides(before, after, *masks)


def values_of(plan_json: Mapping[str, Any]) -> Shown:
    """Address and deposed key -> the values of that resource which may be read; nothing at all when they, one after
    another, hold something like a secret or a value that the plan marks as sensitive.
    """
    hidden = sensitive_leaves(plan_json)
    found: Shown = {}
    for item in sorted(plan_json.get("resource_changes") or (), key=lambda one: str(one["address"])):
        if item.get("mode") != "data" and not {"no-op", "read", "forget"} & set(item["change"]["actions"]):
            values = tuple(_of_resource(item, _place(plan_json, item), hidden))
            found |= {(item["address"], item.get("deposed", "")): values} if values else {}
    return {} if _smuggles(found.values(), hidden) else found


def forced_by(change: Mapping[str, Any], reason: str) -> tuple[str, ...]:
    """Names of the attributes for which a resource has to be replaced, or in brackets another reason."""
    paths = ([*takewhile(_is_name, path)] for path in change.get("replace_paths") or ())
    names = {".".join(step for step in path if isinstance(step, str)) for path in paths} - {""}
    return tuple(sorted(names)[:MOST_VALUES]) or ((_REASONS[reason],) if reason in _REASONS else ())


def _is_name(step: Any) -> bool:
    """Whether a step of a path is an element, or an attribute's name; the key of a map may be anything."""
    return isinstance(step, int) or (isinstance(step, str) and bool(_STEP.fullmatch(step)))


def _of_resource(item: Mapping[str, Any], place: _Place, hidden: frozenset[str]) -> Iterator[AttributeChange]:
    change = item["change"]
    parts = ("before", "after", "before_sensitive", "after_sensitive", "after_unknown")
    sides = _Sides(*(change.get(name) for name in parts))
    if not isinstance(sides.after, dict):
        return
    left = MOST_VALUES
    for name in _names(sides):
        shown, whole = _attribute((name,), sides, (place.expressions or {}).get(name), place, hidden)
        yield from (one.model_copy(update={"whole": whole and len(shown) <= left}) for one in shown[:left])
        left -= len(shown[:left])


def _attribute(
    path: tuple[str, ...], outer: _Sides, code: Any, place: _Place, hidden: frozenset[str]
) -> tuple[list[AttributeChange], bool]:
    """What may be read of an attribute, and whether that is all that changes in it."""
    sides = outer.inner(path[-1])
    creates = outer.before is None
    if sides.before == sides.after and not any_true(sides.unknown):
        return [], True
    if not all(map(_STEP.fullmatch, path)):
        return [], False
    block = sides.block()
    if block is not None and len(path) < _DEEPEST:
        parts = [_attribute((*path, name), block, _inside(code, name), place, hidden) for name in _names(block)]
        return [one for shown, _ in parts for one in shown], all(whole for _, whole in parts)
    if any_true(sides.before_mask) or any_true(sides.after_mask) or (creates and code is None):
        return [], False
    before, after = tokens(path[-1], sides.before), tokens(path[-1], sides.after)
    unknown = any_true(sides.unknown)
    if before is None or after is None or (unknown and creates):
        return [], False
    if before == after and not unknown:  # nothing, in two ways of saying so
        return [], True
    if path[-1] in MEASURES and not (code is not None and _written(code, place) and not hidden & {*before, *after}):
        return [], False
    after = () if unknown else after
    return [AttributeChange(path=".".join(path), before=before, after=after, unknown=unknown)], True


def _names(sides: _Sides) -> list[str]:
    parts = (sides.before, sides.after, sides.unknown)
    return sorted({name for one in parts if isinstance(one, dict) for name in one})


def _smuggles(found: Iterable[tuple[AttributeChange, ...]], hidden: frozenset[str]) -> bool:
    """Whether the values that could carry something hold a secret when they are put together, all or by attribute."""
    measured = [one for values in found for one in values if one.path.split(".")[-1] in MEASURES]
    by_path: dict[str, list[str]] = {}
    for one in measured:
        by_path.setdefault(one.path, []).extend((*one.before, *one.after))
    whole = "".join(token for one in measured for token in (*one.before, *one.after))
    for text in {whole, *("".join(pieces) for pieces in by_path.values())}:
        if redact(text) != text or any(True for _ in secret.find(text)) or holds(text, hidden):
            return True
    return False


def _place(plan_json: Mapping[str, Any], item: Mapping[str, Any]) -> _Place:
    """Where a resource stands in the configuration that the plan holds; nothing is known where it is not found."""
    module = (plan_json.get("configuration") or {}).get("root_module") or {}
    here = _Place(variables=_open(module, {}))
    for name in _MODULE.findall(without_keys(item.get("module_address") or "")):
        call = (module.get("module_calls") or {}).get(name) or {}
        given = call.get("expressions") or {}
        inside = replace(here, keys=_counts(call, here))
        passed = {variable: _written(expression, inside) for variable, expression in given.items()}
        module = call.get("module") or {}
        here = _Place(variables=_open(module, passed))
    for resource in module.get("resources") or ():
        if (resource.get("mode"), resource.get("type"), resource.get("name")) == (
            item.get("mode"), item["type"], item.get("name")
        ):  # fmt: skip
            return replace(here, expressions=resource.get("expressions"), keys=_counts(resource, here))
    return here


def _open(module: Mapping[str, Any], passed: Mapping[str, bool]) -> frozenset[str]:
    """The variables of a module whose values the code writes: as a default, a constant, or another such variable."""
    declared = (module.get("variables") or {}).items()
    return frozenset(name for name, said in declared if not said.get("sensitive") and passed.get(name, True))


def _counts(block: Mapping[str, Any], place: _Place) -> bool:
    """Whether the code writes how often, and under which keys, a resource or module is there."""
    return all(
        _written(block.get(name), replace(place, keys=False)) for name in ("count_expression", "for_each_expression")
    )


def _written(expression: Any, place: _Place) -> bool:
    """Whether an expression rests on nothing but constants, such variables, and keys that the code writes."""
    for reference in references_in(expression):
        kind, _, name = reference.partition(".")
        known = (
            place.keys
            if kind in ("each", "count")
            else kind == "var" and re.split(r"[.\[]", name)[0] in place.variables
        )
        if not known:
            return False
    return True


def _inside(code: Any, name: str) -> Any:
    """What the code says of an attribute of a nested block; None when it is not there, or made by a `dynamic` block."""
    if isinstance(code, list):
        return code[0].get(name) if len(code) == 1 and isinstance(code[0], dict) else None
    if isinstance(code, dict) and not {"references", "constant_value"} & set(code):
        return code.get(name)
    return code  # one expression for the whole
