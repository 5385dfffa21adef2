"""A folder with policies and inputs in, what they say out: one JSON line. Started by path, as a child with limits.

    FOLDER/question.json  {"policy": path, "inputs": [path]}, paths below FOLDER
    -> {"refused": [why], or empty, "seen": inputs, "messages": [text]}
    FOLDER/question.json  {"read": [path]}
    -> {"refused": [why, or an empty text, of each], "seen": 0, "messages": []}

The engine, its limits and what counts as an answer are those of agent/checks/rego_worker.py.
"""

import importlib.util
import json
import os
import resource
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

CHECKS = Path(__file__).resolve().parent.parent / "checks" / "rego_worker.py"


def engine() -> ModuleType:
    """The worker of our own policies. It stands beside this file, whatever is on the path of this child."""
    spec = importlib.util.spec_from_file_location("rego_worker", CHECKS)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def answer(worker: ModuleType, folder: Path) -> dict[str, Any]:
    """What was asked: every message of every document in order, or which policies cannot be read."""
    question = json.loads((folder / "question.json").read_text(encoding="utf-8"))
    if "read" in question:
        return {"refused": [_unreadable(worker, folder / path) for path in question["read"]], "seen": 0, "messages": []}
    messages: list[str] = []
    try:
        policy = _policy(worker, folder / question["policy"])
        for path in question["inputs"]:
            for document in worker.documents(folder / path):
                for head, entries in sorted(policy.judge(document.value).items()):
                    if not head.startswith("exception"):
                        # The engine keeps the quotes of a text that is written out.
                        messages += [entry["msg"].strip('"') for entry in entries]
    except (worker.Refused, ValueError) as error:
        return {"refused": [str(error)[:300]], "seen": 0, "messages": []}
    return {"refused": [], "seen": len(question["inputs"]), "messages": messages[:50]}


def _unreadable(worker: ModuleType, path: Path) -> str:
    try:
        _policy(worker, path)
    except worker.Refused as error:
        return str(error)[:300]
    return ""


def _policy(worker: ModuleType, path: Path) -> Any:
    return worker.Policy(path.name, path.read_text(encoding="utf-8"), libraries={}, data={})


def main(folder: Path, memory: int, seconds: int) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the engine prints its parse errors
    for limit, value in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (value, value))
    worker = engine()
    threading.Thread(target=worker.watch, args=(memory,), daemon=True).start()
    answers.write(json.dumps(answer(worker, folder)) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
