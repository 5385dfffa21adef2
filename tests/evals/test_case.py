"""Datasets: ours says what it must, those of others are read as far as they mean something here."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from agent.errors import UserError
from agent.evals.case import load_cases
from agent.evals.policy import unreadable
from agent.evals.things import UNKNOWN, at, things_of
from agent.tools import Tools, allowed
from tests.evals.conftest import PROJECT

TOOLS = Tools(environment=allowed(os.environ))
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
    assert told == [f"{file}: not used: Reference (line 1)"]


def test_rows_of_iac_eval_are_read_with_an_id(tmp_path: Path) -> None:
    """Its columns have other names, and six levels of difficulty."""
    file = tmp_path / "theirs.jsonl"
    policy = "package a\n\ndefault is_valid := false\n\nis_valid {\n\tinput.x\n}\n"
    rows = [
        {
            "id": level,
            "Resource": "aws_vpc",
            "Prompt": "A VPC.",
            "Rego intent": policy,
            "Difficulty": level,
            "Intent": None,
        }
        for level in (1, 4, 6)
    ]
    # As other tools write it: a mark in front, other line ends, a character that ends a line elsewhere.
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
    told: list[str] = []
    cases = load_cases(file, tell=told.append, unreadable=lambda policies: unreadable(policies, tools=TOOLS))
    assert [(one.id, one.difficulty, one.prompt, one.rego) for one in cases] == [
        ("1", "easy", "A VPC.", policy), ("4", "ordinary", "A VPC.", policy), ("6", "hard", "A VPC.", policy),
    ]  # fmt: skip
    assert told == [f"{file}: not used: Intent (line 1), Resource (line 1)"]
    file.write_text('{"id": "a", "prompt": "one\u2028two"}', encoding="utf-8")
    assert load_cases(file)[0].prompt == "one\u2028two"


def test_our_own_policies_can_be_read() -> None:
    assert load_cases(OURS, unreadable=lambda policies: unreadable(policies, tools=TOOLS))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "{", "a.jsonl:1: not JSON"),
        ("a.jsonl", "[]", "a.jsonl:1: must be an object"),
        ("a.jsonl", '{"id": "a"}', "a.jsonl:1: prompt: must be a text"),
        ("a.jsonl", '{"id": "a", "prompt": " "}', "a.jsonl:1: prompt: must be a text"),
        ("a.jsonl", '{"id": "a", "prompt": ["x"]}', "a.jsonl:1: prompt: must be a text"),
        ("a.jsonl", '{"id": "b", "prompt": "x"}\n{"prompt": "x"}', "a.jsonl:2: id: Field required"),
        ("a.jsonl", '{"id": true, "prompt": "x"}', "a.jsonl:1: id:"),
        (
            "a.jsonl",
            f'{{"id": "a", "prompt": "{"x" * 5_000_000}"}}',
            "a.jsonl:1 (a): prompt: String should have at most",
        ),
        ("a.jsonl", '{"id": "a", "id": "b", "prompt": "x"}', "a.jsonl:1: not JSON: id is there twice"),
        ("a.jsonl", '{"id": "a", "prompt": "x", "y": NaN}', "a.jsonl:1: not JSON: NaN is no number"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: not JSON"),
        ("a.jsonl", '{"id": "a", "prompt": "x", "difficulty": 7}', "a.jsonl:1 (a): difficulty"),
        ("a.jsonl", '{"id": "a", "prompt": "x", "rego": ["x"]}', "a.jsonl:1 (a): rego"),
        (
            "a.jsonl",
            '{"id": "a", "prompt": "x"}\n{"id": "b", "prompt": "x", "rego": "deny"}',
            "a.jsonl:2 (b): rego: the",
        ),
        (
            "a.jsonl",
            '{"id": "a", "prompt": "x", "rego": "package a\\ndeny[m] { m := 1 }"}\n'
            '{"id": "b", "prompt": "x", "rego": "package a\\ndeny[m] { ((( }"}',
            "a.jsonl:2 (b): rego: the case's policy cannot be read",
        ),
        ("a.jsonl", '{"id": "a b", "prompt": "x"}', "(a b): id"),
        (
            "a.jsonl",
            '{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}',
            "a.jsonl:2 (a): a is there twice, first at",
        ),
        ("a.jsonl", "", "holds no case"),
        ("a.yaml", "a: [", "not YAML"),
        ("a.yaml", "a: 1", "must be a list"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {nowhere: ['(']}}", "expect.nowhere.0"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {nowehere: [x]}}", "expect.nowehere"),
        ("a.yaml", "- {id: a, title: t, prompt: p, expect: {attributes: [{type: x, path: y}]}}", "exactly one of"),
    ],
    ids=lambda value: value[:60],
)
def test_a_dataset_that_is_wrong_is_refused_by_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_cases(tmp_path / name, unreadable=lambda policies: unreadable(policies, tools=TOOLS))
    assert said in str(error.value)
    assert len(str(error.value)) < 600


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
