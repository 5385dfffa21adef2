"""What may be taken by a call, a request and a day: no sequence of calls passes a ceiling by more than one of them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.documents import Documents, write
from agent.domain import ChangeSet, Intent, ModelCall
from agent.errors import UserError
from agent.guardrails import Budgets
from agent.models.budget import Budget, tokens, usd
from agent.models.call import Models, Reading
from agent.models.data import Block
from agent.models.effect import earlier
from agent.models.effect import models as effect
from agent.models.providers import configured
from agent.models.spend import note, spent_on
from agent.settings import Ceiling, ModelsSettings
from tests.models.conftest import MODELS, role_of
from tests.models.server import Format, fault, serving, text, tool

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BIG = {"input": 9_000, "output": 500, "read": 0, "write": 0}
Make = Callable[..., Models]


class Said(BaseModel):
    words: str


class File(BaseModel):
    path: str


READ = Reading("read-file", "Reads a file.", File, lambda given: given.path)
QUESTION = (Block(label="request", text="a bucket"),)


def call_of(**took: float | int | None) -> ModelCall:
    return ModelCall.model_validate({"role": "helper", "model": "anthropic:x", "prompt": "0", "outcome": "ok", **took})


shares = st.floats(0, 1)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    ceilings=st.tuples(st.integers(0, 400_000), st.floats(0, 8), st.floats(0, 900)),
    daily=st.tuples(st.integers(0, 400_000), st.floats(0, 8), st.floats(0, 900)),
    before=st.integers(0, 300_000),
    takes=st.lists(st.tuples(shares, shares, shares, shares), min_size=1, max_size=40),
)
def test_no_sequence_of_calls_passes_a_ceiling_by_more_than_one_calls_limit(
    ceilings: tuple[int, float, float],
    daily: tuple[int, float, float],
    before: int,
    takes: list[tuple[float, float, float, float]],
) -> None:
    role = role_of("anthropic:x", input_tokens=100_000, output_tokens=10_000, seconds=200, usd=2.0)
    made: list[ModelCall] = []
    budget = Budget(
        request=Ceiling(tokens=ceilings[0], usd=ceilings[1], seconds=ceilings[2]),
        day=Ceiling(tokens=daily[0], usd=daily[1], seconds=daily[2]),
        before=(call_of(input_tokens=before),),
        today=(call_of(seconds=before / 1_000, usd=before / 100_000),),
    )
    for read, written, waited, paid in takes:
        if budget.exhausted(made, role):
            break
        left = budget.left(made, role)
        assert left.input_tokens <= role.limits.input_tokens
        assert left.seconds <= role.limits.seconds
        # A call takes anything up to all that it is left.
        made.append(
            call_of(
                input_tokens=int(read * left.input_tokens), output_tokens=int(written * left.output_tokens),
                seconds=waited * left.seconds, usd=paid * left.usd,
            )
        )  # fmt: skip
    for (most_tokens, most_usd, most_seconds), spent in (
        (ceilings, (*budget.before, *made)),
        (daily, (*budget.today, *made)),
    ):
        earlier_ones = spent[:1]
        assert tokens(spent) <= max(most_tokens, tokens(earlier_ones)) + 110_000
        assert usd(spent) <= max(most_usd, usd(earlier_ones)) + 2.0
        waited_for = sum(one.seconds for one in spent)
        assert waited_for <= max(most_seconds, sum(one.seconds for one in earlier_ones)) + 200


@pytest.mark.parametrize("form", ["anthropic", "openai"])
def test_a_call_ends_when_its_tokens_or_its_price_are_spent(models: Make, form: Format) -> None:
    loop = [tool(form, "read-file", {"path": "x"}, usage=BIG)]
    for limits, requests in (({"input_tokens": 20_000}, 3), ({"output_tokens": 900}, 2), ({"usd": 0.004}, (1, 2))):
        with serving(loop) as server:
            answer = models({form: server}).ask(role_of(MODELS[form], **limits), QUESTION, Said, tools=(READ,))
        assert answer.outcome == "budget", limits
        allowed = requests if isinstance(requests, tuple) else (requests,)
        assert len(server.seen) in allowed, limits
        assert answer.calls[0].input_tokens == 9_000 * len(server.seen)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (
            Budget(request=Ceiling(tokens=100), before=(call_of(input_tokens=90, output_tokens=10),)),
            "100 of 100 tokens",
        ),
        (Budget(day=Ceiling(usd=1), today=(call_of(usd=1.5),)), "the budget of today is spent: 1.5 of 1 USD"),
        (Budget(request=Ceiling(seconds=0)), "0 of 0 seconds"),
    ],
)
def test_a_spent_budget_asks_nobody(models: Make, budget: Budget, said: str) -> None:
    with serving([text("anthropic", {"words": "done"})]) as server:
        answer = models({"anthropic": server}, budget=budget).ask(role_of(MODELS["anthropic"]), QUESTION, Said)
    assert (answer.outcome, answer.calls, server.seen) == ("budget", (), [])
    assert said in answer.reason


def test_failed_calls_count_and_a_second_model_is_not_asked_beyond_the_ceiling(models: Make) -> None:
    wrong = [text("anthropic", "no JSON", usage=BIG)]
    with serving(wrong) as first, serving([text("openai", {"words": "done"})]) as second:
        asked = models({"anthropic": first, "openai": second}, budget=Budget(request=Ceiling(tokens=20_000)))
        answer = asked.ask(role_of(MODELS["anthropic"], MODELS["openai"]), QUESTION, Said)
    assert answer.outcome == "budget"
    assert len(first.seen) == 3
    assert not second.seen
    assert tokens(answer.calls) == 28_500


def test_what_may_be_taken_is_said_before_and_what_was_taken_after(models: Make) -> None:
    heard: list[str] = []
    noted: list[ModelCall] = []
    with serving([text("anthropic", {"words": "done"})]) as server:
        asked = models({"anthropic": server}, tell=heard.append, note=noted.append)
        asked.ask(role_of(MODELS["anthropic"]), QUESTION, Said)
    assert heard[0] == (
        "helper: asks anthropic:claude-haiku-4-5: at most 4 requests, 200000 tokens in, 1000 out, 5 s, $2"
    )
    assert "ok, 1 requests, 150 tokens in, 40 of them from the cache, 20 out" in heard[1]
    assert noted == asked.calls


def test_the_calls_of_earlier_jobs_count(tmp_path: Path) -> None:
    write(tmp_path / "intent.json", Intent(summary="x", calls=(call_of(input_tokens=5),)))
    write(tmp_path / "change.json", ChangeSet(status="nothing", author="a", calls=(call_of(input_tokens=7),)))
    assert tokens(earlier(Documents(tmp_path))) == 12
    asked = _effect(tmp_path, {})
    assert asked.budget.exhausted((), role_of("x:y")) == ""
    assert asked.budget.before == earlier(Documents(tmp_path))


def test_the_spend_file_is_the_days_record_until_midnight_in_UTC(tmp_path: Path) -> None:
    path = tmp_path / "spend.jsonl"
    assert spent_on(path, NOON) == ()
    for at in (NOON - timedelta(days=1), NOON, NOON + timedelta(hours=11), NOON + timedelta(hours=12)):
        note(path, lambda at=at: at)(call_of(usd=0.25))  # type: ignore[misc]
    assert usd(spent_on(path, NOON)) == 0.5
    assert usd(spent_on(path, NOON + timedelta(days=1))) == 0.25
    asked = _effect(tmp_path, {"INFRA_AGENT_SPEND_FILE": str(path)}, day=Ceiling(usd=0.5))
    assert "the budget of today is spent" in asked.budget.exhausted((), role_of("x:y"))


@pytest.mark.parametrize("line", ["{", "{}", '{"at": "2026-03-01", "call": {}}', "\x00"])
def test_a_spend_file_that_cannot_be_read_stops(tmp_path: Path, line: str) -> None:
    path = tmp_path / "spend.jsonl"
    note(path, lambda: NOON)(call_of(usd=0.25))
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"INFRA_AGENT_SPEND_FILE: spend.jsonl:2: is no line"):
        spent_on(path, NOON)


def test_a_call_is_in_the_spend_file_even_when_it_failed(tmp_path: Path) -> None:
    path = tmp_path / "spend.jsonl"
    with serving([fault("anthropic", 401, "authentication_error")]) as server:
        asked = _effect(tmp_path, {"INFRA_AGENT_SPEND_FILE": str(path)}, given=server.environ("anthropic"))
        asked.ask(role_of(MODELS["anthropic"]), QUESTION, Said)
    assert [one.outcome for one in spent_on(path, NOON)] == ["unavailable"]


def _effect(
    folder: Path, environ: Mapping[str, str], *, given: Mapping[str, str] | None = None, day: Ceiling | None = None
) -> Models:
    return effect(
        configured(given or {}),
        environ=environ,
        settings=ModelsSettings(day=day or Ceiling()),
        documents=Documents(folder),
        clock=lambda: NOON,
        say=lambda line: None,
        budgets=Budgets(),
    )
