"""A path, a format and an environment -> what `infra-agent check` prints and its exit code."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from agent import __version__
from agent.checks.sarif import to_sarif
from agent.desk.check import Examined, examine_folder, find_interpreters
from agent.desk.output import as_json
from agent.domain import CheckRun, Finding, Findings
from agent.errors import AgentError
from agent.render.lint import as_github, as_text, escape_data
from agent.tools import Tools, allowed

Format = Literal["text", "json", "sarif", "github"]
PROJECT = Path(__file__).resolve().parent.parent.parent


def run_check(path: Path, *, style: Format, environ: Mapping[str, str], changed: bool, base: str) -> tuple[str, int]:
    """Never raises an AgentError: in every format, what kept it from answering is a finding, and the code is 2."""
    try:
        examined = examine_folder(
            path,
            tools=Tools(environment=allowed(environ)),
            pythons=find_interpreters(environ, homes=environments(environ)),
            mirror=environ.get("INFRA_AGENT_PROVIDER_MIRROR", ""),
            today=datetime.now(UTC).date(),
            changed=changed or bool(base),
            base=base,
        )
    except AgentError as error:
        examined = _undecided(str(error))
    return check_text(examined, style), examined.exit_code


def environments(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where bin/setup-env puts environments: the folders that the variables name, then this project's own."""
    named = environ.get("INFRA_AGENT_ENVS", "")
    cache = environ.get("RUNNER_TOOL_CACHE", "")
    homes = [Path(named)] if named else [Path(cache) / "infra-agent"] if cache else []
    return (*homes, PROJECT / ".venvs")


def check_text(examined: Examined, style: Format) -> str:
    """What `check` found, in the format that was asked for."""
    findings = examined.findings
    if style == "json":
        counts = Counter(item.severity for item in findings.findings)
        return as_json({
            "exit_code": examined.exit_code,
            "decision": ("pass", "blocked", "undecided")[examined.exit_code],
            "files": examined.files,
            "units": examined.units,
            "left_out": examined.left_out,
            "nothing_to_check": examined.nothing,
            "counts": dict(sorted(counts.items())),
            "checks": [run.model_dump(mode="json") for run in findings.checks],
            "findings": [item.model_dump(mode="json") for item in findings.findings],
        })  # fmt: skip
    if style == "sarif":
        return as_json(to_sarif(findings, version=__version__))
    if examined.nothing:
        told = f"nothing to check: {examined.nothing}"
        return f"::notice title=infra-agent::{escape_data(told)}\n" if style == "github" else f"{told}\n"
    if style == "github":
        return as_github(findings)
    return as_text(findings, files=examined.files, units=len(examined.units), left_out=examined.left_out)


def _undecided(reason: str) -> Examined:
    """What `check` answers, in any format, when it could not begin."""
    found = Finding(source="infra-agent", rule="check/could-not-run", severity="critical", message=reason)
    run = CheckRun(check="infra-agent", status="error", detail=reason)
    return Examined(Findings(findings=(found,), checks=(run,)), (), 0)
