"""Parameters as they were written and a blueprint -> values with their defaults, or a question a field. Pure."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from agent.author.catalog import Blueprint
from agent.author.request_form import normal
from agent.author.templates import holds, one_line
from agent.author.yaml_form import Given
from agent.domain import Question

TRUE = frozenset({"true", "yes", "on", "y", "1", "enabled"})
FALSE = frozenset({"false", "no", "off", "n", "0", "disabled"})
MAX_SHOWN = 80


@dataclass(frozen=True)
class Parameters:
    """`values` are complete and valid when there are no `questions`; `defaults` names those nobody gave."""

    values: Mapping[str, Any]
    defaults: tuple[str, ...]
    questions: tuple[Question, ...]


def read_parameters(blueprint: Blueprint, given: Mapping[str, Given], *, environment: str) -> Parameters:
    """Match, coerce and check `given` against the blueprint's schema and rules. Never raises."""
    names = {normal(name): name for name in blueprint.properties}
    values: dict[str, Any] = {}
    questions: list[Question] = []
    for key, value in given.items():
        name = names.get(normal(key))
        if value is None:
            continue
        if name is None:
            questions.append(_unknown(blueprint, key))
        else:
            values[name] = _coerced(value, blueprint.properties[name])
    for name in blueprint.parameters.get("required", []):
        if name not in values:
            questions.append(_question(blueprint, name, missing=True))
    for name, value in values.items():
        if not _valid(value, blueprint.properties[name]):
            questions.append(_question(blueprint, name, value=value))
    defaults = tuple(name for name in blueprint.properties if name not in values and not _required(blueprint, name))
    complete = {name: values.get(name, rule.get("default")) for name, rule in blueprint.properties.items()}
    if not questions:
        questions += _against_rules(blueprint, {**complete, "environment": environment})
    return Parameters(values=complete, defaults=defaults, questions=tuple(questions))


def rule_of(schema: Mapping[str, Any]) -> str:
    """A parameter's JSON Schema -> its rule in plain words."""
    if "x-rule" in schema:
        return str(schema["x-rule"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "boolean":
        return "true or false"
    if schema.get("type") in ("integer", "number"):
        kind = "a whole number" if schema["type"] == "integer" else "a number"
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and high is not None:
            return f"{kind} from {low} to {high}"
        return f"{kind} of at least {low}" if low is not None else kind
    return {"array": "a list", "object": "a mapping"}.get(str(schema.get("type")), "a text")


def _required(blueprint: Blueprint, name: str) -> bool:
    return name in blueprint.parameters.get("required", [])


def _against_rules(blueprint: Blueprint, values: Mapping[str, Any]) -> Iterator[Question]:
    for rule in blueprint.rules:
        if holds(rule.refuse_when, values):
            yield Question(field=rule.field, rule=rule.rule, suggestion=rule.suggestion)


def _unknown(blueprint: Blueprint, key: str) -> Question:
    close = difflib.get_close_matches(normal(key), list(blueprint.properties), n=1)
    known = ", ".join(blueprint.properties)
    return Question(
        field=_shown(key),
        rule=f"not a parameter of {blueprint.name}, which has {known}"
        + (f"; did you mean {close[0]}? An empty answer drops it" if close else "; an empty answer drops it"),
        drop=True,
    )


def _question(blueprint: Blueprint, name: str, *, missing: bool = False, value: Any = None) -> Question:
    schema = blueprint.properties[name]
    if missing:
        examples = schema.get("examples", [])
        return Question(
            field=name,
            rule=f"is missing: {schema['description'].rstrip('.')} ({rule_of(schema)})",
            suggestion=one_line(examples[0]) if examples else "",
        )
    return Question(field=name, rule=f"{rule_of(schema)}; got {_shown(value)}", suggestion=_suggestion(value, schema))


def _valid(value: Any, schema: Mapping[str, Any]) -> bool:
    # `$` of a regular expression also stands before a last newline, and would let one through
    if "\n" in _texts(value):
        return False
    return bool(Draft202012Validator(dict(schema)).is_valid(value))


def _texts(value: Any) -> str:
    return value if isinstance(value, str) else "".join(map(str, value)) if isinstance(value, list) else ""


def _coerced(value: Given, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "array" and isinstance(value, str):
        value = [part.strip() for part in re.split(r"[,\s]+", value.strip("[] \t")) if part.strip()]
    if kind == "array" and isinstance(value, list):
        return [_coerced(item, schema.get("items", {})) for item in value]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if kind == "boolean" and text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    if kind == "integer" and re.fullmatch(r"[+-]?[0-9]{1,15}", text, re.ASCII):
        return int(text)
    if kind == "number" and re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", text, re.ASCII):
        return float(text)
    if "enum" in schema:
        return {normal(str(item)): item for item in schema["enum"]}.get(normal(text), text)
    return text


def _suggestion(value: Any, schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        close = difflib.get_close_matches(str(value).lower(), [str(item) for item in schema["enum"]], n=1, cutoff=0.3)
        return close[0] if close else str(schema.get("default", ""))
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "integer":
        return str(min(max(value, schema.get("minimum", value)), schema.get("maximum", value)))
    if schema.get("type") == "string" and isinstance(value, str):
        slug = re.sub(r"[^a-z0-9]+", "-", value[:200].lower()).strip("-")
        tried = [slug, slug.lstrip("0123456789-"), slug[:63].rstrip("-"), slug[:32].rstrip("-")]
        for text in tried:
            if text and _valid(text, schema):
                return text
    default = schema.get("default")
    return one_line(default) if default not in (None, "", []) else ""


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * MAX_SHOWN]).split())
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
