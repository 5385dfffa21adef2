"""Datasets: ours says what it must, those of others are read as far as they mean something here."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from agent.errors import UserError
from agent.evals.case import load_cases
from agent.evals.things import UNKNOWN, at, things_of
from tests.evals.conftest import PROJECT

OURS = PROJECT / "evals" / "requests.yaml"


def test_our_dataset_covers_targets_difficulties_and_kinds() -> None:
    cases = load_cases(OURS)
    assert len(cases) >= 40
    for target in ("terraform", "ansible", "kubernetes"):
        mine = [case for case in cases if case.target == target]
        assert {case.difficulty for case in mine} == {"easy", "ordinary", "hard"}
        assert {case.kind for case in mine} == {"new", "edit", "multi", "ambiguous", "forbidden", "malicious"}


def test_every_expectation_names_what_stands() -> None:
    """A line that may go is there, and a unit that is edited stands: else the expectation would expect nothing."""
    standing = PROJECT / "evals" / "repository"
    for case in load_cases(OURS):
        for path, patterns in (case.expect.lines or {}).items():
            assert (standing / path).is_file(), f"{case.id}: {path}"
            assert path.startswith(tuple(f"{unit}/" for unit in case.expect.units)), f"{case.id}: {path}"
            text = (standing / path).read_text(encoding="utf-8").splitlines()
            for pattern in patterns:
                assert any(re.search(pattern, line) for line in text), f"{case.id}: {pattern}"
        for unit in case.expect.units:
            stands = (standing / unit).is_dir()
            assert not (case.kind == "new" and stands), f"{case.id}: {unit} stands already"
            assert stands or case.kind != "edit", f"{case.id}: {unit} does not stand"
        if "written" in case.expect.endings:
            assert case.expect.units, f"{case.id}: says not where"
            judged = case.expect.model_dump(exclude_defaults=True).keys() - {"units", "endings"}
            assert judged, f"{case.id}: would pass whatever is written"


def test_json_lines_of_others_are_read_and_what_is_not_used_is_told(tmp_path: Path) -> None:
    file = tmp_path / "their.jsonl"
    lines = [
        {"id": 7, "prompt": "An S3 bucket.\nPrivate.", "rego": "package x", "Reference": "…", "target": None},
        {"id": "b", "prompt": "x", "difficulty": "hard"},
    ]
    file.write_text("\n\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    told: list[str] = []
    first, second = load_cases(file, tell=told.append)
    assert (first.id, first.title, first.rego) == ("7", "An S3 bucket.", "package x")
    assert first.kind == "external"
    assert first.expect.lines is None
    assert second.difficulty == "hard"
    assert told == [f"{file}: not used: Reference"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{", "a.jsonl:1: not JSON"),
        ("a.jsonl", "[]", "a.jsonl:1: must be an object"),
        ("a.jsonl", '{"id": "a"}', "a.jsonl:1 (a): title"),
        ("a.jsonl", '{"id": "a b", "prompt": "x"}', "(a b): id"),
        ("a.jsonl", '{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}', "a is there twice"),
        ("a.jsonl", "", "holds no case"),
        ("a.yaml", "a: [", "not YAML"),
        ("a.yaml", "a: 1", "must be a list"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {nowhere: ['(']}}", "expect.nowhere.0"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {nowehere: [x]}}", "expect.nowehere"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {attributes: [{type: x, path: y}]}}", "exactly one of"),
    ],
)
def test_a_dataset_that_is_wrong_is_refused_by_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_cases(tmp_path / name)
    assert said in str(error.value)


def test_a_dataset_that_is_not_there_says_what_to_name() -> None:
    with pytest.raises(UserError, match="--dataset"):
        load_cases(Path("/nowhere/requests.yaml"))


def test_things_of_the_three_targets() -> None:
    standing = PROJECT / "evals" / "repository"
    texts = {
        path.relative_to(standing).as_posix(): path.read_text(encoding="utf-8")
        for path in standing.rglob("*")
        if path.is_file()
    }
    tf = things_of(texts, ["infra/terraform/dev/archive"], "terraform")
    assert Counter(one.type for one in tf)["aws_s3_bucket"] == 1
    letters = next(one for one in tf if one.type == "aws_s3_bucket")
    assert at(letters.values, "tags.Owner") == ["mail-room"]
    rule = next(one for one in tf if one.type == "aws_s3_bucket_lifecycle_configuration")
    assert at(rule.values, "rule.noncurrent_version_expiration.noncurrent_days") == [UNKNOWN]
    web = things_of(texts, ["infra/ansible/web"], "ansible")
    assert [one.name for one in web if one.type == "play"] == ["Web servers of the intranet"]
    apt = next(one for one in web if one.type == "ansible.builtin.apt")
    assert at(apt.values, "state") == ["present"]
    shop = things_of(texts, ["infra/kubernetes/dev/shop"], "kubernetes")
    assert sorted(one.type for one in shop) == ["Deployment", "Service"]
    limits = "spec.template.spec.containers.*.resources.limits.memory"
    assert at(next(one for one in shop if one.type == "Deployment").values, limits) == ["256Mi"]
