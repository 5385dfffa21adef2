"""ChangeSet, and tools that are getting ready -> Findings: all of `examine` that is not its start."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from agent.checks.run import run_checks
from agent.checks.worker import Worker
from agent.domain import ChangeSet, CheckRun, File, Finding, Findings, Request
from agent.errors import UserError
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import infrastructure, refusals, trusted
from agent.repo import open_repo
from agent.settings import Settings
from agent.targets.probes import PROBES_FILE, load_probes
from agent.targets.terraform_files import MODULES
from agent.targets.terraform_warm import Warm
from agent.tools import Tools
from agent.tree import laid_over


def scan(
    request: Request,
    change: ChangeSet,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    pythons: Mapping[str, str],
    today: date,
    worker: Worker,
    warmed: Warm | None,
) -> Findings:
    """The gate's findings on `change`, or those of every check. No tool sees a file that the gate refused."""
    repo = open_repo(root)
    base = infrastructure(repo, request.base_sha, beside=(*change.units, *(file.path for file in change.files)))
    after = laid_over(base, change.files)
    ours = trusted(change.units, after, base=base, settings=settings, root=root)
    started = time.monotonic()
    refused = refusals(change.files, guardrails=guardrails, base=base, ours=ours, root=root, today=today)
    refused += tuple(finding for file in change.files for finding in _probes(file))
    gated = CheckRun(
        check="gate",
        status="failed" if refused else "passed",
        seconds=round(time.monotonic() - started, 3),
        files_given=len(change.files),
        files_seen=len(change.files),
    )
    if refused:
        return Findings(findings=refused, checks=(gated,))
    written = {file.path for file in ours}
    answered = run_checks(
        _seen(change.units, after, written),
        units=change.units,
        settings=settings,
        guardrails=guardrails,
        tools=tools,
        root=root,
        trusted=ours,
        before=_seen(change.units, base, written),
        checkov_python=pythons["checkov"],
        ansible_python=pythons["ansible"],
        kubernetes_python=pythons["kubernetes"],
        today=today,
        worker=worker,
        warmed=warmed,
    )
    return Findings(findings=answered.findings, checks=(gated, *answered.checks))


def _probes(file: File) -> Iterator[Finding]:
    """A probe that could not be asked after the merge is better refused before it."""
    if file.content is None or not file.path.endswith(f"/{PROBES_FILE}"):
        return
    try:
        load_probes(file.content, path=file.path)
    except UserError as error:
        yield Finding(source="gate", rule="probes/invalid", severity="critical", message=str(error), path=file.path)


def _seen(units: Sequence[str], after: Mapping[str, str], ours: Collection[str]) -> list[File]:
    """Every file of the units and of the modules that they may use, without those that trusted code writes."""
    folders = tuple(f"{folder}/" for folder in (*units, MODULES))
    return [
        File(path=path, content=text)
        for path, text in sorted(after.items())
        if path.startswith(folders) and path not in ours
    ]
