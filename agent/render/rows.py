"""Findings, changes and states -> the rows, marks and words that the templates share. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from agent.domain import Change, Finding, Plan
from agent.render.stages import SEVERITIES, SILENT, VERBS, main_verb

# What is shown of a list at once, what of it folded; the rest is counted.
MOST_FLAT = 20
MOST_ROWS = 60
MOST_FOLDED = 150
MOST_PLACES = 3
MOST_NAMES = 12
ICONS = {"done": "✅", "failed": "❌", "asked": "❓", "running": "⏳", "open": "▫️", "skipped": "➖"}
CHECKS = {"passed": "✅", "failed": "❌", "error": "🚫"}
OUTCOMES = {"applied": "✅", "failed": "❌", "recovered": "↩️", "stopped": "✋"}
PROBES = {True: "✅", False: "❌"}
LEVELS = {
    "critical": "🛑 **critical**",
    "high": "🔴 **high**",
    "medium": "🟠 medium",
    "low": "🟡 low",
    "info": "⚪ info",
}
RISKS = {"low": "low", "medium": "medium", "high": "**high**", "critical": "**critical**"}
SIGNS = {"delete": "**delete**", "replace": "**replace**", "create": "create", "update": "update", "read": "read"}
TABLES = {
    "ICONS": ICONS, "CHECKS": CHECKS, "OUTCOMES": OUTCOMES, "PROBES": PROBES, "LEVELS": LEVELS, "RISKS": RISKS,
    "VERBS": SIGNS,
}  # fmt: skip


def grave(findings: Iterable[Finding]) -> bool:
    """Whether any of them stands in the way of a merge."""
    return any(finding.severity in ("critical", "high") for finding in findings)


def by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, then by place."""
    return sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), one.path, one.line, one.rule))


def by_rule(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings of one rule and severity as one row with their number, the gravest and then the most frequent first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in by_gravity(findings):
        groups.setdefault((finding.severity, finding.source, finding.rule), []).append(finding)
    rows = [_group(found) for found in groups.values()]
    return sorted(rows, key=lambda row: (SEVERITIES.index(row["severity"]), -row["number"], row["rule"]))


def _group(found: Sequence[Finding]) -> dict[str, Any]:
    places = list(dict.fromkeys((one.path, one.line) for one in found if one.path))
    return {
        "severity": found[0].severity,
        "rule": found[0].rule,
        "help": found[0].help,
        "message": found[0].message,
        "alike": len({one.message for one in found}) == 1,
        "number": len(found),
        "places": places[:MOST_PLACES],
        "more": len(places[MOST_PLACES:]),
    }


def reasons_by_rule(reasons: Sequence[str]) -> list[str]:
    """`rule: message` reasons, at most `MOST_FLAT`: of more, the first of each rule speaks for the others."""
    if len(reasons) <= MOST_FLAT:
        return list(reasons)
    groups: dict[str, list[str]] = {}
    for reason in reasons:
        groups.setdefault(reason.partition(": ")[0], []).append(reason)
    shown = list(islice(groups.values(), MOST_FLAT))
    said = [found[0] + (f" (and {len(found) - 1:,} more of this rule)" if len(found) > 1 else "") for found in shown]
    left = len(reasons) - sum(map(len, shown))
    return [*said, f"… and {left:,} more reasons"] if left else said


def row(change: Change) -> dict[str, Any]:
    """What a table shows of one resource: the values that may be read, and the names of what else changes."""
    told = {one.path.partition(".")[0] for one in change.values if one.whole}
    names = [name for name in change.fields if name not in told]
    return {
        "verb": main_verb(change),
        "address": change.address,
        "sensitive": change.sensitive,
        "shown": change.values,
        "fields": ", ".join(names[:MOST_NAMES]) + (" …" if len(names) > MOST_NAMES else ""),
        "forced": change.forced_by,
    }


def rows(changes: Iterable[Change], *, most: int = MOST_ROWS) -> tuple[list[dict[str, Any]], list[str]]:
    """What changes as rows, destroys first, and what is left out as numbers by verb and type."""
    real = [change for change in changes if set(change.verbs) - SILENT]
    real.sort(key=lambda change: (VERBS.index(main_verb(change)), change.address))
    return [row(change) for change in real[:most]], by_type(real[most:])


def by_type(changes: Iterable[Change]) -> list[str]:
    """`create aws_s3_bucket, 40 of them`, destroys first, then the most frequent."""
    found = Counter((main_verb(change), change.type) for change in changes)
    ordered = sorted(found.items(), key=lambda item: (VERBS.index(item[0][0]), -item[1], item[0][1]))
    return [f"{verb} {type_}, {number:,} of them" for (verb, type_), number in ordered]


def destroyed(plan: Plan, *, most: int = MOST_FLAT) -> tuple[list[dict[str, Any]], list[str]]:
    """What would be deleted, then what would be replaced, each with its unit; what is left out by verb and type."""
    found = [
        (unit.unit, change)
        for verb in ("delete", "replace")
        for unit in plan.units
        for change in unit.changes
        if main_verb(change) == verb
    ]
    shown = [{**row(change), "unit": unit} for unit, change in found[:most]]
    return shown, by_type(change for _, change in found[most:])
