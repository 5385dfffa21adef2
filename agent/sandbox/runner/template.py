"""A YAML scalar with `${{ }}` in it -> a template; a template and a scope -> a value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from agent.errors import UserError
from agent.sandbox.runner.expressions import (
    STATUS_FUNCTIONS,
    Call,
    ExpressionError,
    Literal,
    Node,
    Scope,
    check,
    evaluate,
    parse,
    walk,
)
from agent.sandbox.runner.values import Value, text, truthy

_EXPRESSION = re.compile(r"\$\{\{((?:[^'}]|'(?:[^']|'')*'|\}(?!\}))*)\}\}")


class WorkflowError(UserError):
    """A workflow file that cannot be run as it stands; the message begins with `path:line: `."""


@dataclass(frozen=True)
class Template:
    """Text and expressions in turn; `place` is `path:line`."""

    parts: tuple[Node, ...]
    place: str

    def value(self, scope: Scope) -> Value:
        """The value of a lone expression as it is, otherwise the text of all parts. Raises WorkflowError."""
        try:
            values = [evaluate(part, scope) for part in self.parts]
        except ExpressionError as error:
            raise WorkflowError(f"{self.place}: {error}") from error
        return values[0] if len(values) == 1 else "".join(text(value) for value in values)

    def text(self, scope: Scope) -> str:
        """`value` as text."""
        return text(self.value(scope))

    def holds(self, scope: Scope) -> bool:
        """Whether this condition is true. Without a status function `success()` is asked too, as GitHub does."""
        if not self.asks_status():
            succeeded = scope.functions["success"](())
            return truthy(succeeded) and truthy(self.value(scope))
        return truthy(self.value(scope))

    def asks_status(self) -> bool:
        """Whether `success()`, `failure()`, `always()` or `cancelled()` occurs anywhere."""
        nodes = (node for part in self.parts for node in walk(part))
        return any(isinstance(node, Call) and node.name in STATUS_FUNCTIONS for node in nodes)


Tree: TypeAlias = "Template | list[Tree] | dict[str, Tree]"


@dataclass(frozen=True)
class Site:
    """What a key's expressions may name."""

    contexts: frozenset[str]
    functions: frozenset[str] = frozenset()


def make_template(value: str | float | bool | None, *, place: str, site: Site, multiline: bool = False) -> Template:
    """The template of a scalar. Raises WorkflowError naming the line of the expression that is wrong."""
    if not isinstance(value, str):
        return Template((Literal(value),), place)
    parts: list[Node] = []
    end = 0
    for match in _EXPRESSION.finditer(value):
        if match.start() > end:
            parts.append(_plain(value[end : match.start()], _moved(place, value[:end], multiline)))
        parts.append(_checked(match[1], place=_moved(place, value[: match.start()], multiline), site=site))
        end = match.end()
    if end < len(value):
        parts.append(_plain(value[end:], _moved(place, value[:end], multiline)))
    return Template(tuple(parts) or (Literal(""),), place)


def make_condition(value: str | float | bool | None, *, place: str, site: Site) -> Template:
    """The template of an `if`, whose text is an expression with or without `${{ }}`."""
    if isinstance(value, str) and "${{" not in value:
        return Template((_checked(value, place=place, site=site),), place)
    return make_template(value.strip() if isinstance(value, str) else value, place=place, site=site)


def _plain(part: str, place: str) -> Node:
    if "${{" in part:
        raise WorkflowError(f"{place}: '${{{{' is never closed")
    return Literal(part)


def _checked(source: str, *, place: str, site: Site) -> Node:
    try:
        node = parse(source)
        check(node, contexts=site.contexts, functions=site.functions)
    except ExpressionError as error:
        raise WorkflowError(f"{place}: {error}") from error
    return node


def _moved(place: str, before: str, multiline: bool) -> str:
    if not multiline:
        return place
    path, _, line = place.rpartition(":")
    return f"{path}:{int(line) + 1 + before.count(chr(10))}"


def fill(tree: Tree, scope: Scope) -> Value:
    """`tree` with every template replaced by its value."""
    if isinstance(tree, Template):
        return tree.value(scope)
    if isinstance(tree, list):
        return [fill(item, scope) for item in tree]
    return {key: fill(item, scope) for key, item in tree.items()}


def fill_texts(templates: Mapping[str, Template], scope: Scope) -> dict[str, str]:
    """Each template's text, by its name."""
    return {name: template.text(scope) for name, template in templates.items()}
