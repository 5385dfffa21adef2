"""Files and plans in, checkov's findings out, through a worker in checkov's own environment."""

import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.checks.check import Built, CheckResult, Context, canary_name, finished, named, nothing_to_check
from agent.checks.checkov_frameworks import PLANTED, Scan, scans, unscanned
from agent.checks.checkov_start import NAME, find_policies, require_policies, worker
from agent.checks.kubernetes_build import built
from agent.checks.kubernetes_files import application
from agent.checks.severity import ORDER
from agent.domain import File, Finding, Severity, Value
from agent.errors import ToolError
from agent.gate.hcl import HclError
from agent.gate.hcl_parse import parse
from agent.tools import clean_copy

HELP = "https://www.checkov.io/5.Policy%20Index/all.html"
# What a chart does not say a namespace for goes into the release's; the gate refuses one that says `default`.
NO_NAMESPACE = "CKV_K8S_21"
SCANNED = ("resource", "data", "module", "provider")


class Record(Value):
    """One failed (or suppressed) record of the worker's answer."""

    rule: str
    name: str
    path: str
    line: int
    resource: str
    severity: str
    help: str
    suppressed: bool


class Crash(Value):
    rule: str
    path: str


class Answer(Value):
    """The worker's answer to one question; see `checkov_worker.py`."""

    id: int
    seen: dict[str, dict[str, int]]
    unread: tuple[str, ...]
    crashed: tuple[Crash, ...]
    policies: tuple[str, ...]
    passed: int
    failed: tuple[Record, ...]


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Scan Terraform unit by unit, manifests application by application, what is built build by build and plays one by
    one, so that no unit's resources answer for another's; then look for secrets in all files.

    Raises ToolError when the worker fails, a file was not read, the canary was not found, or a chart or a kustomization
    does not build.
    """
    given = (*files, *context.trusted)
    made = _numbered(built(files, context))
    asked = scans(given, units=context.units, made={path: one.text for path, one in made.items()})
    unread = unscanned(given)
    if not asked and not unread:
        return nothing_to_check(NAME)
    counted = {path for scan in asked if scan.framework != "secrets" for path in scan.given}
    written = [*given, *(File(path=path, content=one.text) for path, one in made.items())]
    found, seen = _scan(asked, written, context) if asked else ([], {})
    findings = _said_once(found, made)
    for file in given:
        if file.path in seen and file.path.endswith((".tf", ".tf.json")):
            _require_blocks(file, seen[file.path])
    findings += [
        finding.model_copy(update={"severity": context.severities.of(NAME, finding.rule, own=finding.severity)})
        for finding in unread
    ]
    return finished(NAME, given=len(counted), seen=len(counted & seen.keys()), findings=findings)


def _numbered(built: Sequence[Built]) -> dict[str, Built]:
    """A path for each: one folder a root, beside everything that a change can write."""
    roots = {one.root: number for number, one in enumerate(built)}
    return {f"built/{roots[one.root]}/{number}.yaml": one for number, one in enumerate(built)}


def _said_once(findings: Sequence[Finding], made: Mapping[str, Built]) -> list[Finding]:
    """What a file says of a resource already is not said again of what it becomes; and no address but a plan's."""
    own = [item for item in findings if item.path not in made]
    said = {(application(item.path), item.rule, _object(item)) for item in own}
    more = named(
        (made[item.path], item)
        for item in findings
        if item.path in made
        and (application(made[item.path].source), item.rule, _object(item)) not in said
        and not (item.rule == NO_NAMESPACE and made[item.path].namespace)
    )
    return [item.model_copy(update={"address": ""}) for item in (*own, *more)]


def _object(item: Finding) -> tuple[str, str]:
    """`Pod.shop.web` -> kind and name: a kustomization says the namespace of what names none."""
    kind, _, rest = item.address.partition(".")
    return kind, rest.partition(".")[2] or f"{item.message} {item.line}"


def scan_plan(plan: str, *, unit: str, context: Context) -> CheckResult:
    """Scan a plan's JSON (`terraform show -json`): what variables and modules come to, which the code does not say.

    A finding names the resource's address and has the `unit` for its path. Raises ToolError as `run` does.
    """
    scan = Scan("terraform_plan", (".",), {"plan.json": 0})
    findings, seen = _scan((scan,), [File(path="plan.json", content=plan)], context)
    at_unit = [finding.model_copy(update={"path": unit, "line": 0}) for finding in findings]
    return finished(NAME, given=1, seen=len(seen.keys() & scan.given.keys()), findings=at_unit, detail="plan")


def _scan(
    asked: Sequence[Scan], files: Sequence[File], context: Context
) -> tuple[list[Finding], dict[str, dict[str, int]]]:
    """Findings, and what was seen in each file but in those where secrets alone were looked for."""
    deadline = time.monotonic() + context.timeout
    canary = canary_name()
    planted = {
        (scan.framework, root): File(
            path=f"{root}/{canary}-{scan.framework}/{PLANTED[scan.framework].name}",
            content=PLANTED[scan.framework].text,
        )
        for scan in asked
        for root in scan.roots
    }
    started = (
        nullcontext(context.worker)
        if context.worker is not None
        else worker(context.tools, python=context.checkov, root=context.root)
    )
    policies = find_policies(context.root)
    findings: list[Finding] = []
    seen: dict[str, dict[str, int]] = {}
    with started as worked, clean_copy([*files, *planted.values()]) as copy:
        top = copy.resolve()
        for scan in asked:
            found: dict[str, dict[str, int]] = {}
            for root in scan.roots:
                question = {"framework": scan.framework, "root": str(top / root)}
                answer = _answer(worked.ask(question, timeout=max(deadline - time.monotonic(), 1)))
                require_policies(answer.policies, policies, (scan.framework,))
                _require_canary(answer, f"{canary}-{scan.framework}", PLANTED[scan.framework].rules)
                found.update({_relative(path, top): blocks for path, blocks in answer.seen.items()})
                findings.extend(_findings(answer, canary=canary, top=top, context=context))
            _require_files(scan, found)
            seen.update(found if scan.framework != "secrets" else {})
    return findings, seen


def _require_files(scan: Scan, found: Mapping[str, Mapping[str, int]]) -> None:
    missing = sorted(scan.given.keys() - found.keys())
    if missing:
        raise ToolError(f"it could not read {', '.join(missing[:5])}, {len(missing)} of {len(scan.given)} files")
    for path, least in scan.given.items():
        if least and found[path].get("document", 0) < least:
            raise ToolError(f"it saw {found[path].get('document', 0)} of {least} documents in {path}")


def _answer(value: dict[str, Any]) -> Answer:
    try:
        return Answer.model_validate(value)
    except ValidationError as error:
        raise ToolError(f"its answer has an unknown shape: {error.errors()[0]['msg']}") from error


def _require_canary(answer: Answer, canary: str, rules: Collection[str]) -> None:
    found = {record.rule for record in answer.failed if f"/{canary}/" in record.path}
    missed = sorted(set(rules) - found)
    if missed:
        raise ToolError(f"it did not find the planted known-bad file ({', '.join(missed)})")


def _require_blocks(file: File, seen: Mapping[str, int]) -> None:
    """A block that Terraform sees and checkov's parser does not would be scanned by nobody."""
    try:
        ours = Counter(block.kind for block in parse(file.content or "").blocks)
    except HclError:
        return  # the gate refuses it, and `terraform validate` names the place
    for kind in SCANNED:
        if ours[kind] != seen.get(kind, 0):
            raise ToolError(f"it saw {seen.get(kind, 0)} of {ours[kind]} `{kind}` blocks in {file.path}")


def _findings(answer: Answer, *, canary: str, top: Path, context: Context) -> Iterator[Finding]:
    for record in answer.failed:
        if f"/{canary}-" in record.path:
            continue
        note = " (suppressed in the file, which counts for nothing)" if record.suppressed else ""
        yield Finding(
            source=NAME,
            rule=record.rule,
            severity=context.severities.of(NAME, record.rule, own=_severity(record.severity)),
            message=f"{record.name}{_resource(record)}{note}",
            path=_relative(record.path, top),
            line=max(record.line, 0),
            help=record.help or HELP,
            address=record.resource,
        )
    for crash in answer.crashed:
        if canary in crash.path:
            continue
        yield Finding(
            source=NAME,
            rule=crash.rule,
            severity=context.severities.of(NAME, crash.rule),
            message="checkov's rule crashed on this code, so it counts as failed; write it more plainly or waive it",
            path=_relative(crash.path, top) if crash.path else "",
            help=HELP,
        )


def _resource(record: Record) -> str:
    # What stands there for a secret is the secret's digest.
    return f": {record.resource}" if record.resource and not record.rule.startswith("CKV_SECRET_") else ""


def _severity(text: str) -> Severity | None:
    return next((severity for severity in ORDER if severity == text), None)


def _relative(path: str, top: Path) -> str:
    return Path(os.path.relpath(path, top)).as_posix()
