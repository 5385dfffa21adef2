"""Documents: what is sound comes back equal, what is not is refused by name and field."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent.documents import Documents, parse, schema, write
from agent.domain import DOCUMENTS, Finding, Findings, Verdict
from agent.errors import UserError


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    findings = Findings(findings=(Finding(source="gate", rule="x", severity="low", message="é \u2028 \x00"),))
    write(tmp_path / "findings.json", findings)
    assert Documents(tmp_path).need(Findings) == findings


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"findings\.json: not in"):
        Documents(tmp_path).need(Findings)
    assert Documents(tmp_path).get(Findings) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "verdict.json: not JSON"),
        ("[1]", "verdict.json: must be a JSON object, got list"),
        ('{"version": 2, "status": "ready"}', "verdict.json: version 2 is not known"),
        ('{"version": "1", "status": "ready"}', "verdict.json: version '1' is not known"),
        ('{"version": true, "status": "ready"}', "verdict.json: version True is not known"),
        ('{"status": "fine"}', "verdict.json: status: Input should be"),
        ('{"status": "ready", "extra": 1}', "verdict.json: extra: Extra inputs"),
        ('{"status": "ready", "reasons": [1]}', "verdict.json: reasons.0: Input should be a valid string"),
        ("[" * 100_000, "verdict.json: not JSON"),
    ],
)
def test_a_malformed_document_is_refused_by_name_and_field(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(Verdict, text, source="verdict.json")
    assert said in str(refused.value)


def test_a_number_that_is_given_as_text_is_no_number() -> None:
    finding = '{"source": "x", "rule": "y", "severity": "low", "message": "z", "line": "3"}'
    with pytest.raises(UserError, match=r"findings\.0\.line: Input should be a valid integer"):
        parse(Findings, f'{{"findings": [{finding}]}}', source="findings.json")


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_makes_anything_but_a_document_or_a_refusal(text: str) -> None:
    with suppress(UserError):
        assert parse(Verdict, text, source="verdict.json").version == 1


def test_a_document_that_was_swapped_is_refused(tmp_path: Path) -> None:
    digest = write(tmp_path / "verdict.json", Verdict(status="blocked"))
    assert Documents(tmp_path, expected={"verdict": digest}).need(Verdict).status == "blocked"
    write(tmp_path / "verdict.json", Verdict(status="ready"))
    with pytest.raises(UserError, match="not the one that the job which wrote it announced"):
        Documents(tmp_path, expected={"verdict": digest}).need(Verdict)


def test_a_document_that_nobody_announced_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "verdict.json", Verdict(status="ready"))
    with pytest.raises(UserError, match="announced"):
        Documents(tmp_path, expected={}).need(Verdict)


def test_a_link_is_no_document(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.json", Verdict(status="ready"))
    (tmp_path / "verdict.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match="plain file"):
        Documents(tmp_path).need(Verdict)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_schema_is_sound_and_closed(name: str) -> None:
    made = schema(name)
    Draft202012Validator.check_schema(made)
    assert made["additionalProperties"] is False
    assert made["properties"]["version"] == {"const": 1, "default": 1, "title": "Version", "type": "integer"}


def test_a_schema_judges_like_the_program() -> None:
    judge = Draft202012Validator(schema("verdict"))
    assert judge.is_valid(json.loads(Verdict(status="ready").model_dump_json()))
    assert not judge.is_valid({"status": "fine"})


def test_an_unknown_schema_is_refused_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"nonsense: no such document; there are change, findings"):
        schema("nonsense")
