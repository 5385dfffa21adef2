"""What a day may take: the lower one of the settings' and the guardrails' ceilings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.documents import Documents
from agent.guardrails import Budgets
from agent.models.effect import lower, models
from agent.models.providers import Providers
from agent.settings import Ceiling, ModelsSettings


@pytest.mark.parametrize(
    ("day", "budgets", "tokens", "usd"),
    [
        (Ceiling(usd=100), Budgets(), None, 100),
        (Ceiling(usd=100), Budgets(usd_per_day=20, tokens_per_day=5_000), 5_000, 20),
        (Ceiling(usd=10, tokens=7), Budgets(usd_per_day=20, tokens_per_day=5_000), 7, 10),
        (Ceiling(), Budgets(usd_per_day=0), None, 0),
    ],
)
def test_the_lower_one_of_each_kind_holds(
    day: Ceiling, budgets: Budgets, tokens: int | None, usd: float | None
) -> None:
    made = lower(day, budgets)
    assert (made.tokens, made.usd, made.seconds) == (tokens, usd, day.seconds)


def test_a_job_s_models_have_the_guardrails_ceiling(tmp_path: Path) -> None:
    made = models(
        Providers(), environ={}, settings=ModelsSettings(), documents=Documents(tmp_path),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), say=lambda line: None, budgets=Budgets(usd_per_day=3),
    )  # fmt: skip
    assert made.budget.day.usd == 3
