"""Every rule fires on its examples in any other spelling, nesting, quoting, case and place; harmless ones pass."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.gate import RULES
from tests.gate.gate_helpers import judge
from tests.gate.listed import FIRES
from tests.gate.respell import NEIGHBOURS, respelled

TRIES = settings(max_examples=40, deadline=None, derandomize=True)
NUMBERS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("rule", RULES)
def test_no_spelling_slips_through(rule: str) -> None:
    accepted = {rule} | NEIGHBOURS.get(rule, frozenset())

    @TRIES
    @given(st.sampled_from([*RULES[rule].fires, *(one for of, one in FIRES if of == rule)]), NUMBERS)
    def check(example: dict[str, str | None], number: int) -> None:
        other = respelled(rule, example, Random(number))
        assert {item.rule for item in judge(other)} & accepted, other

    check()


@pytest.mark.parametrize("rule", RULES)
def test_no_spelling_of_harmless_code_is_blocked(rule: str) -> None:
    @TRIES
    @given(st.sampled_from(RULES[rule].passes), NUMBERS)
    def check(example: dict[str, str | None], number: int) -> None:
        other = respelled(rule, example, Random(number), harmless=True)
        assert [(item.rule, item.message) for item in judge(other)] == [], other

    check()
