"""A unit's plan as JSON in, what the policies and checkov say of it out: what variables and modules come to."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from agent.checks import checkov, checkov_start, rego
from agent.checks.check import Context
from agent.checks.merge import merge
from agent.checks.severity import load_severities
from agent.checks.waivers import apply_waivers, load_waivers
from agent.checks.worker import Worker
from agent.domain import Finding, Findings
from agent.errors import ToolError
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools, allowed

FAILED = "checkov/could-not-run"


def judge_plan(
    plan_json: Mapping[str, Any],
    *,
    unit: str,
    examined: Findings | None,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    root: Path,
    checkov_python: str,
    today: date,
    worker: Worker | None,
) -> tuple[Finding, ...]:
    """Findings on the plan; what `examined` said of the same resource by the same rule is not said again.

    A scanner that could not run is a critical finding. Raises UserError for severities or waivers that are wrong.
    """
    severities = load_severities(root)
    context = Context(
        tools=replace(tools, environment=allowed(tools.environment)),
        units=(unit,),
        settings=settings,
        guardrails=guardrails,
        trusted=(),
        root=root,
        severities=severities,
        checkov=checkov_python,
        worker=worker,
    )
    found = list(rego.evaluate_plan(plan_json, unit=unit, root=root, tools=tools).findings)
    try:
        scanned = checkov.scan_plan(json.dumps(plan_json), unit=unit, context=context).findings
    except ToolError as error:
        message = f"checkov could not judge the plan: {error}"
        scanned = (Finding(source="checkov", rule=FAILED, severity="critical", message=message, path=unit),)
    known = examined.findings if examined else ()
    found += [finding for finding in scanned if not any(_same(finding, before) for before in known)]
    return apply_waivers(merge(found, severities=severities), load_waivers(root), today=today, never=(FAILED,))


def warm(stack: ExitStack, tools: Tools, *, python: str, root: Path) -> Worker | None:
    """A checkov that gets ready while Terraform plans; None when it cannot start, which `judge_plan` then says."""
    try:
        return stack.enter_context(
            checkov_start.worker(tools, python=python, root=root, frameworks=("terraform", "terraform_plan"))
        )
    except ToolError:
        return None


def _same(finding: Finding, before: Finding) -> bool:
    return finding.rule == before.rule and bool(finding.address) and before.message.endswith(f": {finding.address}")
