"""Recorded answers through the very author job: good ones pass, bad ones fail, and nothing of it is called a score."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.domain import ModelCall
from agent.errors import UserError
from agent.evals.case import load_cases
from agent.evals.cli import roles_of
from agent.evals.ground import Ground
from agent.evals.judge import Judged
from agent.evals.replay import Recording, load_recordings
from agent.evals.report import Answered, exit_code, report_of, text_of
from agent.evals.run import agrees, live, recorded
from agent.models.providers import configured
from agent.models.roles import load_roles
from tests.evals import recordings
from tests.evals.conftest import PROJECT
from tests.models.server import refusal, serving

CASES = load_cases(PROJECT / "evals" / "requests.yaml")
# What is wrong with its first draft only the provider's schema knows.
WITH_TERRAFORM = ("log-group-repaired",)
# What is wrong with these only a plan tells: by that check.
WITH_PLAN = {"retention-wrong": "attributes", "sessions-kept": "rego"}


def named(*names: str) -> list[Recording]:
    return [one for one in load_recordings(recordings.FOLDER) if one.name in names]


@pytest.fixture(scope="module")
def replayed(quick_place: Ground) -> dict[str, tuple[Recording, Answered]]:
    """Every recording with what came of it, by name."""
    replays = [one for one in load_recordings(recordings.FOLDER) if one.name not in WITH_TERRAFORM]
    answers = recorded(CASES, replays, quick_place, roles=load_roles(PROJECT))
    return {one.name: (one, answer) for one, answer in zip(replays, answers, strict=True)}


def wrong(answer: Answered) -> set[str]:
    return {one.check for one in answer.judged if one.passed is False}


def test_the_recordings_are_what_their_source_says() -> None:
    """After a change of an answer's form: `python -m tests.evals.recordings`."""
    kept = {path.name: path.read_text(encoding="utf-8") for path in recordings.FOLDER.glob("*.json")}
    assert kept == recordings.files()
    assert {one.source for one in load_recordings(recordings.FOLDER)} == {"written by hand"}


def test_every_request_has_an_answer_and_a_third_of_the_answers_are_bad() -> None:
    every = load_recordings(recordings.FOLDER)
    assert {one.case for one in every} == {case.id for case in CASES}
    assert all(one.about for one in every)
    assert {one.name for one in every if one.fails} == set(recordings.BAD)
    assert 3 * len(recordings.BAD) >= len(every)
    target = {case.id: case.target for case in CASES}
    for some in (recordings.GOOD, recordings.BAD):
        assert {target[one["case"]] for one in some.values()} == {"terraform", "ansible", "kubernetes"}
    # Nearly every check finds something somewhere, so that none can fall asleep.
    found = {check for one in every for check in one.fails}
    assert found >= {"ending", "units", "resources", "added", "somewhere", "nowhere", "lines", "attributes", "rego"}


def test_every_recording_gets_exactly_its_verdict(replayed: Mapping[str, tuple[Recording, Answered]]) -> None:
    assert len(replayed) == len(recordings.RECORDINGS) - len(WITH_TERRAFORM)
    expected = {
        name: (one.ending, one.drafts, set(one.fails) - {WITH_PLAN.get(name)}) for name, (one, _) in replayed.items()
    }
    assert {name: (one.ending, one.drafts, wrong(one)) for name, (_, one) in replayed.items()} == expected
    assert {name: one.as_recorded for name, (_, one) in replayed.items()} == {
        name: None if name in WITH_PLAN else True for name in replayed
    }
    assert not [one.unable for _, one in replayed.values() if one.unable]
    assert {name for name, (_, one) in replayed.items() if not one.passed} == set(recordings.BAD) - set(WITH_PLAN)
    for name, check in WITH_PLAN.items():
        assert (check, None) in {(one.check, one.passed) for one in replayed[name][1].judged}
    second = replayed["database-asked-by-the-second"][1]
    assert [(call.model.partition(":")[0], call.outcome) for call in second.calls] == [
        ("anthropic", "unavailable"), ("openai", "ok"),
    ]  # fmt: skip


def test_a_judge_without_eyes_is_caught(replayed: Mapping[str, tuple[Recording, Answered]]) -> None:
    """One that passes everything, one that fails everything, and one that leaves a check out."""
    for one, answer in replayed.values():
        blind = [judged.model_copy(update={"passed": True}) for judged in answer.judged]
        strict = [judged.model_copy(update={"passed": False}) for judged in answer.judged]
        sleeping = [judged for judged in answer.judged if judged.check not in one.fails]
        assert agrees(one, answer.model_copy(update={"judged": tuple(blind)})) is (not one.fails)
        assert agrees(one, answer.model_copy(update={"judged": tuple(strict)})) is (
            {judged.check for judged in answer.judged} == set(one.fails)
        )
        if one.fails and not set(one.fails) & {"rego"}:
            assert agrees(one, answer.model_copy(update={"judged": tuple(sleeping)})) is False
        assert agrees(one, answer.model_copy(update={"ending": "otherwise"})) is False
        assert agrees(one, answer.model_copy(update={"drafts": answer.drafts + 1})) is False


def test_a_replay_is_told_as_one_and_never_as_a_score(replayed: Mapping[str, tuple[Recording, Answered]]) -> None:
    report = report_of([one for _, one in replayed.values()], dataset="requests.yaml", recorded=True, repeats=1)
    text = text_of(report)
    assert f"RECORDED answers, {len(replayed)} written by hand." in text
    assert f"{len(replayed) - 2} of {len(replayed)} were judged as their recordings say." in text
    assert "2 could be judged in part only" in text
    assert "no score" in text
    assert "%" not in text
    assert (report.overall.passed, report.overall.first, set(report.means.values())) == (None, None, {None})
    assert not any(report.slices.values())
    assert report.cases == 48
    assert exit_code(report) == 2, "what could not be judged is no success"
    whole = [one for _, one in replayed.values() if not one.partly]
    assert exit_code(report_of(whole, dataset="requests.yaml", recorded=True, repeats=1)) == 0


@pytest.mark.slow
def test_what_only_the_provider_knows_is_mended(place: Ground, provider_mirror: Path) -> None:
    answers = recorded(CASES, named(*WITH_TERRAFORM), place, roles=load_roles(PROJECT))
    assert [(one.as_recorded, one.unable, one.ending, one.drafts) for one in answers] == [(True, "", "written", 2)]
    assert answers[0].passed


def test_a_judgement_against_the_recording_fails_the_run(place: Ground) -> None:
    good = named("replicas")[0].model_copy(update={"fails": ("lines",)})
    bad = named("memory-and-more")[0].model_copy(update={"fails": ()})
    answers = recorded(CASES, [good, bad], place, roles=load_roles(PROJECT))
    assert [one.as_recorded for one in answers] == [False, False]
    report = report_of(answers, dataset="d", recorded=True, repeats=1)
    assert exit_code(report) == 1
    assert "AGAINST ITS RECORDING" in text_of(report)
    wrong_end = named("database-asked")[0].model_copy(update={"ending": "refused"})
    assert [one.as_recorded for one in recorded(CASES, [wrong_end], place, roles=load_roles(PROJECT))] == [False]


def test_a_recording_that_does_not_fit_the_questions_is_no_judgement(place: Ground) -> None:
    short = named("replicas")[0]
    short = short.model_copy(update={"answers": short.answers[:2]})
    long = named("database-asked")[0]
    long = long.model_copy(update={"answers": long.answers * 2})
    answers = recorded(CASES, [short, long], place, roles=load_roles(PROJECT))
    assert "question 3" in answers[0].unable
    assert "1 recorded answers were not asked for" in answers[1].unable
    assert [one.as_recorded for one in answers] == [False, False]


def test_a_recording_of_no_case_is_refused(place: Ground) -> None:
    strange = named("replicas")[0].model_copy(update={"case": "no-such-case"})
    with pytest.raises(UserError, match="no-such-case"):
        recorded(CASES, [strange], place, roles={})
    other = named("replicas")[0].model_copy(update={"models": {"poet": ("openai:x",)}})
    with pytest.raises(UserError, match="poet: no such role"):
        recorded(CASES, [other], place, roles=load_roles(PROJECT))


def test_a_live_run_stops_at_its_price_and_says_what_was_not_asked(place: Ground) -> None:
    case = [one for one in CASES if one.id == "tf-ambiguous-database"]
    roles = roles_of(load_roles(PROJECT), ["anthropic:claude-haiku-4-5"])
    told: list[str] = []
    with serving([refusal("anthropic")]) as server:
        answers = live(
            case, place, providers=configured(server.environ("anthropic")), roles=roles, repeats=2, usd=0.0000001,
            tell=told.append,
        )  # fmt: skip
    assert [one.passed for one in answers] == [False, False]
    assert len(server.seen) == 1
    assert "budget" in answers[1].unable
    assert exit_code(report_of(answers, dataset="d", recorded=False, repeats=2)) == 2


def test_a_model_that_was_chosen_has_no_successor() -> None:
    roles = load_roles(PROJECT)
    every = roles_of(roles, ["openai:gpt-x"])
    assert {every[name].models for name in ("strategist", "author-ansible")} == {("openai:gpt-x",)}
    assert every["analyst"].models == roles["analyst"].models
    assert roles_of(roles, ["strategist=ollama:qwen3:8b"])["strategist"].models == ("ollama:qwen3:8b",)
    for wrong in ("gpt-x", "nobody=openai:x", "=openai:x"):
        with pytest.raises(UserError, match="--model"):
            roles_of(roles, [wrong])


def answered(
    case: str, *, passed: bool, drafts: int = 1, usd: float | None = 0.5, target: str = "terraform"
) -> Answered:
    call = ModelCall.model_validate({
        "role": "author-terraform", "model": "a:b", "prompt": "0", "outcome": "ok", "input_tokens": 10, "usd": usd,
    })  # fmt: skip
    return Answered(
        case=case, target=target, difficulty="easy", kind="new", passed=passed, drafts=drafts, calls=(call,),
        judged=(Judged(check="ending", passed=passed),),
    )  # fmt: skip


def test_a_report_counts_cases_and_not_repeats() -> None:
    answers = [answered("a", passed=True), answered("a", passed=False), answered("b", passed=True, drafts=2)]
    answers.append(Answered(case="c", target="ansible", difficulty="easy", kind="new", unable="no price left"))
    report = report_of(answers, dataset="d", recorded=False, repeats=2)
    assert report.cases == 2
    assert report.overall.passed is not None
    assert report.overall.first is not None
    assert (report.overall.passed.value, report.overall.passed.n) == (0.75, 2)
    assert report.overall.first.value == 0.25, "what was mended did not pass at first try"
    drafts = report.means["drafts"]
    assert drafts is not None
    assert drafts.value == 1.5
    assert set(report.slices["target"]) == {"terraform"}
    assert exit_code(report) == 2
    assert "75.0%" in text_of(report)
    assert "no price left" in text_of(report)


def test_an_unknown_price_is_said_and_never_free() -> None:
    text = text_of(report_of([answered("a", passed=True, usd=None)], dataset="d", recorded=False, repeats=1))
    assert "the price of 1 calls is not known" in text


@pytest.mark.parametrize("text", ["{", "{}", json.dumps({"case": "a", "source": "x", "answers": []})])
def test_a_recording_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"one\.json"):
        load_recordings(tmp_path)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--recorded"):
        load_recordings(tmp_path)
