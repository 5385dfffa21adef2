"""Each listed text is blocked by its rule, and each harmless one passes."""

import itertools
import json

import pytest

from agent.gate import RULES
from agent.gate.rules import Example
from tests.gate.gate_helpers import judge
from tests.gate.listed import FIRES, PASSES
from tests.gate.listed_ansible import PLAY
from tests.gate.listed_kubernetes import APP


@pytest.mark.parametrize(("rule", "example"), FIRES)
def test_fires(rule: str, example: Example) -> None:
    assert rule in {item.rule for item in judge(example)}, example


@pytest.mark.parametrize("example", PASSES)
def test_passes(example: Example) -> None:
    assert [(item.rule, item.message) for item in judge(example)] == []


BOMB = "a: &a [x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{last}'] * 9)}]\n" for last, this in itertools.pairwise("abcdefgh")
)


@pytest.mark.parametrize(
    ("rule", "example"),
    [
        ("kubernetes/unparsable", {f"{APP}/kustomization.yaml": f"patches: [{{ patch: {json.dumps(BOMB)} }}]\n"}),
        ("kubernetes/unparsable", {f"{APP}/a.yaml": BOMB}),
        ("ansible/unparsable", {f"{PLAY}/site.yml": BOMB}),
        ("ansible/jinja", {f"{PLAY}/group_vars/web.yml": 'x: "{{ 1' + " " * 100_000 + '}}"\n'}),
    ],
)
def test_what_would_take_too_long(rule: str, example: Example) -> None:
    assert rule in {item.rule for item in judge(example)}


def test_every_list_is_of_a_rule() -> None:
    assert {rule for rule, _ in FIRES} <= set(RULES)
