"""Intervals against figures that others computed, and what has to hold of any of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.evals.statistics import bootstrap, wilson


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [  # as R's binom::binom.wilson gives them
        (0, 10, 0.0, 0.2775328),
        (5, 10, 0.2365931, 0.7634069),
        (10, 10, 0.7224672, 1.0),
        (81, 263, 0.2552709, 0.3662120),
    ],
)
def test_wilson_is_the_score_interval(passed: int, of: int, low: float, high: float) -> None:
    found = wilson([1.0] * passed + [0.0] * (of - passed))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)
    assert found.value == pytest.approx(passed / of)
    assert found.n == of


@settings(derandomize=True, max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_an_interval_holds_its_value_and_is_the_same_again(rates: list[float]) -> None:
    for of in (wilson, bootstrap):
        found = of(rates)
        assert found is not None
        assert found == of(rates)
        assert min(0.0, *rates) <= found.low <= found.high <= 1.0 + 1e-9
    wide = wilson(rates)
    assert wide is not None
    assert wide.low - 1e-9 <= wide.value <= wide.high + 1e-9


def test_the_mean_of_what_varies_has_an_interval_and_of_what_does_not_has_none() -> None:
    spread, same = bootstrap([1.0, 2.0, 9.0, 4.0, 4.0, 7.0]), bootstrap([3.0, 3.0, 3.0])
    assert spread is not None
    assert same is not None
    assert 1.5 < spread.low < spread.value < spread.high < 8.0
    assert (same.low, same.high) == (3.0, 3.0)


def test_no_case_gives_no_figure() -> None:
    assert wilson([]) is None
    assert bootstrap([]) is None
