"""The seeded set is sound, and its scorer tells a good reviewer from a mute, a blind and a made-up one."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from agent.author.analyst import Point, grounded
from agent.domain import Review
from agent.errors import UserError
from agent.evals.seeded import DISGUISES, SEEDS, TWIN, Seeded, ask, cases, judge, load_seeds, score
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
    assert (made.recall.value, made.recall.n, made.phantom.value, made.alarms.value) == (1.0, 300, 0.0, 0.0)
    assert set(made.by_disguise) == set(DISGUISES)


def test_who_says_nothing_finds_nothing_and_who_makes_things_up_is_counted() -> None:
    mute = score([judge(case, said(case, [])) for case in EVERY])
    assert mute.recall is not None
    assert (mute.recall.value, mute.phantom) == (0.0, None)
    liar = score([judge(case, said(case, [point("infra/terraform/x/main.tf", "no such line")])) for case in EVERY])
    assert liar.phantom is not None
    assert liar.recall is not None
    assert (liar.recall.value, liar.phantom.value) == (0.0, 1.0)


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
