"""Jinja template and parameters -> text in which every value is a literal of the target language. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

HCL_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|[$%](?=\{)')
HCL_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def hcl_literal(value: Any) -> str:
    """A value of JSON's types -> the HCL literal of exactly that value: no text in it can end its string or open a
    template. A lone surrogate, which UTF-8 cannot hold, becomes U+FFFD. Raises TypeError for any other type.
    """
    if value is None:
        return "null"
    if isinstance(value, Identifier):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        return f'"{HCL_ESCAPED.sub(_escape, value)}"'
    if isinstance(value, Mapping):
        inner = ", ".join(f"{hcl_literal(str(key))} = {hcl_literal(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(hcl_literal(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no HCL literal")


class Identifier(str):
    """A name that may stand in HCL as it is."""

    __slots__ = ()


def identifier(value: str) -> Identifier:
    """Text of ASCII letters, digits and underscores -> the same, unquoted in HCL. Raises ValueError for any other."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(f"{value!r} is no identifier")
    return Identifier(value)


def render_hcl(template: str, values: Mapping[str, Any]) -> str:
    """Every `{{ … }}` of `template` becomes an HCL literal. Raises ValueError for a name that `values` lacks."""
    return _render(template, values, finalize=hcl_literal)


def render_text(template: str, values: Mapping[str, Any]) -> str:
    """Every `{{ … }}` of `template` becomes one line of plain text. Raises ValueError for a name `values` lacks."""
    return _render(template, values, finalize=one_line)


def holds(expression: str, values: Mapping[str, Any]) -> bool:
    """Whether a Jinja expression over `values` is true. Raises ValueError for a name that `values` lacks."""
    return _render("{% if " + expression + " %}1{% endif %}", values, finalize=one_line) == "1"


def one_line(value: Any) -> str:
    """A value as people write it, on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(one_line(item) for item in value)
    return " ".join(str(value).split())


def _escape(match: re.Match[str]) -> str:
    # `$${` is HCL's own escape, but it does not nest (`$$${`): the number of the character always does.
    char = match[0]
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return HCL_NAMED.get(char) or f"\\u{ord(char):04x}"


def _render(template: str, values: Mapping[str, Any], *, finalize: Callable[[Any], str]) -> str:
    def strict(value: Any) -> str:
        if isinstance(value, Undefined):
            str(value)  # StrictUndefined says its name
        return finalize(value)

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=strict,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["ident"] = identifier
    try:
        return environment.from_string(template).render(dict(values))
    except TemplateError as error:
        raise ValueError(f"template: {error.message}") from error
