"""The text of a GitHub expression -> a tree; a tree and a scope -> a value."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError

from agent.errors import UserError
from agent.sandbox.runner.values import Value, dump, equal, less, look_up, number, spread, text, truthy

GRAMMAR = r"""
?start: either
?either: both ("||" both)*
?both: equality ("&&" equality)*
?equality: comparison (EQUALITY comparison)*
?comparison: negation (ORDER negation)*
?negation: "!" negation -> opposite
         | access
         | literal
?access: call | context | "(" either ")"
       | access "." NAME        -> member
       | access "." "*"         -> every
       | access "[" "*" "]"     -> every
       | access "[" either "]"  -> item
call: NAME "(" [either ("," either)*] ")"
context: NAME
literal: "true" -> yes | "false" -> no | "null" -> nothing | NUMBER -> numeral | STRING -> string
EQUALITY: "==" | "!="
ORDER: "<=" | ">=" | "<" | ">"
NAME: /[a-zA-Z_][a-zA-Z0-9_-]*/
NUMBER: /[-+]?(0x[0-9a-fA-F]+|0o[0-7]+|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)(?![\w.])/
STRING: /'(?:[^']|'')*'/
%import common.WS
%ignore WS
"""
STATUS_FUNCTIONS = frozenset({"success", "failure", "always", "cancelled"})


class ExpressionError(UserError):
    """An expression that cannot be read or computed. The caller adds the file and the line."""


@dataclass(frozen=True)
class Literal:
    value: Value


@dataclass(frozen=True)
class Context:
    name: str


@dataclass(frozen=True)
class Item:
    value: "Node"
    key: "Node"


@dataclass(frozen=True)
class Every:
    value: "Node"


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Operation:
    operator: str
    operands: tuple["Node", ...]


Node: TypeAlias = Literal | Context | Item | Every | Call | Operation


@dataclass(frozen=True)
class Scope:
    """What an expression may see: contexts by lower-case name, and functions that depend on the place."""

    contexts: Mapping[str, Value]
    functions: Mapping[str, Callable[[tuple[Value, ...]], Value]] = field(default_factory=dict)


@v_args(inline=True)
class _Tree(Transformer[Token, Node]):
    def either(self, *nodes: Node) -> Node:
        return Operation("||", nodes)

    def both(self, *nodes: Node) -> Node:
        return Operation("&&", nodes)

    def equality(self, first: Node, *rest: Node | Token) -> Node:
        return _left_to_right(first, rest)

    def comparison(self, first: Node, *rest: Node | Token) -> Node:
        return _left_to_right(first, rest)

    def opposite(self, node: Node) -> Node:
        return Operation("!", (node,))

    def member(self, value: Node, name: Token) -> Node:
        return Item(value, Literal(str(name)))

    def every(self, value: Node) -> Node:
        return Every(value)

    def item(self, value: Node, key: Node) -> Node:
        return Item(value, key)

    def call(self, name: Token, *arguments: Node | None) -> Node:
        return Call(name.lower(), tuple(node for node in arguments if node is not None))

    def context(self, name: Token) -> Node:
        return Context(name.lower())

    def yes(self) -> Node:
        return Literal(True)

    def no(self) -> Node:
        return Literal(False)

    def nothing(self) -> Node:
        return Literal(None)

    def numeral(self, token: Token) -> Node:
        return Literal(number(str(token)))

    def string(self, token: Token) -> Node:
        return Literal(token[1:-1].replace("''", "'"))


def _left_to_right(first: Node, rest: tuple[Node | Token, ...]) -> Node:
    node = first
    for operator, operand in zip(rest[::2], rest[1::2], strict=True):
        node = Operation(str(operator), (node, cast(Node, operand)))
    return node


_PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


def parse(source: str) -> Node:
    """The tree of `source`, the text between `${{` and `}}`. Raises ExpressionError."""
    try:
        return _Tree().transform(_PARSER.parse(source))
    except (LarkError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ExpressionError(f"expression {source.strip()!r} cannot be read: {reason}") from error


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it."""
    yield node
    match node:
        case Item(value, key):
            yield from walk(value)
            yield from walk(key)
        case Every(value):
            yield from walk(value)
        case Call(_, nodes) | Operation(_, nodes):
            for child in nodes:
                yield from walk(child)


def check(node: Node, *, contexts: frozenset[str], functions: frozenset[str]) -> None:
    """Raise ExpressionError when `node` names a context or function that is not there at its place."""
    for part in walk(node):
        match part:
            case Context(name) if name not in contexts:
                raise ExpressionError(f"unknown context {name!r} here; there are {', '.join(sorted(contexts))}")
            case Call(name, arguments):
                _check_call(name, len(arguments), functions)


def _check_call(name: str, count: int, functions: frozenset[str]) -> None:
    if name in FUNCTIONS:
        low, high = ARITY[name]
        if not low <= count <= high:
            raise ExpressionError(f"function {name!r} does not take {count} arguments")
    elif name not in functions:
        known = ", ".join(sorted({*FUNCTIONS, *functions}))
        raise ExpressionError(f"unknown function {name!r} here; there are {known}")


def evaluate(node: Node, scope: Scope) -> Value:
    """The value of `node`. Raises ExpressionError for what a function cannot do; a missing property is null."""
    match node:
        case Literal(value):
            return value
        case Context(name):
            return scope.contexts.get(name)
        case Item(value, key):
            return look_up(evaluate(value, scope), evaluate(key, scope))
        case Every(value):
            return spread(evaluate(value, scope))
        case Call(name, arguments):
            values = tuple(evaluate(argument, scope) for argument in arguments)
            function = FUNCTIONS.get(name) or scope.functions.get(name)
            if function is None:
                raise ExpressionError(f"unknown function {name!r} here")
            return function(values)
        case Operation(operator, operands):
            return _operate(operator, operands, scope)


def _operate(operator: str, operands: tuple[Node, ...], scope: Scope) -> Value:
    if operator in ("&&", "||"):
        value: Value = None
        for operand in operands:
            value = evaluate(operand, scope)
            if truthy(value) == (operator == "||"):
                break
        return value
    values = [evaluate(operand, scope) for operand in operands]
    if operator == "!":
        return not truthy(values[0])
    left, right = values
    match operator:
        case "==":
            return equal(left, right)
        case "!=":
            return not equal(left, right)
        case "<":
            return less(left, right)
        case ">":
            return less(right, left)
        case "<=":
            return less(left, right) or equal(left, right)
    return less(right, left) or equal(left, right)


def _contains(values: tuple[Value, ...]) -> Value:
    where, what = values
    if isinstance(where, list):
        return any(equal(item, what) for item in where)
    if isinstance(where, dict) or isinstance(what, (list, dict)):
        return False
    return text(what).lower() in text(where).lower()


def _format(values: tuple[Value, ...]) -> Value:
    pattern, out, index = text(values[0]), [], 0
    while index < len(pattern):
        character = pattern[index]
        if pattern[index : index + 2] in ("{{", "}}"):
            out.append(character)
            index += 2
        elif character == "{":
            end = pattern.find("}", index)
            name = pattern[index + 1 : end] if end > 0 else ""
            if not name.isdigit() or int(name) + 1 >= len(values):
                raise ExpressionError(f"format: {pattern!r} has no argument for {pattern[index : index + 4]!r}")
            out.append(text(values[int(name) + 1]))
            index = end + 1
        elif character == "}":
            raise ExpressionError(f"format: {pattern!r} has a lone '}}'; write it twice")
        else:
            out.append(character)
            index += 1
    return "".join(out)


def _join(values: tuple[Value, ...]) -> Value:
    separator = text(values[1]) if len(values) > 1 else ","
    items = values[0] if isinstance(values[0], list) else [values[0]]
    return separator.join(text(item) for item in items)


def _from_json(values: tuple[Value, ...]) -> Value:
    source = text(values[0])
    try:
        return cast(Value, json.loads(source))
    except ValueError as error:
        raise ExpressionError(f"fromJSON: {source[:80]!r} is not JSON: {error}") from error


FUNCTIONS: dict[str, Callable[[tuple[Value, ...]], Value]] = {
    "contains": _contains,
    "startswith": lambda values: text(values[0]).lower().startswith(text(values[1]).lower()),
    "endswith": lambda values: text(values[0]).lower().endswith(text(values[1]).lower()),
    "format": _format,
    "join": _join,
    "tojson": lambda values: dump(values[0]),
    "fromjson": _from_json,
}
ARITY: dict[str, tuple[int, float]] = {
    "contains": (2, 2), "startswith": (2, 2), "endswith": (2, 2), "format": (1, math.inf), "join": (1, 2),
    "tojson": (1, 1), "fromjson": (1, 1),
}  # fmt: skip
