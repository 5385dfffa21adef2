"""YAML files in, yamllint's findings out, with our configuration: one in the tree is never read."""

from collections.abc import Iterator, Sequence
from typing import Any

from yamllint import linter
from yamllint.config import YamlLintConfig

from agent.checks.check import CheckResult, Context, finished, nothing_to_check, of_kind
from agent.checks.severity import Severities
from agent.domain import File, Finding, Severity
from agent.errors import ToolError

NAME = "yamllint"
HELP = "https://yamllint.readthedocs.io/en/stable/rules.html"
CONFIGURATION = """\
extends: default
locale: C.UTF-8
ignore: []
rules:
  braces: {max-spaces-inside: 1}
  brackets: {max-spaces-inside: 1}
  comments: {min-spaces-from-content: 1, require-starting-space: false}
  comments-indentation: disable
  document-start: disable
  indentation: {indent-sequences: whatever, spaces: consistent}
  line-length: {max: 200, level: warning}
  octal-values: {forbid-implicit-octal: true, forbid-explicit-octal: false}
  quoted-strings: disable
  truthy: {check-keys: false, level: warning}
"""
CANARY = "a: 1\na: 2\n b: [\n"
CANARY_RULES = frozenset({"key-duplicates", "syntax"})
_SEVERITIES: dict[str, Severity] = {"error": "medium", "warning": "low"}


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Lint the YAML files in this process. Raises ToolError when the known-bad text passes."""
    given = of_kind((*files, *context.trusted), ".yaml", ".yml")
    if not given:
        return nothing_to_check(NAME)
    configuration = YamlLintConfig(content=CONFIGURATION)
    require_canary(configuration)
    findings = []
    seen = 0
    for file in given:
        for problem in _lint(file.content or "", configuration):
            findings.append(_finding(file.path, problem, context.severities))
        seen += 1
    return finished(NAME, given=len(given), seen=seen, findings=findings)


def require_canary(configuration: Any) -> None:
    """Raises ToolError when yamllint, so configured, does not find the planted known-bad text."""
    missed = CANARY_RULES - {problem.rule or "syntax" for problem in _lint(CANARY, configuration)}
    if missed:
        raise ToolError(f"it did not find the planted known-bad file ({', '.join(sorted(missed))})")


def _lint(text: str, configuration: YamlLintConfig) -> Iterator[Any]:
    # A directive in the text ("# yamllint disable") must not switch a rule off: the comment is taken away, its place
    # in the line kept.
    yield from linter.run(text.replace("yamllint", "YAMLLINT"), configuration)


def _finding(path: str, problem: Any, severities: Severities) -> Finding:
    rule = problem.rule or "syntax"
    return Finding(
        source=NAME,
        rule=rule,
        severity=severities.of(NAME, rule, own=_SEVERITIES[problem.level]),
        message=problem.desc,
        path=path,
        line=problem.line,
        help=HELP,
    )
