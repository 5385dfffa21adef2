"""A module's syntax tree -> the same module with one thing changed, again and again. Pure."""

import ast
import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt,
}  # fmt: skip
SWAPPED = {"any": "all", "all": "any", "fullmatch": "match", "match": "search", "search": "fullmatch"}
SHED = frozenset({"lower", "upper", "strip", "rstrip", "lstrip", "removeprefix", "removesuffix"})
WHOLE = frozenset({"startswith", "endswith"})


class Mutation(NamedTuple):
    """One change. `tree` is the changed function; else `constants` is the changed module, and `names` what changes.

    `lines` are the lines that a case must run to notice it; `emits` says that it takes a finding away; `hint` is a word
    of a text in which it would be noticed.
    """

    line: int
    what: str
    function: str = ""
    tree: ast.stmt | None = None
    constants: ast.Module | None = None
    names: frozenset[str] = frozenset()
    lines: tuple[int, ...] = ()
    emits: bool = False
    hint: str = ""


def function_mutations(tree: ast.Module) -> Iterator[Mutation]:
    """Every mutation of every function and method at the top of a module or of a class."""
    for outer in tree.body:
        for function in outer.body if isinstance(outer, ast.ClassDef) else [outer]:
            if isinstance(function, ast.FunctionDef):
                prefix = f"{outer.name}." if isinstance(outer, ast.ClassDef) else ""
                yield from _of_function(function, prefix + function.name)


def _of_function(function: ast.FunctionDef, name: str) -> Iterator[Mutation]:
    """Changes are made in place and taken back once a copy of the function is made."""
    for node in list(ast.walk(function)):
        for what, change in _changes(node):
            before = {
                field: list(value) if isinstance(value, list) else value for field, value in ast.iter_fields(node)
            }
            change(node)
            twin = copy.deepcopy(function)
            for field, value in before.items():
                setattr(node, field, value)
            twin.decorator_list = []
            line, end = _span(node, function)
            lines = tuple(range(line, min(end, line + 15) + 1))
            yield Mutation(line, f"{name}: {what}", name, twin, lines=lines, emits=_emits(node), hint=_said_in(node))


def _said_in(node: ast.AST) -> str:
    """The longest name among the texts of a node: what an input must say to come there."""
    inside = node.test if isinstance(node, ast.If) else node
    texts = [one.value for one in ast.walk(inside) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return max((text for text in texts if re.fullmatch(r"[A-Za-z0-9_-]{3,}", text)), key=len, default="")


def _span(node: ast.AST, function: ast.FunctionDef) -> tuple[int, int]:
    if isinstance(node, ast.comprehension):
        return node.target.lineno, node.iter.end_lineno or node.iter.lineno
    if isinstance(node, ast.If):
        return node.lineno, node.test.end_lineno or node.lineno
    line = getattr(node, "lineno", function.lineno)
    return line, getattr(node, "end_lineno", line) or line


def _emits(node: ast.AST) -> bool:
    """Whether the node is a `yield`, or a condition with one right below it."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Yield | ast.YieldFrom)
    return isinstance(node, ast.If) and any(_emits(one) for one in node.body)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    said = ast.unparse(node).split("\n")[0][:80] if isinstance(node, ast.expr | ast.stmt) else ""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield f"without {said}", lambda place: setattr(place, "value", ast.copy_location(ast.Constant(None), place))
    elif isinstance(node, ast.If | ast.IfExp):
        yield f"turned round: {said}", lambda place: setattr(place, "test", _not(place.test))
    elif isinstance(node, ast.comprehension):
        for number, test in enumerate(node.ifs):
            yield f"turned round: if {ast.unparse(test)[:60]}", _turned(number)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield f"opposite of {said}", lambda place: setattr(place, "ops", [OPPOSITE[type(place.ops[0])]()])
    elif isinstance(node, ast.BoolOp):
        for number in range(len(node.values)):
            yield f"without part {number + 1} of {said}", _neutral(number)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"no longer {said}", lambda place: setattr(place, "operand", _not(place.operand))
    elif isinstance(node, ast.Set | ast.List) and len(node.elts) > 1 and all(map(_plain, node.elts)):
        for number, element in enumerate(node.elts):
            yield f"without {ast.unparse(element)[:40]} of {said[:40]}", _less("elts", number)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
        yield (
            f"{SWAPPED[node.func.id]} for {said}",
            lambda place: setattr(
                place, "func", ast.copy_location(ast.Name(SWAPPED[place.func.id], ast.Load()), place.func)
            ),
        )
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in SWAPPED:
            yield (
                f"{SWAPPED[node.func.attr]} for {said}",
                lambda place: setattr(
                    place,
                    "func",
                    ast.copy_location(
                        ast.Attribute(place.func.value, SWAPPED[place.func.attr], ast.Load()), place.func
                    ),
                ),
            )
        elif node.func.attr in SHED:
            yield f"nothing taken off: {said}", _kept
        elif node.func.attr in WHOLE:
            yield f"equal for {said}", _equal


def _plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Tuple) and all(map(_plain, node.elts)))


def _not(node: ast.expr) -> ast.expr:
    return ast.copy_location(ast.UnaryOp(ast.Not(), node), node)


def _turned(number: int) -> Callable[[Any], None]:
    def change(place: ast.comprehension) -> None:
        place.ifs = [_not(test) if at == number else test for at, test in enumerate(place.ifs)]

    return change


def _less(field: str, number: int) -> Callable[[Any], None]:
    return lambda place: setattr(place, field, [one for at, one in enumerate(getattr(place, field)) if at != number])


def _neutral(number: int) -> Callable[[Any], None]:
    def change(place: ast.BoolOp) -> None:
        nothing = ast.copy_location(ast.Constant(isinstance(place.op, ast.And)), place)
        place.values = [nothing if at == number else one for at, one in enumerate(place.values)]

    return change


def _kept(place: ast.Call) -> None:
    """`x.lower()` -> `str(x)`."""
    assert isinstance(place.func, ast.Attribute)
    place.args, place.keywords = [place.func.value], []
    place.func = ast.copy_location(ast.Name("str", ast.Load()), place.func)


def _equal(place: ast.Call) -> None:
    """`x.startswith(y)` -> `x.__eq__(y)`."""
    assert isinstance(place.func, ast.Attribute)
    place.func = ast.copy_location(ast.Attribute(place.func.value, "__eq__", ast.Load()), place.func)


def constant_mutations(tree: ast.Module) -> Iterator[Mutation]:
    """Each element of the module's constants left out, and each alternative of its patterns."""
    depends = {name: _spoken(statement) for statement in tree.body if (name := _constant(statement))}
    for statement in tree.body:
        name = _constant(statement)
        if not name or name == "RULES":
            continue
        changed = {name}
        for _ in depends:
            changed |= {other for other, spoken in depends.items() if spoken & changed}
        for node in ast.walk(statement):
            for what, field, value in _constant_changes(node):
                before = getattr(node, field)
                setattr(node, field, value)
                twin = copy.deepcopy(tree)
                setattr(node, field, before)
                line = getattr(node, "lineno", statement.lineno)
                yield Mutation(line, f"{name}: {what}", constants=twin, names=frozenset(changed), hint=_hint(what))


def _hint(what: str) -> str:
    words = re.findall(
        r"[A-Za-z0-9_-]{3,}", re.sub(r"\\[A-Za-z]", " ", what).removeprefix("without ").removeprefix("the alternative ")
    )
    return max(words, key=len, default="")


def _constant(statement: ast.stmt) -> str:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        name = statement.target.id
    else:
        return ""
    return name if name.isupper() else ""


def _spoken(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _constant_changes(node: ast.AST) -> Iterator[tuple[str, str, Any]]:
    if isinstance(node, ast.Set | ast.Tuple | ast.List) and len(node.elts) > 1:
        for number, element in enumerate(node.elts):
            rest = [one for at, one in enumerate(node.elts) if at != number]
            yield f"without {ast.unparse(element)[:60]}", "elts", rest
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "|" in node.value:
        for dropped, rest in alternatives(node.value):
            yield f"without the alternative {dropped.strip()[:60]}", "value", rest


def alternatives(pattern: str) -> Iterator[tuple[str, str]]:
    """Each alternative of a pattern, at any depth of its groups, and the pattern without it."""
    starts: list[list[int]] = [[0]]
    pieces: list[tuple[int, int, int, int]] = []
    at, inside = 0, False
    opened = [0]
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 2
            continue
        if inside:
            inside = char != "]" or pattern[at - 1] == "["
        elif char == "[":
            inside = True
        elif char == "(":
            prefix = re.compile(r"\(\?(?:[:=!]|<[=!]|P<\w+>|[aiLmsux-]+:)|\(").match(pattern, at)
            assert prefix is not None
            opened.append(prefix.end())
            starts.append([prefix.end()])
        elif char == "|":
            starts[-1].append(at + 1)
        elif char == ")" and len(starts) > 1:
            _close(starts.pop(), at, pieces)
        at += 1
    while starts:
        _close(starts.pop(), len(pattern), pieces)
    for start, end, cut_from, cut_to in pieces:
        rest = pattern[:cut_from] + pattern[cut_to:]
        try:
            re.compile(rest, re.VERBOSE if "\n" in pattern else 0)
        except re.error:
            continue
        yield pattern[start:end], rest


def _close(starts: list[int], end: int, pieces: list[tuple[int, int, int, int]]) -> None:
    if len(starts) < 2:
        return
    bounds = [*starts[1:], end + 1]
    for number, start in enumerate(starts):
        stop = bounds[number] - 1
        cut = (start - 1, stop) if number else (start, stop + 1)
        pieces.append((start, stop, *cut))
