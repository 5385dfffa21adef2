"""`policies/severity.yml` -> how serious each tool's rules are, and which rules state the same fact."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import Field

from agent.domain import Severity
from agent.errors import UserError
from agent.settings import Section, parse

SEVERITY_PATH = "policies/severity.yml"
ORDER: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


class ToolSeverities(Section):
    """How serious the rules of one tool are."""

    default: Severity
    """For every rule without an entry."""
    rules: dict[str, Severity] = Field(default_factory=dict)
    """By the rule's id, or by a pattern with `*`."""


class Severities(Section):
    """How serious each tool's rules are: `policies/severity.yml` on the default branch."""

    version: Literal[1]
    """Version of this file's format."""
    tools: dict[str, ToolSeverities] = Field(default_factory=dict)
    """By the tool's name, such as checkov."""
    same: tuple[tuple[str, ...], ...] = ()
    """Groups of `tool:rule` that say the same about the same line; the first of a group is kept."""

    def of(self, tool: str, rule: str, *, own: Severity | None = None) -> Severity:
        """The rule's entry, else the first pattern that fits, else the tool's `own`, else its default, else medium."""
        table = self.tools.get(tool)
        if table is None:
            return own or "medium"
        if rule in table.rules:
            return table.rules[rule]
        fitting = (severity for pattern, severity in table.rules.items() if fnmatchcase(rule, pattern))
        return next(fitting, own or table.default)


def load_severities(root: Path) -> Severities:
    """The severities of the checkout at `root`; without the file, every rule is medium. Raises UserError."""
    path = root / SEVERITY_PATH
    if not path.exists():
        return Severities(version=1)
    try:
        return parse(Severities, path.read_text(encoding="utf-8"), SEVERITY_PATH)
    except UnicodeDecodeError as error:
        raise UserError(f"{SEVERITY_PATH}: not UTF-8") from error
