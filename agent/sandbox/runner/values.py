"""JSON-like values -> GitHub's loose truth, comparison and text. Pure."""

import json
import math
import re
from collections.abc import Mapping
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_HEX = re.compile(r"0x[0-9a-fA-F]+")
_OCTAL = re.compile(r"0o[0-7]+")
_DECIMAL = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


class Exact(dict[str, "Value"]):
    """An object whose property names are compared letter by letter, as `env` is on Linux."""


class Filtered(list["Value"]):
    """What `.*` gives: an array on whose items the next property is looked up."""


def truthy(value: Value) -> bool:
    """False for null, false, 0, NaN and the empty string; objects and arrays are always true."""
    if isinstance(value, (list, dict)):
        return True
    return bool(value) and value == value


def number(value: Value) -> float:
    """`value` as a number; NaN where it is none. Null and the empty string are 0."""
    match value:
        case None:
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            return _parse_number(value.strip())
    return math.nan


def _parse_number(text: str) -> float:
    if not text:
        return 0.0
    if _HEX.fullmatch(text):
        return float(int(text, 16))
    if _OCTAL.fullmatch(text):
        return float(int(text, 8))
    if _DECIMAL.fullmatch(text):
        return float(text)
    return {"Infinity": math.inf, "-Infinity": -math.inf}.get(text, math.nan)


def text(value: Value) -> str:
    """`value` as `${{ }}` prints it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number_text(value)
        case str():
            return value
        case list():
            return "Array"
    return "Object"


def _number_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".15g").replace("e", "E")


def _pair(left: Value, right: Value) -> tuple[Value, Value]:
    if _kind(left) == _kind(right):
        return left, right
    if isinstance(left, (list, dict)) or isinstance(right, (list, dict)):
        return (
            left if isinstance(left, (list, dict)) else number(left),
            right if isinstance(right, (list, dict)) else number(right),
        )
    return number(left), number(right)


def _kind(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def equal(left: Value, right: Value) -> bool:
    """`==`: strings without regard to case, different kinds as numbers, objects and arrays by identity."""
    one, other = _pair(left, right)
    if _kind(one) != _kind(other):
        return False
    if isinstance(one, (list, dict)):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one.upper() == other.upper()
    return one == other


def less(left: Value, right: Value) -> bool:
    """`<`, with the same coercion as `equal`; anything that cannot be ordered is false."""
    one, other = _pair(left, right)
    if isinstance(one, str) and isinstance(other, str):
        return one.upper() < other.upper()
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one < other
    return False


def look_up(value: Value, key: Value) -> Value:
    """`value[key]`; null where there is none. Property names are compared without regard to case."""
    match value:
        case Filtered():
            found = (look_up(item, key) for item in value if isinstance(item, (list, dict)))
            return Filtered(item for item in found if item is not None)
        case list():
            index = number(key)
            inside = not math.isnan(index) and not math.isinf(index) and 0 <= index < len(value)
            return value[int(index)] if inside else None
        case dict():
            return _property(value, text(key))
    return None


def _property(value: Mapping[str, Value], name: str) -> Value:
    if name in value or isinstance(value, Exact):
        return value.get(name)
    lowered = name.lower()
    return next((item for key, item in value.items() if key.lower() == lowered), None)


def spread(value: Value) -> Filtered:
    """`value.*`: the items of an array, the values of an object, of each member when it was spread before."""
    if isinstance(value, Filtered):
        return Filtered(inner for item in value for inner in spread(item))
    if isinstance(value, dict):
        return Filtered(value.values())
    return Filtered(value) if isinstance(value, list) else Filtered()


def dump(value: Value) -> str:
    """What `toJSON` gives."""
    return json.dumps(_integral(value), indent=2, ensure_ascii=False)


def _integral(value: Value) -> Value:
    match value:
        case float() if value.is_integer() and abs(value) < 1e15:
            return int(value)
        case list():
            return [_integral(item) for item in value]
        case dict():
            return {key: _integral(item) for key, item in value.items()}
    return value
