"""Every call that writes to GitHub, and proof that each text in it was redacted and cut on its only way out."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from github.Repository import Repository

from agent.domain import Finding, Lock
from agent.github import access, app, client, connect, locks, moods, pushers, read, reviews, runs, setup, write
from agent.github.connect import Connection
from tests.github.conftest import NAME, Registered

SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
MODULES: tuple[ModuleType, ...] = (
    access, app, client, connect, locks, moods, pushers, read, reviews, runs, setup, write,
)  # fmt: skip
# PyGithub's methods that send something; a call of any of them is a write.
SENDS = {"edit", "delete", "add_to_labels", "remove_from_labels", "minimize", "create_dispatch", "cancel", "rerun"}
# What each function of ours that writes sends, and how often it calls GitHub to do so. A new one has to come in here,
# and into `writes` below, or say why no text of anybody is in it.
WRITERS = {
    "write.upsert_comment": 2,
    "write.update_comment": 1,
    "write.outdate": 1,
    "write.ensure_pull": 1,
    "write._create_pull": 2,
    "write._mark": 2,
    "write.review": 1,
    "write.create": 1,
    "write.set_state": 2,
    "write.react": 1,
    "write.close": 1,
    "write.drop_branch": 1,
    "write.check_run": 2,
    "locks.take": 2,
    "locks.release": 1,
    "runs.dispatch": 1,
    "runs.cancel": 1,
    "setup.make_labels": 1,
    "app.app_token": 1,
    "app.end": 1,
}
# Why these send no text: names of labels of ours, reactions, states, numbers, or nothing at all.
WITHOUT_TEXT = {
    "write.outdate": "the number of a comment of ours",
    "write.set_state": "labels of ours, and those the settings name",
    "write.react": "one of three reactions",
    "write.close": "a state",
    "write.drop_branch": "the name of a ref",
    "write._mark": "a label of ours",
    "write.create": "the inside of write.review",
    "locks.take": "a document that is read back: unit, run, login, time; `Lock` checks each",
    "locks.release": "the name of a ref",
    "runs.dispatch": "a number and the default branch",
    "runs.cancel": "the number of a run",
    "app.app_token": "the repository's name and permissions",
    "app.end": "nothing",
}


def sending(node: ast.AST) -> bool:
    """Whether an expression calls GitHub to write."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    name = node.func.attr
    if name in ("requestJsonAndCheck", "requestJson"):
        first = node.args[0] if node.args else None
        return not (isinstance(first, ast.Constant) and first.value == "GET")
    if name.startswith("create_") and name != "create_jwt":
        return True
    return name in SENDS


def writers() -> Iterator[tuple[str, int]]:
    for module in MODULES:
        tree = ast.parse(inspect.getsource(module))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            count = sum(sending(node) for node in ast.walk(function))
            if count and module is not client:  # the client passes on what the others say
                yield f"{module.__name__.rpartition('.')[2]}.{function.name}", count


def test_every_module_of_the_forge_is_looked_at() -> None:
    names = {path.stem for path in Path(write.__file__).parent.glob("*.py")} - {"__init__"}
    assert names == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_every_call_that_writes_is_in_the_table() -> None:
    assert dict(writers()) == WRITERS


def test_nobody_else_writes_to_github() -> None:
    """All of the program asks `agent.github` to write; nobody has PyGithub or requests in hand."""
    root = Path(write.__file__).parents[1]
    for path in root.rglob("*.py"):
        if path.is_relative_to(root / "github") or path.is_relative_to(root / "sandbox"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "github"], path


def writes(connection: Connection, text: str, sha: str) -> dict[str, Callable[[], object]]:
    """Each function that sends a text, called with `text` wherever a text goes in."""
    marker = "<!-- infra-agent:x -->"
    said = text[:2_000]
    finding = Finding(source="gate", rule=said, severity="high", message=said, path="infra/a.tf", line=1)
    many = tuple(finding for _ in range(60))
    return {
        "setup.make_labels": lambda: setup.make_labels(connection, {f"l{len(text)}": ("ededed", text[:90])}),
        "write.upsert_comment": lambda: write.upsert_comment(connection, 1, marker=marker, body=text, log_url=""),
        "write.update_comment": lambda: write.update_comment(connection, 1, marker=marker, body=f"again {text}"),
        "write._create_pull": lambda: write.ensure_pull(connection, branch="b", base="main", title=text, body=text),
        "write.ensure_pull": lambda: write.ensure_pull(
            connection, branch="b", base="main", title=f"x {text}", body=f"x {text}"
        ),
        "write.review": lambda: write.review(
            connection, 2, commit=sha, marker=marker, note=text, findings=many[:2]
        ),
        "write.check_run": lambda: write.check_run(
            connection, name="agent/gate", commit=sha, conclusion="failure", title=text, summary=text, text=text,
            findings=many,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("text", [f"the key is {SECRET} here", f"x {SECRET} " * 2_000], ids=["short", "long"])
def test_each_text_is_redacted_and_cut(registered: Registered, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    sent: list[tuple[str, Any]] = []
    permissions = {"contents": "write", "issues": "write", "pull-requests": "write", "checks": "write"}
    token = registered.forge.issue_job_token(NAME, permissions, run_id=1, job="publish")
    connection = connect.connect(token=token, api_url=registered.forge.api, repository=NAME)
    repo: Repository = connection.repository
    repo.create_issue("t")
    sha = registered.forge.resolve(NAME, "main")
    repo.create_git_ref("refs/heads/b", sha)
    repo.create_file("infra/a.tf", "m", "x", branch="b")
    passed_on = client.Client.requestJson

    def listen(self: client.Client, verb: str, url: str, *more: Any, **named: Any) -> Any:
        sent.append((verb, more[2] if len(more) > 2 else named.get("input")))
        return passed_on(self, verb, url, *more, **named)

    monkeypatch.setattr(client.Client, "requestJson", listen)
    calls = writes(connection, text, sha)
    assert set(calls) == set(WRITERS) - set(WITHOUT_TEXT)
    for name, call in calls.items():
        sent.clear()
        call()
        bodies = [body for verb, body in sent if verb != "GET"]
        assert bodies, name
        for body in bodies:
            assert SECRET not in str(body), name
            assert all(len(one) <= 65_536 for one in texts(body)), name


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def test_a_lock_holds_no_text_of_others() -> None:
    """The one document beside the seal that goes out as it is."""
    assert set(Lock.model_fields) <= {
        "unit",
        "pull_request",
        "commit",
        "run",
        "attempt",
        "url",
        "person",
        "time",
        "version",
    }
