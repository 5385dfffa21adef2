"""Files and plans in, checkov's findings out, through a worker in checkov's own environment."""

import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.checks.check import CheckResult, Context, canary_name, finished, nothing_to_check
from agent.checks.checkov_frameworks import PLANTED, Scan, scans, unscanned
from agent.checks.severity import ORDER
from agent.checks.worker import Worker
from agent.domain import File, Finding, Severity, Value
from agent.errors import ToolError, UserError
from agent.gate.hcl import HclError
from agent.gate.hcl_parse import parse
from agent.tools import Tools, clean_copy

NAME = "checkov"
POLICIES = "policies/checkov"
HELP = "https://www.checkov.io/5.Policy%20Index/all.html"
WORKER = Path(__file__).with_name("checkov_worker.py")
ENVIRONMENT = {
    "CHECKOV_CHECK_FAIL_LEVEL": "ERROR",
    "CHECKOV_PARALLELIZATION_TYPE": "none",
    "CKV_IGNORED_DIRECTORIES": "",
    "CKV_IGNORE_HIDDEN_DIRECTORIES": "False",
    "GIT_PYTHON_REFRESH": "quiet",
    "LOG_LEVEL": "CRITICAL",
}
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
    passed: int
    failed: tuple[Record, ...]


@contextmanager
def worker(tools: Tools, *, python: str, root: Path, frameworks: Sequence[str] = ("terraform",)) -> Iterator[Worker]:
    """Start checkov with the custom policies of `root/policies/checkov`; it gets ready while other work is done.

    `python` is the interpreter of checkov's environment. One worker holds one policy set: checkov keeps custom
    policies for its whole life. Raises ToolError when it cannot start, UserError for a policy that is not readable.
    """
    policies = find_policies(root)
    with tempfile.TemporaryDirectory(prefix="infra-agent-checkov-") as name:
        folder = Path(name)
        for path in policies.values():
            target = folder / "policies" / "terraform"
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)
        started = Worker(
            tools,
            [
                *(python, "-I", str(WORKER), "--policies", str(folder / "policies")),
                *(argument for framework in frameworks for argument in ("--framework", framework)),
            ],
            name=NAME,
            cwd=folder,
            env={**ENVIRONMENT, "HOME": name},
            greet=lambda greeting: _require_policies(greeting, policies),
        )
        try:
            yield started
        finally:
            started.close()


def find_policies(root: Path) -> dict[str, Path]:
    """Rule id -> file of each custom policy below `root`. Raises UserError for one that cannot be read or has no id."""
    policies: dict[str, Path] = {}
    for path in sorted((root / POLICIES).glob("*.y*ml")):
        named = f"{POLICIES}/{path.name}"
        try:
            data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{named}: not YAML: {error}") from error
        metadata = data.get("metadata") if isinstance(data, dict) else None
        rule = metadata.get("id") if isinstance(metadata, dict) else None
        if not isinstance(rule, str) or not re.fullmatch(r"CKV2?_[A-Z]+_\d+", rule):
            raise UserError(f"{named}: metadata.id must look like CKV2_ORG_1, got {rule!r:.40}")
        if rule in policies:
            raise UserError(f"{named}: metadata.id {rule} is also the id of {policies[rule].name}")
        policies[rule] = path
    return policies


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Scan Terraform unit by unit, manifests application by application and plays one by one, so that no unit's
    resources answer for another's; then look for secrets in all files.

    Raises ToolError when the worker fails, a file was not read, or the canary was not found.
    """
    given = (*files, *context.trusted)
    asked = scans(given, units=context.units)
    unread = unscanned(given)
    if not asked and not unread:
        return nothing_to_check(NAME)
    counted = {path for scan in asked if scan.framework != "secrets" for path in scan.given}
    findings, seen = _scan(asked, given, context) if asked else ([], {})
    for file in given:
        if file.path in seen and file.path.endswith((".tf", ".tf.json")):
            _require_blocks(file, seen[file.path])
    findings += [
        finding.model_copy(update={"severity": context.severities.of(NAME, finding.rule, own=finding.severity)})
        for finding in unread
    ]
    return finished(NAME, given=len(counted), seen=len(counted & seen.keys()), findings=findings)


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
    findings: list[Finding] = []
    seen: dict[str, dict[str, int]] = {}
    with started as worked, clean_copy([*files, *planted.values()]) as copy:
        top = copy.resolve()
        for scan in asked:
            found: dict[str, dict[str, int]] = {}
            for root in scan.roots:
                question = {"framework": scan.framework, "root": str(top / root)}
                answer = _answer(worked.ask(question, timeout=max(deadline - time.monotonic(), 1)))
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


def _require_policies(greeting: Mapping[str, Any], policies: Mapping[str, Path]) -> None:
    loaded = greeting.get("policies")
    refused = sorted(set(policies) - set(loaded if isinstance(loaded, list) else ()))
    if refused:
        raise ToolError(f"it did not accept {', '.join(f'{POLICIES}/{policies[rule].name}' for rule in refused)}")


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
            address=record.resource if record.path.endswith("/plan.json") else "",
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
