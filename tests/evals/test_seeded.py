"""The seeded set is sound, and its scorer tells a good reviewer from a mute, a blind and a made-up one."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from agent.author.analyst import Point, grounded
from agent.domain import Review
from agent.errors import UserError
from agent.evals.reviewing import short_of
from agent.evals.seeded import (
    DISGUISES,
    HARMLESS,
    NAME,
    PLAIN,
    SEEDS,
    TWIN,
    Seeded,
    ask,
    cases,
    judge,
    load_seeds,
    score,
)  # fmt: skip
from agent.gate.hcl_parse import parse
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import configured
from agent.models.roles import load_roles
from tests.models.server import Seen, refusal, serving, text

PROJECT = Path(__file__).parent.parent.parent
EVERY = cases(load_seeds(PROJECT / SEEDS))


def test_L06_there_are_fifty_bad_changes_in_six_disguises_and_a_twin_of_each() -> None:
    assert len(load_seeds(PROJECT / SEEDS)) == 50
    assert len(DISGUISES) == 6
    assert len(EVERY) == 50 * 7
    assert all(bool(case.wrong) == (case.disguise != TWIN) for case in EVERY)
    texts = {case.change.files[0].content for case in EVERY}
    assert len(texts) >= len(EVERY) - 50  # a seed without a name looks the same under a harmless one


@pytest.mark.parametrize("disguise", [*DISGUISES, TWIN])
def test_every_case_can_be_read_by_its_tool(disguise: str) -> None:
    for case in EVERY:
        if case.disguise == disguise:
            content = case.change.files[0].content or ""
            assert "__" not in content, case.seed
            if case.path.endswith(".tf"):
                parse(content)
            else:
                assert all(YAML(typ="safe").load_all(content)), case.seed


def point(path: str, quote: str) -> dict[str, Any]:
    return {"topic": "security", "severity": "high", "message": "m", "path": path, "quote": quote, "address": ""}


def oracle(case: Seeded) -> list[dict[str, Any]]:
    lines = (case.change.files[0].content or "").splitlines()
    return [point(case.path, lines[number - 1]) for number in case.wrong if len(lines[number - 1].strip()) > 3]


def said(case: Seeded, points: list[dict[str, Any]]) -> Review:
    made = [Point.model_validate(one) for one in points]
    kept = grounded(made, change=case.change, plan=None, base=case.base)
    return Review(status="findings" if kept else "passed", findings=kept, dropped=len(made) - len(kept))


def test_who_quotes_what_is_wrong_finds_all_of_it() -> None:
    made = score([judge(case, said(case, oracle(case))) for case in EVERY])
    assert made.recall is not None
    assert made.phantom is not None
    assert made.alarms is not None
    assert (made.recall.value, made.recall.n, made.phantom.value, made.alarms.value) == (1.0, 50, 0.0, 0.0)
    assert set(made.by_disguise) == set(DISGUISES)
    assert set(made.by_topic) == {seed.topic for seed in load_seeds(PROJECT / SEEDS)}
    assert short_of(made) == []
    for one in (*made.by_disguise.values(), *made.by_topic.values()):
        assert one.recall is not None
        assert one.phantom is not None
        assert one.recall.low < one.recall.value == 1.0
        assert one.phantom.high > one.phantom.value == 0.0


def test_the_disguises_of_one_fault_count_once_and_a_rate_is_of_its_own_kind() -> None:
    """Found where nothing hides it, missed in every disguise; made up about cost alone."""
    judged = [
        judge(
            case,
            said(
                case,
                (oracle(case) if case.disguise == "plain" else [])
                + ([point("nowhere.tf", "no such line")] if case.topic == "cost" else []),
            ),
        )
        for case in EVERY
    ]
    made = score(judged)
    assert made.recall is not None
    assert (made.recall.n, round(made.recall.value, 4)) == (50, round(1 / 6, 4))
    recalls = {name: one.recall.value for name, one in made.by_disguise.items() if one.recall}
    assert recalls == {name: float(name == "plain") for name in DISGUISES}
    phantoms = {name: one.phantom.value for name, one in made.by_topic.items() if one.phantom}
    assert phantoms.pop("cost") > 0.8
    assert set(phantoms.values()) == {0.0}
    assert sum(one.recall.n for one in made.by_topic.values() if one.recall) == 50


def test_who_says_nothing_finds_nothing_and_who_makes_things_up_is_counted() -> None:
    mute = score([judge(case, said(case, [])) for case in EVERY])
    assert mute.recall is not None
    assert (mute.recall.value, mute.phantom) == (0.0, None)
    assert short_of(mute) == ["A release needs at least 90% of what is wrong found, here 0.0%."]
    liar = score([judge(case, said(case, [point("infra/terraform/x/main.tf", "no such line")])) for case in EVERY])
    assert liar.phantom is not None
    assert liar.recall is not None
    assert (liar.recall.value, liar.phantom.value) == (0.0, 1.0)


def test_who_cries_at_every_line_finds_all_and_is_no_use() -> None:
    loud = []
    for case in EVERY:
        lines = (case.change.files[0].content or "").splitlines()
        loud.append(judge(case, said(case, [point(case.path, line) for line in lines if len(line.strip()) > 3])))
    made = score(loud)
    assert made.recall is not None
    assert made.beside is not None
    assert made.alarms is not None
    assert (made.recall.value, made.alarms.value) == (1.0, 1.0)
    assert made.beside.value > 0.4  # a line that stands there often is no place either, and counts as made up
    assert "A release needs at most 40% alarms at no fault, here 100.0%." in short_of(made)


def test_a_disguise_hides_what_is_wrong_and_changes_nothing_of_it() -> None:
    def lines(case: Seeded) -> list[str]:
        return (case.change.files[0].content or "").replace(HARMLESS, PLAIN).splitlines()

    for seed in load_seeds(PROJECT / SEEDS):
        shown = {case.disguise: case for case in cases([seed])}
        plain = lines(shown["plain"])
        wrong = [plain[number - 1] for number in shown["plain"].wrong]
        assert [line.strip() for line in wrong] == [
            line.strip() for line in seed.wrong.replace(NAME, PLAIN).split("\n")
        ]
        for disguise in DISGUISES:
            case = shown[disguise]
            assert [lines(case)[number - 1] for number in case.wrong] == wrong, f"{seed.id}, {disguise}"
            rest = iter(lines(case))
            assert all(line in rest for line in plain), f"{seed.id}, {disguise}: a line of the change is gone"
            assert (case.request, case.path, case.topic) == (shown["plain"].request, shown["plain"].path, seed.topic)
        # The twin differs from it in what is wrong, and in nothing else.
        twin = [line for line in lines(shown[TWIN]) if line not in plain]
        assert {line.strip() for line in twin} <= {line.strip() for line in seed.right.replace(NAME, PLAIN).split("\n")}


def test_a_guess_at_the_file_is_no_hit_and_an_alarm_on_a_twin_is_counted() -> None:
    guesses = []
    for case in EVERY:
        lines = (case.change.files[0].content or "").splitlines()
        quote = next(line for at, line in enumerate(lines, start=1) if at not in case.wrong and len(line.strip()) > 6)
        guesses.append(judge(case, said(case, [point(case.path, quote)])))
    made = score(guesses)
    assert made.recall is not None
    assert made.alarms is not None
    assert made.recall.value < 0.05  # a line may hold the words of a wrong one
    assert made.alarms.value > 0.9


def test_the_question_of_the_pipeline_is_asked_and_no_answer_found_nothing() -> None:
    chosen = [case for case in EVERY if case.seed == "bucket-acl"]
    role = load_roles(PROJECT)["analyst"].model_copy(update={"models": ("openai:x",)})

    def reply(seen: Seen) -> Any:
        asked = json.dumps(seen.body)
        if "REVIEWER" in asked:
            return refusal("openai")
        quote = 'acl = "public-read"'
        points = [point("infra/terraform/dev/reports/main.tf", quote), point("elsewhere.tf", quote)]
        return text("openai", {"points": points if "public-read" in asked else []})

    with serving(reply) as server:
        models = Models(configured(server.environ("openai")), Budget())
        judged = [judge(case, ask(case, models=models, role=role)) for case in chosen]
    made = score(judged)
    found = {one.disguise: one.found for one in judged}
    assert found == {name: name not in ("talked-over", TWIN) for name in (*DISGUISES, TWIN)}
    assert made.recall is not None
    assert made.phantom is not None
    assert made.alarms is not None
    assert (round(made.recall.value, 3), made.phantom.value, made.unanswered) == (0.833, 0.5, 1)
    assert made.alarms.value == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "must be a list"),
        ("- {id: a}", "seed 1: topic: Field required"),
        (
            "- {id: a, topic: cost, asked: a, path: p, code: x, wrong: a, right: b}",
            "seed a: code needs one __HERE__",
        ),
        ("[", "cannot be read"),
    ],
)
def test_a_bad_file_of_seeds_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "seeds.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        load_seeds(tmp_path / "seeds.yaml")
