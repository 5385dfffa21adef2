"""Terraform plans and Kubernetes manifests in, findings of `policies/rego/*.rego` out, through a bounded child process.

Policies follow conftest: `package main` with `deny`, `warn`, `violation` (and `deny_name` …) that hold texts or objects
with `msg`; `exception` lifts `deny_name` and `violation_name`; `policies/rego/data/*.json|yaml` is `data`.
"""

import json
import math
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from agent.checks.check import CheckResult, Context, could_not_run, finished, named, nothing_to_check
from agent.checks.kubernetes_build import built
from agent.checks.kubernetes_files import application, kubernetes_files, layout
from agent.checks.rego_policies import MANIFEST, PLAN, POLICIES, Kind, Policy, PolicySet, find_policies
from agent.checks.severity import Severities, load_severities
from agent.domain import File, Finding, Severity, Value
from agent.errors import ToolError, UserError
from agent.tools import Tools, allowed

NAME = "rego"
HELP = "docs/policies.md"
WORKER = Path(__file__).with_name("rego_worker.py")
MEMORY_BYTES = 1024**3
COULD_NOT_RUN = "rego/could-not-run"


class Refusal(Value):
    policy: str
    why: str


class Result(Value):
    """What one rule of one policy said of one document."""

    policy: str
    path: str
    line: int
    document: int
    head: str
    entries: tuple[dict[str, JsonValue], ...]


class Answer(Value):
    """The worker's answer; see `rego_worker.py`."""

    refused: tuple[Refusal, ...]
    seen: dict[str, int]
    results: tuple[Result, ...]


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Judge every document of every manifest, and of what the kustomizations and charts become.

    Raises ToolError when a policy cannot be relied on, hangs or crashes, a file cannot be read, or a chart or a
    kustomization does not build.
    """
    given = kubernetes_files((*files, *context.trusted))
    policies = find_policies(context.root).of(MANIFEST)
    if not given or not policies.policies:
        return nothing_to_check(NAME)
    texts = {file.path: file.content or "" for file in given}
    plain: list[tuple[str, Kind, str]] = [(path, MANIFEST, texts[path]) for path in layout(given).manifests]
    made = {f"{one.source} (built, {number})": one for number, one in enumerate(built(files, context))}
    if not plain and not made:
        return nothing_to_check(NAME)
    result = evaluate(
        [*plain, *((name, MANIFEST, one.text) for name, one in made.items())],
        policies=policies,
        severities=context.severities,
        tools=context.tools,
        timeout=context.timeout,
    )
    own = [item for item in result.findings if item.path not in made]
    said = {(application(item.path), item.rule, item.message) for item in own}
    # What a file says already is not said again of what it becomes.
    more = named(
        (made[item.path], item)
        for item in result.findings
        if item.path in made and (application(made[item.path].source), item.rule, item.message) not in said
    )
    return result._replace(findings=(*own, *more))


def evaluate_plan(
    plan_json: Mapping[str, Any], *, unit: str, root: Path, tools: Tools, timeout: float = 120.0
) -> CheckResult:
    """Judge one unit's plan (`terraform show -json`) by the policies of the default branch's checkout at `root`.

    Findings have the unit as their path. A policy that cannot be relied on, hangs or crashes is a critical finding
    `rego/could-not-run`. Raises UserError for severities that are wrong.
    """
    severities = load_severities(root)
    try:
        policies = find_policies(root).of(PLAN)
        if not policies.policies:
            return nothing_to_check(NAME)
        # What was before is in every change; the state as a whole is large and holds what no policy needs.
        text = json.dumps({name: value for name, value in plan_json.items() if name != "prior_state"})
        clean = replace(tools, environment=allowed(tools.environment))
        return evaluate([(unit, PLAN, text)], policies=policies, severities=severities, tools=clean, timeout=timeout)
    except (ToolError, UserError) as error:
        failed = could_not_run(NAME, why=str(error), log=error.log if isinstance(error, ToolError) else "")
        # A plan carries findings only, so this one has to speak for the check that did not run.
        update = {"rule": COULD_NOT_RUN, "path": unit}
        return failed._replace(findings=tuple(finding.model_copy(update=update) for finding in failed.findings))


def evaluate(
    inputs: Sequence[tuple[str, Kind, str]],
    *,
    policies: PolicySet,
    severities: Severities,
    tools: Tools,
    timeout: float,
    memory: int = MEMORY_BYTES,
) -> CheckResult:
    """Judge `(path, kind, text)` by the policies, in at most `memory` bytes. Raises ToolError as `run` does."""
    answer, names = _ask(inputs, policies, tools=tools, timeout=timeout, memory=memory)
    if answer.refused:
        first = answer.refused[0]
        named = next(policy.path.name for policy in policies.policies if policy.id == first.policy)
        more = f", and {len(answer.refused) - 1} more" if len(answer.refused) > 1 else ""
        raise ToolError(f"{POLICIES}/{named} {first.why}{more}")
    missing = [path for name, path in names.items() if name not in answer.seen]
    if missing:
        raise ToolError(f"it did not read {missing[0]}, {len(missing)} of {len(inputs)} files")
    by_id = {policy.id: policy for policy in policies.policies}
    lifted: dict[tuple[str, int], set[str]] = {}
    for result in answer.results:
        if result.head.startswith("exception"):
            for entry in result.entries:
                found = entry.get("names")
                lifted.setdefault((result.path, result.document), set()).update(
                    map(str, found if isinstance(found, list) else ())
                )
    findings = [
        _finding(entry, result, by_id[result.policy], names[result.path], severities, excepted=excepted)
        for result in answer.results
        if not result.head.startswith("exception")
        for excepted in [result.head.partition("_")[2] in lifted.get((result.path, result.document), set())]
        for entry in result.entries
    ]
    done = finished(NAME, given=len(inputs), seen=len(names.keys() & answer.seen.keys()), findings=findings)
    judged = sum(answer.seen.values())
    detail = f"{len(by_id)} policies, {judged} documents"
    return done._replace(run=done.run.model_copy(update={"detail": detail}))


def _ask(
    inputs: Sequence[tuple[str, Kind, str]], policies: PolicySet, *, tools: Tools, timeout: float, memory: int
) -> tuple[Answer, dict[str, str]]:
    """The worker's answer, and the path behind each name that the worker knows an input by."""
    names: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="infra-agent-rego-") as made:
        folder = Path(made)
        for number, (path, kind, text) in enumerate(inputs):
            name = f"inputs/{number}{'.json' if kind == PLAN or path.endswith('.json') else '.yaml'}"
            names[name] = path
            _put(folder, name, text)
        numbers = (str(number) for number in range(1_000_000))
        question = {
            "policies": [
                {
                    "id": policy.id,
                    "path": _copy(folder, policy.path, f"policies/{next(numbers)}"),
                    "inputs": policy.kinds,
                    "fail": [_copy(folder, item, f"examples/{next(numbers)}") for item in policy.fail],
                    "pass": [_copy(folder, item, f"examples/{next(numbers)}") for item in policy.pass_],
                }
                for policy in policies.policies
            ],
            "libraries": [_copy(folder, path, f"policies/{next(numbers)}") for path in policies.libraries],
            "data": [_copy(folder, path, f"data/{next(numbers)}") for path in policies.data],
            "inputs": [{"path": name, "kind": kind} for name, (_, kind, _) in zip(names, inputs, strict=True)],
        }
        _put(folder, "question.json", json.dumps(question))
        argv = (sys.executable, "-I", str(WORKER), made, str(memory), str(math.ceil(timeout)))
        try:
            done = tools.run(argv, cwd=folder, timeout=timeout)
        except ToolError as error:
            raise ToolError(_where(str(error), error.log, names), log=error.log) from error
    try:
        return Answer.model_validate_json(done.stdout), names
    except ValidationError as error:
        raise ToolError(f"its answer has an unknown shape: {error.errors()[0]['msg']}", log=done.stderr) from error


def _where(why: str, log: str, names: Mapping[str, str]) -> str:
    """What the worker was at when it ended: it says so before it starts on something."""
    at = re.findall(r"^(reading|policy) (\S+)$", log, re.MULTILINE)
    why = why.replace(sys.executable, "regopy")
    return f"{why} ({at[-1][0]} {names.get(at[-1][1], at[-1][1])})" if at else why


def _put(folder: Path, name: str, text: str) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _copy(folder: Path, path: Path, below: str) -> str:
    name = f"{below}/{path.name}"
    (folder / below).mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(path.read_bytes())
    return name


def _finding(
    entry: Mapping[str, JsonValue],
    result: Result,
    policy: Policy,
    path: str,
    severities: Severities,
    *,
    excepted: bool,
) -> Finding:
    own_id = entry.get("id")
    suffix = result.head.partition("_")[2]
    rule = own_id if isinstance(own_id, str) and own_id else f"{policy.id}/{suffix}" if suffix else policy.id
    message = str(entry["msg"])
    own: Severity | None = "low" if result.head.startswith("warn") else policy.severity
    if own is None and NAME not in severities.tools:
        own = "high"
    severity = severities.of(NAME, rule, own=own)
    return Finding(
        source=NAME,
        rule=rule,
        severity="info" if excepted else severity,
        message=f"(excepted by a policy) {message}" if excepted else message,
        path=path,
        line=result.line,
        help=HELP,
    )
