"""ChangeSet -> Findings: the gate first, then every outside check on what the gate let through."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

from agent import gate
from agent.checks import run_checks
from agent.documents import Documents
from agent.domain import ChangeSet, CheckRun, File, Finding, Findings, Request
from agent.jobs.workspace import infrastructure, laid_over, trusted
from agent.repo import open_repo
from agent.settings import Guardrails, Settings
from agent.targets.terraform_files import MODULES
from agent.tools import Tools


def run(
    documents: Documents, *, root: Path, settings: Settings, guardrails: Guardrails, tools: Tools, checkov: str, today: date
) -> Findings:
    """Examine the change. No tool sees a file that the gate refused."""
    request, change = documents.need(Request), documents.need(ChangeSet)
    repo = open_repo(root)
    base = infrastructure(repo, request.base_sha)
    after = laid_over(base, change.files)
    ours = trusted(change.units, after, base=base, settings=settings, root=root)
    started = time.monotonic()
    refused = gate.examine(
        change.files, guardrails=guardrails, base=base, trusted={file.path: file.content or "" for file in ours}
    )
    gated = CheckRun(
        check="gate",
        status="failed" if refused else "passed",
        seconds=round(time.monotonic() - started, 3),
        files_given=len(change.files),
        files_seen=len(change.files),
    )
    if refused:
        return Findings(findings=refused, checks=(gated,))
    answered = run_checks(
        _seen(change.units, after, {file.path for file in ours}),
        units=change.units,
        settings=settings,
        guardrails=guardrails,
        tools=tools,
        root=root,
        trusted=ours,
        checkov_python=checkov,
        today=today,
    )
    touched = {file.path for file in (*change.files, *ours)}
    findings = tuple(_standing(finding, touched) for finding in answered.findings)
    return Findings(findings=findings, checks=(gated, *answered.checks))


def _seen(units: Sequence[str], after: Mapping[str, str], ours: Collection[str]) -> list[File]:
    """Every file of the units and of the modules that they may use, without those that trusted code writes."""
    folders = tuple(f"{folder}/" for folder in (*units, MODULES))
    return [
        File(path=path, content=text)
        for path, text in sorted(after.items())
        if path.startswith(folders) and path not in ours
    ]


def _standing(finding: Finding, touched: Collection[str]) -> Finding:
    """A finding on a file that the change does not touch stood before: said, but it does not stop the change."""
    if finding.path in touched or not finding.path or finding.severity == "info":
        return finding
    return finding.model_copy(update={"severity": "info", "message": f"(stood before) {finding.message}"})
