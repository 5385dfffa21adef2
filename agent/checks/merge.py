"""Findings of many tools -> one list: the same fact once, the most serious first. Pure."""

from collections.abc import Iterable, Mapping

from agent.checks.severity import ORDER, Severities
from agent.domain import Finding


def merge(findings: Iterable[Finding], *, severities: Severities) -> tuple[Finding, ...]:
    """Sorted by severity (highest first), path, line, source and rule; equal facts are merged.

    Two findings are the same fact when path, line and address are equal and they have the same source and rule and
    message, or their rules stand in one group of `severities.same` and a line or an address says where: a whole file or
    plan can hold a fact twice. The merged one keeps the highest severity and the group's first rule, and names the
    others.
    """
    group_of = {rule: number for number, group in enumerate(severities.same) for rule in group}
    facts: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        facts.setdefault(_fact(finding, group_of), []).append(finding)
    return tuple(sorted((_one(same, severities) for same in facts.values()), key=sort_key))


def sort_key(finding: Finding) -> tuple[int, str, int, str, str, str]:
    """Most serious first, then by place."""
    serious = -ORDER.index(finding.severity)
    return (serious, finding.path, finding.line, finding.source, finding.rule, finding.message)


def _fact(finding: Finding, group_of: Mapping[str, int]) -> tuple[object, ...]:
    group = group_of.get(f"{finding.source}:{finding.rule}")
    place = (finding.path, finding.line, finding.address)
    if group is not None and (finding.line or finding.address):
        return (*place, group)
    return (*place, finding.source, finding.rule, finding.message)


def _one(same: list[Finding], severities: Severities) -> Finding:
    rank = {rule: number for group in severities.same for number, rule in enumerate(group)}
    same = sorted(same, key=lambda finding: (rank.get(f"{finding.source}:{finding.rule}", 0), *sort_key(finding)))
    first = same[0]
    others = sorted({f"{finding.source} {finding.rule}" for finding in same} - {f"{first.source} {first.rule}"})
    severity = max((finding.severity for finding in same), key=ORDER.index)
    message = f"{first.message} (also {', '.join(others)})" if others else first.message
    return first.model_copy(update={"severity": severity, "message": message})
