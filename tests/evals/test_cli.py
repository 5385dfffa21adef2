"""`infra-agent eval` over HTTP: what it prints, writes and ends with, and what it refuses before it asks anybody."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from agent.errors import UserError
from agent.evals.cli import Options, dataset_of, run_eval
from agent.models.providers import Providers, configured
from agent.settings import Settings
from agent.tools import Tools
from tests.evals import recordings, terraform_files
from tests.evals.conftest import PROJECT
from tests.models.server import KEY, serving, text


def no_cloud(_: Settings) -> AbstractContextManager[Mapping[str, str]]:
    return nullcontext({})


def evaluated(options: Options, *, tools: Tools, providers: Providers | None = None) -> tuple[str, int, list[str]]:
    told: list[str] = []
    said, code = run_eval(
        options, root=PROJECT, providers=providers or Providers(), tools=tools, pythons={}, mirror="", cloud=no_cloud,
        tell=told.append,
    )  # fmt: skip
    return said, code, told


def test_a_live_run_prints_rates_and_writes_every_answer_without_the_key(tools: Tools, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    options = Options(
        models=("anthropic:claude-haiku-4-5",), only=("tf-ambiguous-database", "tf-ambiguous-faster"), repeats=2,
        json_file=out, quick=True,
    )  # fmt: skip
    with serving([text("anthropic", terraform_files.DATABASE)]) as server:
        said, code, told = evaluated(options, tools=tools, providers=configured(server.environ("anthropic")))
    assert code == 0
    assert "100.0%  (34.2% to 100.0%, 2 cases)" in said
    assert "RECORDED" not in said
    assert len(server.seen) == 4
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [one["passed"] for one in written["answers"]] == [True] * 4
    assert written["recorded"] is False
    assert KEY not in f"{said}{told}{out.read_text(encoding='utf-8')}"


def test_the_analyst_is_measured_by_what_it_says_of_what_is_wrong(tools: Tools, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    seeds = PROJECT / "evals" / "analyst" / "seeds.yaml"
    from agent.evals.seeded import cases, load_seeds

    seed = load_seeds(seeds)[0]
    every = cases([seed])
    plain = next(case for case in every if case.disguise == "plain")
    wrong = (plain.change.files[0].content or "").splitlines()[plain.wrong[0] - 1]

    def points(*quotes: str) -> dict[str, Any]:
        point = {"topic": "security", "severity": "high", "message": "wrong", "path": plain.path, "address": ""}
        return {"points": [{**point, "quote": quote} for quote in quotes]}

    options = Options(models=("anthropic:claude-haiku-4-5",), only=(seed.id,), json_file=out, analyst=True)
    results = {}
    for name, answer in {
        "finds": points(wrong.strip()),
        "makes up": points("no such line here"),
        "blind": points(),
    }.items():
        with serving([text("anthropic", answer)]) as server:
            said, code, _ = evaluated(options, tools=tools, providers=configured(server.environ("anthropic")))
        made = json.loads(out.read_text(encoding="utf-8"))["score"]
        results[name] = (made["recall"]["value"], made["phantom"] and made["phantom"]["value"], code)
        assert "rested on nothing" in said
        assert ("it reaches what a release is held to" in said) is (name == "finds")
        assert len(server.seen) == len(every)
    assert results["finds"][0] == 1.0
    assert results["makes up"] == (0.0, 1.0, 0)
    assert results["blind"] == (0.0, None, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(), "strategist: none of its models"),
        (Options(analyst=True), "analyst: none of its models"),
        (Options(only=("no-such",)), "--only: no-such"),
        (Options(dataset=Path("/nowhere.yaml")), "--dataset"),
        (Options(models=("x",)), "--model: x"),
        (Options(recorded=recordings.FOLDER, repeats=2), "--repeat"),
        (Options(recorded=recordings.FOLDER, analyst=True), "--analyst"),
        (Options(recorded=Path("/nowhere")), "--recorded"),
        (Options(recorded=recordings.FOLDER, record=Path("/nowhere")), "--record: keeps what models answer"),
        (Options(record=Path("/nowhere"), analyst=True), "neither --recorded nor --record"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_next_step(options: Options, said: str, tools: Tools) -> None:
    with pytest.raises(UserError) as error:
        evaluated(options, tools=tools)
    assert said in str(error.value)


def test_an_installed_package_says_which_dataset_to_name(tools: Tools, tmp_path: Path) -> None:
    for ours, what in (
        (tmp_path / "evals" / "requests.yaml", "requests"),
        (tmp_path / "analyst" / "seeds.yaml", "changes"),
    ):
        with pytest.raises(
            UserError, match=f"--dataset: this installation brings no .*{ours.name}; name a file of {what}"
        ):
            dataset_of(None, ours, f"{what} of any kind")
    assert dataset_of(Path("mine.jsonl"), tmp_path / "none.yaml", "requests") == Path("mine.jsonl")


def test_a_run_that_is_recorded_can_be_replayed(tools: Tools, tmp_path: Path) -> None:
    options = Options(
        models=("anthropic:claude-haiku-4-5",), only=("tf-ambiguous-database",), repeats=2, quick=True,
        record=tmp_path / "kept",
    )  # fmt: skip
    with serving([text("anthropic", terraform_files.DATABASE)]) as server:
        _, code, _ = evaluated(options, tools=tools, providers=configured(server.environ("anthropic")))
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "tf-ambiguous-database-1.json", "tf-ambiguous-database-2.json",
    ]  # fmt: skip
    said, code, _ = evaluated(Options(recorded=tmp_path / "kept", quick=True), tools=tools)
    assert code == 0
    assert "RECORDED answers, 2 recorded from anthropic:claude-haiku-4-5." in said
    assert "%" not in said
