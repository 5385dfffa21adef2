"""A filled-in matrix -> its combinations, as GitHub multiplies, excludes and includes them. Pure."""

from itertools import product
from typing import TypeAlias

from agent.sandbox.runner.values import Value, equal

Combination: TypeAlias = dict[str, Value]
LIMIT = 256


def combinations(matrix: Value) -> list[Combination]:
    """All combinations in GitHub's order. Raises ValueError, saying why, when `matrix` has another shape."""
    if not isinstance(matrix, dict):
        raise ValueError("matrix must be a mapping of names to lists")
    axes = {key: value for key, value in matrix.items() if key not in ("include", "exclude")}
    for key, value in axes.items():
        if not isinstance(value, list) or not value:
            raise ValueError(f"matrix.{key} must be a list with at least one value")
    lists = [value for value in axes.values() if isinstance(value, list)]
    made = [dict(zip(axes, values, strict=True)) for values in product(*lists)] if axes else []
    excluded = _objects(matrix.get("exclude"), "exclude")
    kept = [one for one in made if not any(_covers(one, out) for out in excluded)]
    found = _include(kept, _objects(matrix.get("include"), "include"), frozenset(axes))
    if len(found) > LIMIT:
        raise ValueError(f"matrix has {len(found)} combinations, more than {LIMIT}")
    return found


def _objects(value: Value, name: str) -> list[Combination]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"matrix.{name} must be a list of mappings")
    objects = [item for item in value if isinstance(item, dict)]
    if len(objects) != len(value):
        raise ValueError(f"matrix.{name} must be a list of mappings")
    return objects


def _covers(combination: Combination, pattern: Combination) -> bool:
    return all(key in combination and _same(combination[key], value) for key, value in pattern.items())


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, (list, dict)) or isinstance(other, (list, dict)):
        return one == other
    return equal(one, other)


def _include(made: list[Combination], included: list[Combination], axes: frozenset[str]) -> list[Combination]:
    found = [dict(one) for one in made]
    extra: list[Combination] = []
    for entry in included:
        original = {key: value for key, value in entry.items() if key in axes}
        fitting = [one for one, before in zip(found, made, strict=True) if _covers(before, original)]
        for one in fitting:
            one.update(entry)
        if not fitting:
            extra.append(dict(entry))
    return found + extra
