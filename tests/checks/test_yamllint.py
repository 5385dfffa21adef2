"""yamllint with our configuration."""

from collections.abc import Callable

import pytest

from agent.checks import yamllint
from agent.checks.check import Context
from agent.domain import File
from tests.checks.samples import UNIT

Contexts = Callable[..., Context]


def rules(text: str, context: Context) -> list[tuple[str, int, str]]:
    result = yamllint.run([File(path=f"{UNIT}/probes.yaml", content=text)], context=context)
    assert (result.run.files_given, result.run.files_seen) == (1, 1)
    return [(finding.rule, finding.line, finding.severity) for finding in result.findings]


@pytest.mark.parametrize(
    "text",
    [
        "- name: x\n  kind: http\n",
        "---\nprobes:\n- name: x\n  expect: {status: 200}\n",
        "on: [push]\nname: x  # comment\n",
        "",
    ],
)
def test_ordinary_files_pass(context: Contexts, text: str) -> None:
    assert rules(text, context()) == []


@pytest.mark.parametrize(
    ("text", "rule", "line", "severity"),
    [
        ("a: 1\na: 2\n", "key-duplicates", 2, "medium"),
        ("a: [\n", "syntax", 2, "medium"),
        ("a: yes\n", "truthy", 1, "low"),
        ("a: 0777\n", "octal-values", 1, "medium"),
        ("a: 1   \n", "trailing-spaces", 1, "medium"),
    ],
)
def test_what_is_found(context: Contexts, text: str, rule: str, line: int, severity: str) -> None:
    assert (rule, line, severity) in rules(text, context())


def test_no_yaml_is_nothing_to_check(context: Contexts) -> None:
    assert yamllint.run([File(path="a.tf", content="")], context=context()).run.files_given == 0
