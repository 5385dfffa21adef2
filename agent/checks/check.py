"""What every check is: files and a context in, a CheckResult out; with the answer of one that could not run."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from agent.checks.severity import Severities
from agent.checks.worker import Worker
from agent.domain import CheckRun, File, Finding
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.targets.terraform_warm import Warm
from agent.tools import Tools

COULD_NOT_RUN = "check/could-not-run"


class Built(NamedTuple):
    """Manifests that stand in no file: what a kustomization, or one template of a chart, becomes.

    `source` is the file that findings name. What has one `root` goes to a cluster together. `how` says how it was
    built, for people; `namespace` is the release's, where there is one.
    """

    source: str
    root: str
    how: str
    text: str
    namespace: str = ""


@dataclass(frozen=True)
class Context:
    """What a check may use besides the files.

    `tools` hold no cloud variables. `trusted` are files that trusted code rendered: tools may need them, and findings
    on them count. `root` is a checkout of the default branch: policies come from `root/policies`, never from `files`.
    `checkov`, `ansible` and `kubernetes` are the Python interpreters of those tools' own environments (empty: there is
    none); `worker` is a checkov that is already running with those policies, or None, and `warmed` a provider that is
    getting ready, or None. `timeout` bounds each check, in seconds. `waived` are pairs of a rule and a path, in which
    `*` stands for any text, that hold today. `built` gives what the kustomizations and charts of the files become
    (None: each check builds it for itself).
    """

    tools: Tools
    units: tuple[str, ...]
    settings: Settings
    guardrails: Guardrails
    trusted: tuple[File, ...]
    root: Path
    severities: Severities
    checkov: str
    ansible: str = ""
    kubernetes: str = ""
    worker: Worker | None = None
    warmed: Warm | None = None
    timeout: float = 300.0
    waived: tuple[tuple[str, str], ...] = ()
    built: Callable[[], tuple[Built, ...]] | None = None


class CheckResult(NamedTuple):
    run: CheckRun
    findings: tuple[Finding, ...] = ()


class Check(Protocol):
    """A module that satisfies this stands in `CHECKS`.

    `run` raises ToolError when the tool is missing, crashed, hung, or gave an answer that cannot be trusted: fewer
    files seen than given, or the planted known-bad file not found.
    """

    def run(self, files: Sequence[File], *, context: Context) -> CheckResult: ...


def of_kind(files: Iterable[File], *suffixes: str) -> tuple[File, ...]:
    """The files that are there (not deleted ones) and whose name ends with one of `suffixes`."""
    return tuple(file for file in files if file.content is not None and file.path.endswith(suffixes))


def not_waived(findings: Iterable[Finding], context: Context) -> list[Finding]:
    """What a check refuses before it starts, without what people have accepted. Pure."""
    return [
        item
        for item in findings
        if not any(item.rule == rule and fnmatchcase(item.path, pattern) for rule, pattern in context.waived)
    ]


def named(found: Iterable[tuple[Built, Finding]]) -> list[Finding]:
    """Findings on what was built, at the file that it was built of; the same of several builds is said once. Pure."""
    unique: dict[tuple[str, str, str], Finding] = {}
    for one, item in found:
        update = {"path": one.source, "line": 0, "message": f"{one.how}: {item.message}"}
        unique.setdefault((item.rule, one.source, item.message), item.model_copy(update=update))
    return list(unique.values())


def canary_name() -> str:
    """A name for the planted known-bad file that no author can guess."""
    return f"canary-{secrets.token_hex(8)}"


def scan_roots(paths: Sequence[str], *, units: Sequence[str]) -> tuple[str, ...]:
    """The folders to scan one by one: units that hold a file, then the topmost other folders. Pure."""
    roots = [unit for unit in units if any(path.startswith(f"{unit}/") for path in paths)]
    for folder in sorted({str(PurePosixPath(path).parent) for path in paths}):
        if not any(folder == root or folder.startswith(f"{root}/") or root == "." for root in roots):
            roots.append(folder)
    return tuple(roots)


def nothing_to_check(check: str) -> CheckResult:
    """No file of the check's kind was given: passed, and said so."""
    return CheckResult(CheckRun(check=check, status="passed", detail="no file of its kind"))


def finished(check: str, *, given: int, seen: int, findings: Sequence[Finding], detail: str = "") -> CheckResult:
    """Passed without findings, failed with some. `given` and `seen` count files."""
    status = "failed" if findings else "passed"
    run = CheckRun(check=check, status=status, files_given=given, files_seen=seen, detail=detail)
    return CheckResult(run, tuple(findings))


def could_not_run(check: str, *, why: str, log: str = "") -> CheckResult:
    """The answer of a check that did not answer: a critical finding, never a pass."""
    message = (
        f"{check} could not run: {why}. Nothing counts as checked until it has run; `infra-agent doctor` tells a "
        "missing tool, and the job's log has the rest."
    )
    finding = Finding(source=check, rule=COULD_NOT_RUN, severity="critical", message=message)
    return CheckResult(CheckRun(check=check, status="error", detail=f"{why}\n{log[-2_000:]}".strip()), (finding,))
