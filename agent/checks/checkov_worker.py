"""Folder paths in, checkov's records out: JSON lines over standard input and output, run by checkov's own interpreter.

Imports nothing of ours: this file is started by path in checkov's environment, which holds none of our libraries.

    -> {"ready": true, "version": "3.3.30", "policies": ["CKV2_ORG_1"]}                         once, at the start
    <- {"id": 1, "framework": "terraform", "root": "/copy/infra/terraform/dev/logs"}            a question
    -> {"id": 1, "seen": {"/copy/…/main.tf": {"resource": 2}}, "unread": [], "crashed": [],     its answer
        "passed": 40, "policies": ["CKV2_ORG_1"],
        "failed": [{"rule", "name", "path", "line", "resource", "severity", "help", "suppressed"}]}

`seen` maps each file that was parsed to its number of blocks by type (documents for Kubernetes, empty elsewhere);
`unread` lists files that could not be parsed; `crashed` lists `{"rule", "path"}` that checkov could not evaluate, which
it would otherwise pass over in silence. A suppressed record stands in `failed` with `suppressed` true. `policies` are
the custom policies that really take part: at the start, those of the frameworks named with `--framework`; in an answer,
those of the question's framework.

It has no network and starts no program: an audit hook refuses both. It reads no configuration, imports no check from
disk, and takes custom policies only from the folder named with `--policies` (YAML, one subfolder a framework).
"""

import argparse
import concurrent.futures
import gc
import importlib
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TextIO, TypeVar

RUNNERS = {
    "terraform": "checkov.terraform.runner",
    "terraform_plan": "checkov.terraform.plan_runner",
    "kubernetes": "checkov.kubernetes.runner",
    "ansible": "checkov.ansible.runner",
    "secrets": "checkov.secrets.runner",
}
REFUSED_EVENTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.sendto",
        "subprocess.Popen",
    }
)
Answer = TypeVar("Answer")
_wait = concurrent.futures.wait
CRASH = re.compile(r"Failed to run check (?P<rule>\S+) on (?P<path>[^:]*):")


class Crashes(logging.Handler):
    """Collects the checks that raised: checkov logs them and goes on as if they did not apply."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.found: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if match := CRASH.match(record.getMessage()):
            self.found.append((match["rule"], match["path"]))


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: PermissionError for whatever reaches out of this process."""
    if event in REFUSED_EVENTS:
        raise PermissionError(f"{event} is not allowed here")


def raise_in_threads(
    fs: Iterable[Future[Answer]], timeout: float | None = None, return_when: str = concurrent.futures.ALL_COMPLETED
) -> concurrent.futures._base.DoneAndNotDoneFutures[Answer]:
    """`concurrent.futures.wait` that does not drop an exception inside a graph check.

    checkov evaluates each resource in a future whose result it never asks for: a resource that a check cannot stomach
    is then neither passed nor failed. Raised here, the exception ends that check, and `_telling` sees that it is gone.
    """
    done = _wait(fs, timeout=timeout, return_when=return_when)
    if threading.current_thread() is not threading.main_thread():
        for future in done.done:
            future.result()
    return done


class Policies:
    """Custom policies in YAML, loaded when their framework is first asked about. Never imports Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loaded: dict[str, list[str]] = {}

    def of(self, framework: str, runner: Any) -> list[str]:
        """The ids that were really loaded for the framework."""
        registry = getattr(runner, "graph_registry", None)
        own = "terraform" if framework == "terraform_plan" else framework  # they share one registry
        if registry is not None and own not in self.loaded:
            registry.load_checks()
            before = {check.id for check in registry.checks}
            if (self.folder / own).is_dir():
                registry.load_external_checks(str(self.folder / own))
            self.loaded[own] = [check.id for check in registry.checks if check.id not in before]
        return self.loaded.get(own, [])


def scan(framework: str, root: str, *, crashes: Crashes, policies: Policies) -> dict[str, Any]:
    """One folder -> the answer without its id. Suppression comments are not collected."""
    from checkov.runner_filter import RunnerFilter

    runner = importlib.import_module(RUNNERS[framework]).Runner()
    crashes.found.clear()
    silent: list[str] = []
    own = policies.of(framework, runner)
    if getattr(runner, "graph_registry", None) is not None:
        runner.graph_registry.load_checks()
        runner.graph_registry.run_checks = _telling(runner.graph_registry, silent)
    try:
        reports = runner.run(
            # Told to leave out no folder, checkov's search for files that may hold secrets leaves out every file.
            None if framework == "secrets" else root,
            files=_files(root) if framework == "secrets" else None,
            runner_filter=RunnerFilter(framework=[framework], show_progress_bar=False, download_external_modules=False),
            collect_skip_comments=False,
        )
    finally:
        if getattr(runner, "graph_registry", None) is not None:
            del runner.graph_registry.run_checks
    reports = reports if isinstance(reports, list) else [reports]
    unread = sorted({str(path) for report in reports for path in report.parsing_errors})
    return {
        "seen": {path: blocks for path, blocks in _seen(runner, framework, root) if path not in unread},
        "unread": unread,
        "crashed": [
            *({"rule": rule, "path": str(Path(root) / path.lstrip("/"))} for rule, path in crashes.found),
            *({"rule": rule, "path": ""} for rule in silent),
        ],
        "policies": own,
        "passed": sum(len(report.passed_checks) for report in reports),
        "failed": [
            _record(record, suppressed=suppressed)
            for report in reports
            for suppressed, records in ((False, report.failed_checks), (True, report.skipped_checks))
            for record in records
        ],
    }


def main(stdin: TextIO, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--framework", action="append", choices=sorted(RUNNERS), required=True)
    parser.add_argument("--policies", type=Path, required=True)
    options = parser.parse_args(arguments)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever checkov prints must not stand between the answers
    sys.addaudithook(refuse)
    gc.disable()  # nothing becomes garbage while modules load, and looking for it takes a fifth of the time

    from checkov.version import version

    policies = Policies(options.policies)
    for framework in options.framework:
        policies.of(framework, importlib.import_module(RUNNERS[framework]).Runner())
    gc.freeze()
    gc.enable()
    concurrent.futures.wait = raise_in_threads
    crashes = Crashes()
    logging.getLogger().handlers = [crashes]  # checkov keeps every debug line of its life in memory
    logging.getLogger().setLevel(logging.ERROR)
    ready = [rule for rules in policies.loaded.values() for rule in rules]
    _say(answers, {"ready": True, "version": version, "policies": ready})
    for line in stdin:
        question = json.loads(line)
        answer = scan(question["framework"], question["root"], crashes=crashes, policies=policies)
        _say(answers, {"id": question["id"], **answer})


def _telling(registry: Any, silent: list[str]) -> Any:
    """`registry.run_checks` that notes the graph checks without a result: their exceptions are dropped by checkov."""
    run_checks = registry.run_checks

    def run(graph: Any, runner_filter: Any, report_type: str) -> Any:
        results = run_checks(graph, runner_filter, report_type)
        silent.extend(
            check.id
            for check in registry.checks
            if check not in results and runner_filter.should_run_check(check, report_type=report_type)
        )
        return results

    return run


def _seen(runner: Any, framework: str, root: str) -> Iterator[tuple[str, dict[str, int]]]:
    if framework == "terraform":
        for path, blocks in runner.graph_manager.parser.loaded_files_map.items():
            if blocks is not None:
                yield str(path), {kind: len(entries) for kind, entries in blocks.items()}
    elif framework == "secrets":
        yield from ((path, {}) for path in _files(root))
    elif framework == "kubernetes":
        yield from ((str(path), {"document": len(parts)}) for path, parts in (runner.definitions or {}).items())
    else:
        yield from ((str(path), {}) for path in runner.definitions or ())


def _files(root: str) -> list[str]:
    return sorted(str(Path(folder) / name) for folder, _, names in os.walk(root) for name in names)


def _record(record: Any, *, suppressed: bool) -> dict[str, Any]:
    lines = record.file_line_range or [0]
    return {
        "rule": record.check_id,
        "name": record.check_name,
        "path": record.file_abs_path,
        "line": int(lines[0] or 0),
        "resource": record.resource or "",
        "severity": record.severity.name.lower() if record.severity else "",
        "help": record.guideline or "",
        "suppressed": suppressed,
    }


def _say(answers: TextIO, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.stdin, sys.argv[1:])
