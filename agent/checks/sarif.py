"""Findings -> SARIF 2.1.0 for code scanning. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from agent.domain import Finding, Findings, Severity

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# What GitHub's code scanning sorts by; a number from 0 to 10 as text.
_SECURITY: Mapping[Severity, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}


def to_sarif(findings: Findings, *, version: str) -> dict[str, Any]:
    """One run a source, in the sources' order by name; `version` is ours.

    A finding without a path stands at the repository's root, since code scanning drops results without a place. A
    check that could not run makes its run unsuccessful (`executionSuccessful`).
    """
    broken = {check.check: check.detail for check in findings.checks if check.status == "error"}
    sources = sorted({finding.source for finding in findings.findings} | {check.check for check in findings.checks})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            _run(source, [item for item in findings.findings if item.source == source], broken.get(source), version)
            for source in sources
        ],
    }


def _run(source: str, findings: list[Finding], broken: str | None, version: str) -> dict[str, Any]:
    rules = sorted({finding.rule for finding in findings})
    invocation: dict[str, Any] = {"executionSuccessful": broken is None}
    if broken is not None:
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": {"text": broken or "it failed"}}]
    return {
        "tool": {
            "driver": {
                "name": f"infra-agent/{source}",
                "semanticVersion": version,
                "rules": [_rule(rule, [finding for finding in findings if finding.rule == rule]) for rule in rules],
            }
        },
        "automationDetails": {"id": f"infra-agent/{source}/"},
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the repository's root"}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": [_result(finding, rules.index(finding.rule)) for finding in findings],
    }


def _rule(rule: str, findings: Iterable[Finding]) -> dict[str, Any]:
    first = next(iter(findings))
    described: dict[str, Any] = {
        "id": rule,
        "defaultConfiguration": {"level": _LEVELS[first.severity]},
        "properties": {"security-severity": _SECURITY[first.severity], "tags": ["security", first.source]},
    }
    if first.help.startswith("https://"):
        described["helpUri"] = first.help
    return described


def _result(finding: Finding, index: int) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path or "."), "uriBaseId": "ROOT"}}
    if finding.line > 0:
        location["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or finding.rule},
        "locations": [{"physicalLocation": location}],
        "properties": {"severity": finding.severity},
    }
