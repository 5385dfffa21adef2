"""Terraform files in, what `fmt -check`, `init` and `validate` say out, unit by unit."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent.checks.check import (
    CheckResult,
    Context,
    canary_name,
    finished,
    nothing_to_check,
    of_kind,
    scan_roots,
)
from agent.domain import File, Finding
from agent.errors import ToolError
from agent.targets.terraform import affected, fmt_check, validate, validate_all
from agent.tools import clean_copy

NAME = "terraform"
# Laid out wrongly and naming a variable that is not there; needs no provider, so that it costs a tenth of a second.
CANARY = 'output "canary" {\nvalue = var.missing\n}\n'
# What runs beside the validations: light programs, one core's worth.
_AT_ONCE = 1


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Check layout everywhere, validity in units and in modules that no unit uses (the used ones go with their units).

    Raises ToolError when Terraform is missing, fails, or does not find the canary.
    """
    given = of_kind((*files, *context.trusted), ".tf", ".tf.json")
    if not given:
        return nothing_to_check(NAME)
    texts = {file.path: file.content or "" for file in given}
    roots = scan_roots(list(texts), units=context.units)
    alone = [root for root in roots if root in context.units or not affected([f"{root}/main.tf"], texts)]
    canary = canary_name()
    planted = File(path=f"{canary}/main.tf", content=CANARY)
    with (
        clean_copy([*files, *context.trusted, planted]) as copy,
        ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix=NAME) as pool,
    ):
        checked = pool.submit(_require_canary, copy, canary, context)
        laid_out = [pool.submit(fmt_check, context.tools, copy, root, context.settings) for root in roots]
        valid = validate_all(context.tools, copy, alone, context.settings, warmed=context.warmed)
        checked.result()
        findings = [*(finding for answer in laid_out for finding in answer.result()), *valid]
    kept = [_mapped(finding, context) for finding in findings]
    return finished(NAME, given=len(given), seen=len(given), findings=kept)


def _require_canary(copy: Path, canary: str, context: Context) -> None:
    if not any(finding.rule == "fmt/layout" for finding in fmt_check(context.tools, copy, canary, context.settings)):
        raise ToolError("`terraform fmt` did not find the planted badly laid out file")
    if not any(finding.severity == "high" for finding in validate(context.tools, copy, canary, context.settings)):
        raise ToolError("`terraform validate` did not find the planted invalid file")


def _mapped(finding: Finding, context: Context) -> Finding:
    severity = context.severities.of(NAME, finding.rule, own=finding.severity)
    return finding.model_copy(update={"severity": severity})
