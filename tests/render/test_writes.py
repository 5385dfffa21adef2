"""Every text that a job hands to GitHub comes out of agent/render; and nobody but agent/github/write.py writes one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

AGENT = Path(__file__).parent.parent.parent / "agent"
JOBS = sorted((AGENT / "jobs").glob("*.py"))
# What of each function of write.py is a text for people. A new function has to be put here, or the test fails.
TEXTS = {
    "upsert_comment": ("body",),
    "update_comment": ("body",),
    "ensure_pull": ("title", "body"),
    "check_run": ("title", "summary", "text", "findings"),
    "review": ("note", "findings"),
    "set_state": (),
    "react": (),
    "close": (),
    "outdate": (),
}
# Parameters of functions in agent/render that go out as words of our own: they must stand in the code as such.
OURS_ALONE = {"icon", "headline"}
# To redact or to cut is not to make inert.
NOT_ENOUGH = {"agent.render.redact", "agent.render.limits"}
# What PyGithub calls a write that shows a text.
RAW = {"create_comment", "create_pull", "create_issue", "create_check_run", "create_review", "create_issue_comment"}


class Module:
    """One file of code: who a name comes from, and where it gets its value."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.rendering: set[str] = set()
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}
        self.inside: dict[ast.AST, ast.FunctionDef] = {}
        for node in ast.walk(self.tree):
            source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if isinstance(node, ast.ImportFrom) and source.startswith("agent.render") and source not in NOT_ENOUGH:
                self.rendering |= {name.asname or name.name for name in node.names}
        for function in self.functions.values():
            for node in ast.walk(function):
                self.inside[node] = function

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("write."):
                yield node, ast.unparse(node.func).partition(".")[2]

    def rendered(self, node: ast.AST, seen: frozenset[int] = frozenset()) -> bool:
        """Whether the value of `node` can only be a text that agent/render made, or nothing."""
        if id(node) in seen:
            return True
        seen |= {id(node)}
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.IfExp):
            return self.rendered(node.body, seen) and self.rendered(node.orelse, seen)
        if isinstance(node, ast.BoolOp):
            return all(self.rendered(value, seen) for value in node.values)
        if isinstance(node, ast.BinOp):
            return self.rendered(node.left, seen) and self.rendered(node.right, seen)
        if isinstance(node, ast.Dict):
            return all(self.rendered(value, seen) for value in node.values)
        if isinstance(node, ast.Tuple | ast.List):
            return all(self.rendered(value, seen) for value in node.elts)
        if isinstance(node, ast.Attribute) and node.attr == "body" and SAID.match(ast.unparse(node.value)):
            return True  # every `Said(...)` is held to it where it is made
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            return self.rendered(node.value, seen)
        if isinstance(node, ast.Call):
            return self._answer(node, seen)
        if isinstance(node, ast.Name):
            return self._name(node, seen)
        return False

    def _answer(self, node: ast.Call, seen: frozenset[int]) -> bool:
        called = node.func
        if isinstance(called, ast.Attribute):
            if called.attr in ("items", "values"):
                return self.rendered(called.value, seen)
            return isinstance(called.value, ast.Name) and called.value.id in self.rendering and called.attr.islower()
        if not isinstance(called, ast.Name):
            return False
        if called.id in self.rendering:
            return called.id.islower()
        made = self.functions.get(called.id)
        if made is None:
            return False
        answers = [one.value for one in ast.walk(made) if isinstance(one, ast.Return) and one.value is not None]
        return bool(answers) and all(self.rendered(answer, seen) for answer in answers)

    def _name(self, node: ast.Name, seen: frozenset[int]) -> bool:
        function = self.inside.get(node)
        if function is None:
            return node.id.isupper()
        sources = list(_assigned(function, node.id))
        named = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
        if node.id in named:
            given = [found for call in self._callers(function) for found in _argument(call, node.id, named)]
            # Handed in from another module: that module is looked at by itself, through `LOOKED_THROUGH`.
            sources += given
            if not given:
                return (function.name, node.id) in LOOKED_THROUGH
        return bool(sources) and all(self.rendered(source, seen) for source in sources)

    def _callers(self, function: ast.FunctionDef) -> Iterator[ast.Call]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function.name:
                yield node


# Functions that only pass a text on to write.py -> the parameter; their callers are held to the same.
LOOKED_THROUGH = {("tell", "body")}
SAID = re.compile(r"said$|nothing_done\(")


def _assigned(function: ast.FunctionDef, name: str) -> Iterator[ast.AST]:
    """Everything that `name` is given in `function`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if _holds(target, name) or (isinstance(target, ast.Subscript) and _holds(target.value, name)):
                    yield node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and _holds(node.target, name):
            if node.value is not None:
                yield node.value
        elif isinstance(node, ast.For) and _holds(node.target, name):
            yield from _looped(node, name)


def _looped(node: ast.For, name: str) -> Iterator[ast.AST]:
    """What a loop gives `name`: of a display of tuples only the place that it takes."""
    if isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Tuple):
        place = next(index for index, one in enumerate(node.target.elts) if _holds(one, name))
        for row in node.iter.elts:
            yield row.elts[place] if isinstance(row, ast.Tuple) else row
    else:
        yield node.iter


def _holds(target: ast.AST, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(target))


def _argument(call: ast.Call, name: str, named: list[str]) -> Iterator[ast.AST]:
    for keyword in call.keywords:
        if keyword.arg == name:
            yield keyword.value
    place = named.index(name)
    if place < len(call.args):
        yield call.args[place]


def unrendered(source: str) -> list[str]:
    """Texts in `source` that go to GitHub without having passed agent/render."""
    module = Module(source)
    found = []
    for call, function in module.calls():
        if function not in TEXTS:
            found.append(f"line {call.lineno}: write.{function} is not known to this test")
            continue
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        for name in TEXTS[function]:
            if name in given and not module.rendered(given[name]):
                found.append(f"line {call.lineno}: {name} of write.{function}: {ast.unparse(given[name])}")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for keyword in node.keywords:
                if (node.func.id, keyword.arg) in LOOKED_THROUGH and not module.rendered(keyword.value):
                    found.append(f"line {node.lineno}: body of {node.func.id}: {ast.unparse(keyword.value)}")
            if node.func.id == "Said" and not (node.args and module.rendered(node.args[0])):
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RAW:
            found.append(f"line {node.lineno}: {node.func.attr} writes past agent/github/write.py")
    return found


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_every_text_of_a_job_comes_out_of_render(path: Path) -> None:
    assert unrendered(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "write.upsert_comment(c, 1, marker=m, body=request.title)",
        "write.upsert_comment(c, 1, marker=m, body=f'{comments.status(x)} {request.title}')",
        "write.ensure_pull(c, branch=b, base=b, title=change.summary, body=comments.pull_request_body(x))",
        "body = comments.status(x) if good else request.body\n    write.upsert_comment(c, 1, marker=m, body=body)",
        "for name, body in {'a': request.body}.items():\n        write.upsert_comment(c, 1, marker=m, body=body)",
        "write.shout(c, text=request.title)",
        "issue.create_comment(request.title)",
        "return Said(request.body)",
        "tell(c, x, request=request, body=request.body, good=True)",
        "write.upsert_comment(c, 1, marker=m, body=redact(request.body))",
    ],
)
def test_it_sees_a_text_that_does_not(line: str) -> None:
    imports = "from agent.render import comments\nfrom agent.render.redact import redact\n"
    source = f"{imports}\ndef run(c, request, change, good, x, m, b, issue):\n    {line}\n"
    assert unrendered(source)


def test_words_of_ours_are_constants() -> None:
    for path in JOBS:
        module = Module(path.read_text(encoding="utf-8"))
        module.rendering = set()  # only what stands in the code counts
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "answer":
                for keyword in node.keywords:
                    where = f"{path.name}:{node.lineno}: {ast.unparse(keyword.value)}"
                    assert keyword.arg not in OURS_ALONE or module.rendered(keyword.value), where


def test_only_write_py_writes_texts() -> None:
    allowed = {AGENT / "github" / "write.py"}
    for path in sorted((AGENT / "github").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in RAW:
                assert path in allowed, f"{path.name}:{node.lineno}: {node.func.attr}"
