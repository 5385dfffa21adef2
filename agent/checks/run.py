"""Files in, Findings out: every outside check in parallel, each on a clean copy; failing to run is never a pass."""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from agent.checks import ansible_lint, checkov, kubernetes, kubernetes_build, rego, secrets, terraform, yamllint
from agent.checks.check import COULD_NOT_RUN, Check, CheckResult, Context, could_not_run
from agent.checks.merge import merge
from agent.checks.severity import load_severities
from agent.checks.waivers import apply_waivers, expired, for_the_gate, load_waivers
from agent.checks.worker import Worker
from agent.domain import CheckRun, File, Finding, Findings
from agent.errors import ToolError, UserError
from agent.gate import RULES
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.targets.terraform_warm import Warm
from agent.tools import Tools, allowed

CHECKS: dict[str, Check] = {
    "ansible-lint": ansible_lint,
    "checkov": checkov,
    "kubernetes": kubernetes,
    "rego": rego,
    "secrets": secrets,
    "terraform": terraform,
    "yamllint": yamllint,
}
# How much longer than its own limit a check may take before it is given up as hung.
_GRACE_SECONDS = 5.0
# What no waiver reaches: that a check could not run, and the gate's rules that hold always, on what was built as well.
NEVER = (COULD_NOT_RUN, *(rule.id for rule in RULES.values() if not rule.waivable))


def run_checks(
    files: Sequence[File],
    *,
    units: Sequence[str],
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    root: Path,
    trusted: Sequence[File] = (),
    before: Sequence[File] = (),
    checkov_python: str,
    ansible_python: str = "",
    kubernetes_python: str = "",
    today: date,
    worker: Worker | None = None,
    warmed: Warm | None = None,
    timeout: float = 300.0,
    checks: Mapping[str, Check] = CHECKS,
) -> Findings:
    """Run every check on `files`: the whole content of the `units` as they will be, and the modules that they use.

    `trusted` are the files that trusted code renders beside them. `before` are the same units and modules as they are
    now: what is found there as well, in a file that stays as it is, comes back as `info`. `root` is a checkout of the
    default branch, from which policies, severities and waivers come. `checkov_python`, `ansible_python` and
    `kubernetes_python` are the interpreters of those environments; the last two are needed only for files of their
    kind. `worker` is a checkov that is started already, and `warmed` a provider, so that their start-up overlaps with
    other work. `timeout` bounds each check, in seconds. Cloud variables in `tools` are not handed on.

    A check that cannot run gives a CheckRun `error` and a critical finding. Waived findings come back as `info`; a
    check with nothing above `info` has passed.
    Raises UserError for severities or waivers that are wrong.
    """
    severities = load_severities(root)
    waivers = load_waivers(root)
    context = Context(
        tools=replace(tools, environment=allowed(tools.environment)),
        units=tuple(units),
        settings=settings,
        guardrails=guardrails,
        trusted=tuple(trusted),
        root=root,
        severities=severities,
        checkov=checkov_python,
        ansible=ansible_python,
        kubernetes=kubernetes_python,
        worker=worker,
        warmed=warmed,
        timeout=timeout,
        waived=for_the_gate(waivers, today=today),
    )
    results = (
        _run_all(files, context, checks)
        if files
        else [could_not_run(name, why="no file was given to it") for name in checks]
    )
    results = _without_standing(results, files, before, context, checks)
    findings = [finding for result in results for finding in result.findings]
    kept = apply_waivers(merge(findings, severities=severities), waivers, today=today, never=NEVER)
    left = {finding.source for finding in kept if finding.severity != "info"}
    return Findings(
        findings=merge((*kept, *expired(waivers, today=today)), severities=severities),
        checks=tuple(_settled(result.run, left) for result in results),
    )


def _run_all(files: Sequence[File], context: Context, checks: Mapping[str, Check]) -> list[CheckResult]:
    results: dict[str, CheckResult] = {}
    context = replace(context, built=kubernetes_build.once(files, context))

    def run(name: str, check: Check) -> None:
        started = time.monotonic()
        result = _run_one(name, check, files, context)
        seconds = round(time.monotonic() - started, 3)
        results[name] = result._replace(run=result.run.model_copy(update={"seconds": seconds}))

    # Daemon threads: a library that hangs must not keep the job from ending.
    threads = {
        name: threading.Thread(target=run, args=(name, check), name=f"check-{name}", daemon=True)
        for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + context.timeout + _GRACE_SECONDS
    for thread in threads.values():
        thread.join(timeout=max(deadline - time.monotonic(), 0))
    return [
        results.get(name) or could_not_run(name, why=_silence(thread, context.timeout))
        for name, thread in threads.items()
    ]


def _without_standing(
    results: list[CheckResult],
    files: Sequence[File],
    before: Sequence[File],
    context: Context,
    checks: Mapping[str, Check],
) -> list[CheckResult]:
    """A finding on an untouched file may still be the change's doing (it removed what the file relied on), so only the
    check itself, run on the files as they were, can say that it stood before.
    """
    same = {file.path for file in set(files) & set(before)}
    asked = {
        name: check
        for (name, check), result in zip(checks.items(), results, strict=True)
        if any(finding.path in same and finding.severity != "info" for finding in result.findings)
    }
    stood = {
        _identity(finding)
        for result in (_run_all(before, context, asked) if asked else ())
        for finding in result.findings
        if finding.path in same
    }
    return [
        result._replace(
            findings=tuple(
                finding.model_copy(update={"severity": "info", "message": f"(stood before) {finding.message}"})
                if _identity(finding) in stood
                else finding
                for finding in result.findings
            )
        )
        for result in results
    ]


def _settled(run: CheckRun, left: Collection[str]) -> CheckRun:
    """A check whose every finding is accepted or stood before has passed."""
    passed = run.status == "failed" and run.check not in left
    return run.model_copy(update={"status": "passed"}) if passed else run


def _identity(finding: Finding) -> tuple[str, str, str, int, str]:
    return (finding.source, finding.rule, finding.path, finding.line, finding.message)


def _silence(thread: threading.Thread, timeout: float) -> str:
    return f"no answer after {timeout:g} s" if thread.is_alive() else "it crashed, and the trace is in the log"


def _run_one(name: str, check: Check, files: Sequence[File], context: Context) -> CheckResult:
    try:
        result = check.run(files, context=context)
    except ToolError as error:
        return could_not_run(name, why=str(error), log=error.log)
    except UserError as error:
        return could_not_run(name, why=str(error))
    run = result.run
    if run.files_seen < run.files_given:
        return could_not_run(name, why=f"it saw {run.files_seen} of {run.files_given} files")
    return result
