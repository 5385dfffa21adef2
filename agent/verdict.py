"""Every document of a change -> Verdict: the whole merge policy. Pure."""

from collections.abc import Iterable

from agent.domain import ChangeSet, CheckRun, Finding, Findings, Plan, Proposal, Severity, Verdict

REQUIRED_CHECKS = ("gate", "ansible-lint", "checkov", "kubernetes", "secrets", "rego", "terraform", "yamllint")


def judge(
    *, change: ChangeSet | None, findings: Findings | None, proposal: Proposal | None, plan: Plan | None
) -> Verdict:
    """`blocked` beats `needs work` beats `ready`; what is missing is never a pass."""
    blocked: list[str] = []
    work = _unplanned(plan)
    if findings is None:
        blocked.append("check could not run: the change was not examined")
    else:
        for check, reason in _unanswered(findings.checks):
            # Without a working terraform no plan can be made either, and that is the reason a person can act on.
            (work if check == "terraform" else blocked).append(reason)
        blocked += _of(findings.findings, "critical")
        work += _of(findings.findings, "high")
    if proposal is not None and proposal.status == "refused":
        blocked += proposal.reasons
    if change is not None and change.status == "written" and not change.units:
        blocked.append("the change touches no unit that could be planned")
    if plan is not None:
        blocked += _of(plan.findings, "critical")
        work += _of(plan.findings, "high")
    if blocked:
        return Verdict(status="blocked", reasons=_unique(blocked + work))
    return Verdict(status="needs work" if work else "ready", reasons=_unique(work))


def _unanswered(checks: tuple[CheckRun, ...]) -> Iterable[tuple[str, str]]:
    answered = {check.check for check in checks}
    for name in REQUIRED_CHECKS:
        if name not in answered:
            yield name, f"check could not run: {name} gave no answer"
    for check in checks:
        if check.status == "error":
            yield check.check, f"check could not run: {check.check}: {check.detail}"


def _of(findings: Iterable[Finding], severity: Severity) -> list[str]:
    return [
        f"{finding.rule}: {finding.message}"
        for finding in findings
        if finding.severity == severity and finding.rule != "check/could-not-run"  # said by its CheckRun already
    ]


def _unplanned(plan: Plan | None) -> list[str]:
    if plan is None or not plan.units:
        return ["no plan could be made"]
    return [f"no plan could be made for {unit.unit}: {unit.reason}" for unit in plan.units if unit.status == "failed"]


def _unique(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
