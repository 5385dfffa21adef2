"""Every rule fires on its own examples and stays silent on the others; every rule explains itself."""

import pytest

from agent.gate import RULES
from agent.gate.rules import Example
from tests.gate.gate_helpers import judge

FIRES = [
    pytest.param(rule.id, example, id=f"{rule.id}-{n}")
    for rule in RULES.values()
    for n, example in enumerate(rule.fires)
]
PASSES = [
    pytest.param(rule.id, example, id=f"{rule.id}-{n}")
    for rule in RULES.values()
    for n, example in enumerate(rule.passes)
]


@pytest.mark.parametrize(("rule", "example"), FIRES)
def test_fires(rule: str, example: Example) -> None:
    found = judge(example)
    assert rule in {item.rule for item in found}
    assert all(item.severity == "critical" and item.source == "gate" for item in found)


@pytest.mark.parametrize(("rule", "example"), PASSES)
def test_passes(rule: str, example: Example) -> None:
    assert judge(example) == ()


def test_every_rule_has_examples_and_a_help_page() -> None:
    for rule in RULES.values():
        assert rule.passes, rule.id
        assert rule.fires, rule.id
        page = rule.help
        assert page.startswith(f"{rule.id}: {rule.reason}\n\n"), rule.id
        assert (rule.check.__doc__ or "").split()[0] in page
        assert "Waiver:" in page
        assert "\n" not in rule.reason
