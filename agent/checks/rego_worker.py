"""A folder with policies, examples and inputs in, what each policy says of each document out: one JSON line.

Imports nothing of ours: this file is started by path, as a child with limits on time, memory and output.

    FOLDER/question.json  {"policies": [{"id", "path", "inputs": ["kubernetes"], "fail": [path], "pass": [path]}],
                           "libraries": [path], "data": [path], "inputs": [{"path", "kind"}]}, paths below FOLDER
    -> {"refused": [{"policy", "why"}], "seen": {path: documents},
        "results": [{"policy", "path", "line", "document", "head", "entries": [{"msg", ...}]}]}

A policy counts only when it agrees with its own examples: each of its rules fires on a failing one, every failing one
makes it fire, no passing one does. The engine gives *undefined* for much that is an error elsewhere, so that a rule
which has not been seen to fire may be one that never can. A policy that does not is refused, and nothing passes.
"""

import json
import os
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import yaml
from regopy import Input, Interpreter, RegoError, rego_shared
from regopy.rego_shared import NodeKind

HEAD = re.compile(
    r"^(?:default\s+)?((?:deny|warn|violation|exception)(?:_[A-Za-z0-9_]+)?)(?![A-Za-z0-9_])", re.MULTILINE
)
NAME = re.compile(r"(deny|warn|violation|exception)(_[A-Za-z0-9_]+)?")

SCALARS: dict[Any, Callable[[str], Any]] = {
    NodeKind.Int: int,
    NodeKind.Float: float,
    NodeKind.String: str,
    NodeKind.Boolean: "true".__eq__,
    NodeKind.Null: lambda _: None,
}


class Refused(Exception):
    """The policy cannot be relied on; says why."""


class Document(NamedTuple):
    value: Any
    line: int


class Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a time stays a text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Policy:
    """One file of package main, with the libraries and the data; nothing of the other policies."""

    def __init__(self, name: str, source: str, *, libraries: dict[str, str], data: dict[str, Any]) -> None:
        self._engine = Interpreter()
        self._engine.strict_built_in_errors = True
        try:
            for path, library in libraries.items():
                self._engine.add_module(path, library)
            self._engine.add_module(name, source)
            self._engine.add_data(data)
        except (RegoError, ValueError) as error:
            found = re.findall(r"\(errormsg \d+:(.*)\)", str(error))
            raise Refused(f"cannot be read: {found[0] if found else 'not Rego'}") from error

    def judge(self, value: Any) -> dict[str, list[dict[str, Any]]]:
        """Rule head -> entries, each with a `msg`. Raises Refused when a rule ends in an error."""
        self._engine.set_input(Input(value))
        output = rego_shared.rego_query(self._engine._impl, "data.main")
        try:
            if not rego_shared.rego_output_ok(output):
                why = "a built-in that is not there, a wrong type, a division by zero"
                raise Refused(f"a rule ended in an error ({why})")
            if not rego_shared.rego_output_string(output).startswith('{"expressions":['):
                raise Refused("calls something that does not exist here")
            main = _plain(rego_shared.rego_node_get(rego_shared.rego_output_expressions_at_index(output, 0), 0))
        except RegoError as error:
            raise Refused("calls something that does not exist here") from error
        finally:
            rego_shared.rego_free_output(output)
        return {head: list(_entries(head, found)) for head, found in main.items() if NAME.fullmatch(head)}


def _plain(node: Any) -> Any:
    """A node of the engine's answer -> a value.

    The engine's own JSON is not used: it prints a text that came in through `sprintf` or `concat` without escaping it,
    so that a quotation mark in a resource's name breaks the answer, or says what its author likes.
    """
    kind = rego_shared.rego_node_type(node)
    inner = [rego_shared.rego_node_get(node, place) for place in range(rego_shared.rego_node_size(node))]
    if kind in {NodeKind.Term, NodeKind.Scalar}:
        return _plain(inner[0])
    if kind == NodeKind.Object:
        pairs = [[rego_shared.rego_node_get(item, side) for side in (0, 1)] for item in inner]
        return {str(_plain(key)): _plain(value) for key, value in pairs}
    if kind in {NodeKind.Array, NodeKind.Set}:
        return [_plain(item) for item in inner]
    if kind not in SCALARS:
        raise Refused("gives something that is no value")
    return SCALARS[kind](rego_shared.rego_node_value(node))


def _entries(head: str, found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict) and all(value is True for value in found.values()):
        # `deny[msg] { … }`, as Rego was before version 1; the engine keeps the quotes of a key that is written out.
        found = [key[1:-1] if re.fullmatch(r'".*"', key, re.DOTALL) else key for key in found]
    if not isinstance(found, list):
        raise Refused(f"{head} must be a set of messages: `{head} contains msg if {{ … }}`")
    for entry in found:
        if head.startswith("exception"):
            names = entry if isinstance(entry, list) else [entry]
            if not all(isinstance(name, str) for name in names):
                raise Refused(f"{head} must be a set of lists of rule names")
            yield {"msg": "", "names": names}
        elif isinstance(entry, str) and entry.strip():
            yield {"msg": entry}
        elif isinstance(entry, dict) and isinstance(entry.get("msg"), str) and entry["msg"].strip():
            yield entry
        else:
            raise Refused(f"{head} must give texts, or objects with a text `msg`")


def clauses(source: str) -> dict[int, tuple[int, int]]:
    """Line of each rule that is not an exception -> its first and last character in `source`."""
    starts = [match.start() for match in re.finditer(r"^[^\s#})\]].*$", source, re.MULTILINE)] + [len(source)]
    spans = dict(pairwise(starts))
    return {
        source.count("\n", 0, match.start()) + 1: (match.start(), spans[match.start()])
        for match in HEAD.finditer(source)
        if not match[1].startswith("exception") and not match[0].startswith("default")
    }


def only(source: str, keep: int) -> str:
    """`source` without its rules, save the one at line `keep`."""
    for line, (start, end) in sorted(clauses(source).items(), reverse=True):
        if line != keep:
            source = source[:start] + source[end:]
    return source


def prove(policy: dict[str, Any], source: str, folder: Path, **beside: Any) -> None:
    """Raises Refused when the policy does not agree with its examples."""
    whole = Policy(policy["path"], source, **beside)
    failing = {path: [document.value for document in documents(folder / path)] for path in policy["fail"]}
    for path, values in failing.items():
        if not any(_fires(whole, value) for value in values):
            raise Refused(f"does not fire on its failing example {Path(path).name}")
    for path in policy["pass"]:
        if any(_fires(whole, document.value) for document in documents(folder / path)):
            raise Refused(f"fires on its passing example {Path(path).name}")
    found = clauses(source)
    heads = {
        head for value in (value for values in failing.values() for value in values) for head in whole.judge(value)
    }
    unseen = {head for head in heads if not head.startswith("exception")} - {
        match[1] for match in HEAD.finditer(source)
    }
    if unseen:
        raise Refused(f"{', '.join(sorted(unseen))} must begin its line")
    if not found:
        raise Refused("has no rule: `deny contains msg if { … }`, or warn, or violation")
    for line in found:
        alone = Policy(policy["path"], only(source, line), **beside)
        if not any(_fires(alone, value) for values in failing.values() for value in values):
            raise Refused(f"its rule at line {line} fires on none of its failing examples")


def _fires(policy: Policy, value: Any) -> bool:
    """Whether a rule fires that no exception of the same policy lifts."""
    judged = policy.judge(value)
    lifted = {
        name for head, found in judged.items() if head.startswith("exception") for e in found for name in e["names"]
    }
    return any(
        found and head.partition("_")[2] not in lifted
        for head, found in judged.items()
        if not head.startswith("exception")
    )


def documents(path: Path) -> list[Document]:
    """The documents of a JSON or YAML file, items of a List one by one. Raises ValueError when it cannot be read."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return list(_flat(json.loads(text), None))
    loader = Loader(text)
    found: list[Document] = []
    try:
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node)
            json.dumps(value, allow_nan=False)
            found += _flat(value, node)
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()
    return found


def _flat(value: Any, node: Any) -> Iterator[Document]:
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        nodes: list[Any] = next((item.value for key, item in node.value if key.value == "items"), []) if node else []
        for position, item in enumerate(value["items"]):
            yield from _flat(item, nodes[position] if position < len(nodes) else None)
    elif value is not None:
        yield Document(value, node.start_mark.line + 1 if node else 0)


def merged(paths: list[Path]) -> dict[str, Any]:
    """One object of all data files. Raises Refused when two say something else under the same name."""
    data: dict[str, Any] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        try:
            value = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)
        except (ValueError, yaml.YAMLError) as error:
            raise Refused(f"data/{path.name} cannot be read") from error
        if not isinstance(value, dict):
            raise Refused(f"data/{path.name} must hold an object")
        double = [name for name in value if name in data]
        if double:
            raise Refused(f"data/{path.name} holds {double[0]}, which another data file holds as well")
        data |= value
    return data


def answer(question: dict[str, Any], folder: Path, log: TextIO) -> dict[str, Any]:
    refused: list[dict[str, str]] = []
    results: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    inputs: list[tuple[str, str, list[Document]]] = []
    for item in question["inputs"]:
        print(f"reading {item['path']}", file=log, flush=True)
        found = documents(folder / item["path"])
        if item["kind"] == "kubernetes":
            found = [one for one in found if isinstance(one.value, dict) and one.value.get("kind")]
        inputs.append((item["path"], item["kind"], found))
        seen[item["path"]] = len(found)
    libraries = {path: (folder / path).read_text(encoding="utf-8") for path in question["libraries"]}
    for policy in question["policies"]:
        print(f"policy {policy['id']}", file=log, flush=True)
        source = (folder / policy["path"]).read_text(encoding="utf-8")
        try:
            beside = {"libraries": libraries, "data": merged([folder / path for path in question["data"]])}
            prove(policy, source, folder, **beside)
            engine = Policy(policy["path"], source, **beside)
            for path, kind, found in inputs:
                if kind in policy["inputs"]:
                    for position, document in enumerate(found):
                        results += [
                            {
                                "policy": policy["id"],
                                "path": path,
                                "line": document.line,
                                "document": position,
                                "head": head,
                                "entries": entries,
                            }
                            for head, entries in engine.judge(document.value).items()
                            if entries
                        ]
        except Refused as error:
            refused.append({"policy": policy["id"], "why": str(error)})
    return {"refused": refused, "seen": seen, "results": results}


def watch(memory: int) -> None:
    """End this process when it holds more than `memory` bytes. A limit of the kernel's on address space does not serve:
    the engine reserves hundreds of gigabytes of it and uses a few megabytes.
    """
    while held() <= memory:
        time.sleep(0.05)
    os.write(2, f"over {memory} bytes of memory\n".encode())
    os._exit(3)


def held() -> int:
    """The most memory that this program has held, in bytes. The kernel's `ru_maxrss` begins with what the process held
    that started it.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(folder: Path, memory: int, seconds: int) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the engine prints its parse errors
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    threading.Thread(target=watch, args=(memory,), daemon=True).start()
    question = json.loads((folder / "question.json").read_text(encoding="utf-8"))
    answers.write(json.dumps(answer(question, folder, sys.stderr)) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
