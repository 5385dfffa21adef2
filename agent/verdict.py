"""Every document of a change -> Verdict: the whole merge policy. Pure."""

from collections.abc import Iterable, Iterator
from typing import get_args

from agent.domain import (
    ChangeSet,
    CheckRun,
    Finding,
    Findings,
    Override,
    Plan,
    Proposal,
    Review,
    Severity,
    Verdict,
)
from agent.guardrails import Reviews

REQUIRED_CHECKS = ("gate", "ansible-lint", "checkov", "kubernetes", "secrets", "rego", "terraform", "yamllint")
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
# Who writes without a model; whoever else wrote a change counts as one.
NO_MODEL = ("blueprint:", "person:", "rollback:")


def judge(
    *,
    change: ChangeSet | None,
    findings: Findings | None,
    proposal: Proposal | None,
    plan: Plan | None,
    review: Review | None = None,
    reviews: Reviews | None = None,
    overrides: Iterable[Override] = (),
) -> Verdict:
    """`blocked` beats `needs work` beats `ready`; what is missing is never a pass.

    A review can only add to what needs work: it blocks nothing, and nothing that it says takes a reason away.
    `overrides` set aside findings of the review by their rule, of the commit that they name, and nothing else.
    """
    blocked: list[str] = []
    work = _unplanned(plan)
    if findings is None:
        blocked.append("check could not run: the change was not examined")
    else:
        for check, reason in _unanswered(findings.checks):
            # Where terraform is missing no plan could be made either, and that is the reason a person can act on.
            (work if check == "terraform" and _unplanned(plan) else blocked).append(reason)
        blocked += _of(findings.findings, "critical")
        work += _of(findings.findings, "high")
    if proposal is not None and proposal.status == "refused":
        blocked += proposal.reasons
    if change is not None and change.status == "written" and not change.units:
        blocked.append("the change touches no unit that could be planned")
    if plan is not None:
        blocked += _of(plan.findings, "critical")
        work += _of(plan.findings, "high")
    work += _of_review(change, plan, review, reviews or Reviews(), set_aside(review, overrides))
    if blocked:
        return Verdict(status="blocked", reasons=_unique(blocked + work))
    return Verdict(status="needs work" if work else "ready", reasons=_unique(work))


def needs_review(change: ChangeSet | None, reviews: Reviews) -> bool:
    """Whether `change` is not ready without a second opinion that came to an end."""
    if reviews.required == "model-written":
        return change is None or not change.author.startswith(NO_MODEL)
    return reviews.required == "always"


def unreviewed(plan: Plan | None, review: Review | None) -> str:
    """Why there is no second opinion on what was planned; empty when there is one."""
    if review is None:
        return "the change was not reviewed"
    if review.status not in ("passed", "findings"):
        return review.reason or "the reviewer gave no answer"
    if plan is None or review.commit is None or review.commit != plan.commit:
        return "the review is not of the commit that was planned"
    return ""


def holds_up(findings: Iterable[Finding], reviews: Reviews) -> tuple[Finding, ...]:
    """The findings of a review that are grave enough to make a change need work."""
    if reviews.stops == "nothing":
        return ()
    least = SEVERITIES.index(reviews.stops)
    return tuple(one for one in findings if SEVERITIES.index(one.severity) >= least)


def set_aside(review: Review | None, overrides: Iterable[Override]) -> set[str]:
    """The rules that somebody set aside for exactly the commit that `review` is of."""
    return {one.rule for one in overrides if review is not None and review.commit and one.value == review.commit}


def _of_review(
    change: ChangeSet | None, plan: Plan | None, review: Review | None, reviews: Reviews, aside: set[str]
) -> Iterator[str]:
    for finding in holds_up(review.findings if review else (), reviews):
        if finding.rule not in aside:
            yield f"{finding.rule}: {finding.message}"
    # Without a plan there is nothing yet that could be ready.
    if plan is not None and plan.units and needs_review(change, reviews) and (why := unreviewed(plan, review)):
        yield f"no second opinion, which the guardrails ask for here: {why}"


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
