"""Findings -> what a linter prints: text for people, workflow commands for a CI's log. Pure."""

from collections import Counter
from collections.abc import Mapping

from agent.domain import Finding, Findings, Severity

_ORDER: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
_COMMANDS: Mapping[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "notice",
    "info": "notice",
}


def as_text(findings: Findings, *, files: int, units: int, left_out: int = 0, quiet: bool = False) -> str:
    """`path:line: severity rule: message`, how to mend it, and counts at the end. `info` is left out with `quiet`."""
    lines = []
    for item in findings.findings:
        if quiet and item.severity == "info":
            continue
        lines.append(f"{place(item)}: {item.severity} {item.source} {item.rule}: {plain(item.message)}")
        if hint := mend(item):
            lines.append(f"    {plain(hint)}")
    if lines:
        lines.append("")
    lines.append(_checks(findings))
    lines.append(_counts(findings, files=files, units=units, left_out=left_out))
    return "\n".join(no_command(line) for line in lines) + "\n"


def as_github(findings: Findings) -> str:
    """One workflow command a finding (`::error file=…,line=…,title=…::…`), values escaped."""
    lines = []
    for item in findings.findings:
        values = {"file": item.path, "line": str(item.line) if item.line else "", "title": f"{item.source} {item.rule}"}
        properties = ",".join(f"{name}={escape_property(value)}" for name, value in values.items() if value)
        hint = mend(item)
        message = item.message + (f"\n{hint}" if hint else "")
        lines.append(f"::{_COMMANDS[item.severity]} {properties}::{escape_data(message)}")
    return "\n".join(lines) + "\n" if lines else ""


def mend(item: Finding) -> str:
    """What to do about a finding, as far as its help says: a command, a page, or words."""
    if item.rule == "fmt/layout":
        return "mend: `terraform fmt` on this file"
    if item.rule == "check/could-not-run":
        return f"mend: {item.help}" if item.help else ""
    if item.help.startswith("infra-agent "):
        return f"mend: `{item.help}` says why and shows what is fine"
    return f"mend: {item.help}" if item.help else ""


def place(item: Finding) -> str:
    """`path:line`, without the line where there is none; `.` for a finding about no file."""
    path = plain(item.path) or "."
    return f"{path}:{item.line}" if item.line else path


def plain(text: str) -> str:
    """On one line, and every character that a terminal would act on as an escape."""
    flat = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in flat)


def escape_data(text: str) -> str:
    """A workflow command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """The value of a workflow command's property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def no_command(line: str) -> str:
    """A CI's log takes a line that begins with `::` or `##[` for an order."""
    return f"./{line}" if line.lstrip().startswith(("::", "##[")) else line


def _checks(findings: Findings) -> str:
    words = {"passed": "passed", "failed": "found something", "error": "COULD NOT RUN"}
    said = [
        f"{run.check} {'(no file of its kind)' if run.detail == 'no file of its kind' else words[run.status]}"
        for run in findings.checks
    ]
    if [run.check for run in findings.checks] == ["gate"] and findings.checks[0].status != "passed":
        said.append("no tool was run, because the gate refused")
    return f"checks: {', '.join(said) or 'none'}"


def _counts(findings: Findings, *, files: int, units: int, left_out: int) -> str:
    counts = Counter(item.severity for item in findings.findings)
    found = ", ".join(f"{counts[severity]} {severity}" for severity in _ORDER if counts[severity]) or "nothing found"
    skipped = f"; left out: {left_out} of tools' own files" if left_out else ""
    return (
        f"{files} {'file' if files == 1 else 'files'} in {units} {'unit' if units == 1 else 'units'}: {found}{skipped}"
    )
