"""Counts and figures -> rates and means with the interval in which they lie, at 95 %. Pure and repeatable."""

import math
import random
from collections.abc import Sequence

from agent.domain import Value

Z = 1.959963984540054  # of the normal distribution, two-sided 95 %
RESAMPLES = 2_000


class Interval(Value):
    """A figure between `low` and `high` with 95 % confidence; `n` cases stand behind it."""

    value: float
    low: float
    high: float
    n: int


def wilson(rates: Sequence[float]) -> Interval | None:
    """The share of what passed, by Wilson's score interval; None without any case.

    `rates` holds one number from 0 to 1 a case: 1 or 0, or the mean of its repeats. Repeats of a case are no further
    cases, so they make no interval narrower.
    """
    n = len(rates)
    if n == 0:
        return None
    p = sum(rates) / n
    middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Interval(value=p, low=max(0.0, middle - half), high=min(1.0, middle + half), n=n)


def bootstrap(values: Sequence[float]) -> Interval | None:
    """The mean, by the percentiles of means of what is drawn again from `values`, one a case; None without any."""
    n = len(values)
    if n == 0:
        return None
    draw = random.Random(0)  # noqa: S311 - the same figures give the same interval
    means = sorted(sum(draw.choices(values, k=n)) / n for _ in range(RESAMPLES))
    low, high = means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975) - 1]
    return Interval(value=sum(values) / n, low=low, high=high, n=n)
