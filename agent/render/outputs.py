"""Documents of the pipeline -> the texts of check runs and of the job summary. Pure."""

from collections.abc import Sequence
from typing import Literal

from agent.domain import Finding, Findings, Merge, Outcome, Plan, Value
from agent.render import sanitize
from agent.render.applied import headline_of
from agent.render.comments import applied_section, checks_section, plan_section, status
from agent.render.limits import fit
from agent.render.page import MARKER, Context, Failure
from agent.render.redact import redact
from agent.render.rows import grave
from agent.render.stages import SEVERITIES, Progress, summary_of_counts, summary_of_findings

# GitHub takes 1 MiB of Markdown for one step.
MOST_SUMMARY = 500_000


class CheckOutput(Value):
    """What one check run says. `title` is plain, `summary` and `text` are Markdown; `findings` are those that can
    stand beside a line, gravest first, their texts plain.
    """

    conclusion: Literal["success", "failure", "neutral"]
    title: str
    summary: str
    text: str = ""
    findings: tuple[Finding, ...] = ()


def checks_output(
    context: Context, findings: Findings, *, commit: str, only: str = "", revisable: bool = True
) -> CheckOutput:
    """For `agent/gate` (`only="gate"`) or all others: a failure where the verdict is not ready for it. A check that
    could not run, and none at all, is one; a finding below `high` is not.
    """
    checks = tuple(one for one in findings.checks if not only or one.check == only)
    found = tuple(one for one in findings.findings if not only or one.source == only)
    broken = [one.check for one in checks if one.status == "error"]
    bad = not checks or bool(broken) or grave(found)
    shown = Findings(findings=found, checks=checks)
    title = f"could not run: {', '.join(broken)}" if broken else summary_of_findings(found) if checks else "no answer"
    return CheckOutput(
        conclusion="failure" if bad else "success",
        title=_plain(context, title, limit=200),
        summary=without_marker(checks_section(context, shown, commit=commit, revisable=revisable)),
        findings=beside_lines(context, found),
    )


def plan_output(context: Context, plan: Plan, *, commit: str) -> CheckOutput:
    """For `agent/plan`. A unit without a plan, and no unit at all, is a failure."""
    failed = [unit.unit for unit in plan.units if unit.status == "failed"]
    title = summary_of_counts(change for unit in plan.units for change in unit.changes)
    if failed or not plan.units:
        title = f"no plan could be made{f' for {len(failed)} of {len(plan.units)} units' if failed else ''}"
    return CheckOutput(
        conclusion="failure" if failed or not plan.units or grave(plan.findings) else "success",
        title=title,
        summary=without_marker(plan_section(context, plan, commit=commit)),
        findings=beside_lines(context, plan.findings),
    )


def apply_output(
    context: Context, outcome: Outcome | None, *, merge: Merge | None = None, failure: Failure | None = None
) -> CheckOutput:
    """For `agent/apply`: success only when every unit was applied and is healthy."""
    units = outcome.units if outcome else ()
    good = failure is None and bool(units) and all(unit.status == "applied" and unit.healthy for unit in units)
    done = sum(unit.status == "applied" for unit in units)
    well = " and healthy" if good else ""
    counted = f"{done} of {len(units)} units applied{well}" if units else headline_of(outcome, failure)[1]
    return CheckOutput(
        conclusion="success" if good else "failure",
        title=counted,
        summary=without_marker(applied_section(context, outcome, merge=merge, failure=failure)),
    )


def step_summary(context: Context, progress: Progress, *, api_calls: int | None = None) -> str:
    """For `$GITHUB_STEP_SUMMARY`: how far the request is, then checks, plan and result as far as they exist."""
    commit = (progress.plan.commit if progress.plan else None) or ""
    parts = [status(context, **dict(progress))]
    if progress.findings:
        parts.append(checks_section(context, progress.findings, commit=commit))
    if progress.plan:
        parts.append(plan_section(context, progress.plan, commit=commit))
    if progress.outcome:
        parts.append(applied_section(context, progress.outcome, merge=progress.merge))
    if api_calls is not None:
        parts.append(f"{api_calls} calls to GitHub's API.\n")
    return fit("\n".join(without_marker(part) for part in parts), limit=MOST_SUMMARY)


def without_marker(text: str) -> str:
    """A section's text for a place that is not found again by its marker."""
    return MARKER.sub("", text, count=1).lstrip("\n")


def beside_lines(context: Context, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that can stand beside a line, gravest first, rule and message as plain text."""
    return tuple(
        finding.model_copy(
            update={
                "rule": _plain(context, finding.rule, limit=200),
                "message": _plain(context, finding.message, limit=2000),
            }
        )
        for finding in sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), one.path, one.line))
        if finding.path and finding.line
    )


def _plain(context: Context, text: str, *, limit: int) -> str:
    return sanitize.plain(redact(text, values=context.secrets), limit=limit)
