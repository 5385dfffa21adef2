"""What the free text says of a parameter is read or asked about, and never left to the default."""

import pytest

from agent.author.blueprint import write
from agent.author.catalog import load_blueprints
from agent.author.mentions import phrases_of
from agent.domain import ChangeSet, Intent
from tests.author.values import GUARDRAILS, SETTINGS, make_request

BLUEPRINTS = load_blueprints()
START = "I need a bucket named quarterly-numbers in dev for finance, please."


def author(body: str, *, title: str = "", answers: tuple[str, ...] = ()) -> tuple[Intent, ChangeSet]:
    return write(
        make_request(body, title=title, answers=answers),
        settings=SETTINGS, guardrails=GUARDRAILS, blueprints=BLUEPRINTS, existing={},
    )  # fmt: skip


def asked(body: str, **more: str) -> dict[str, str]:
    return {one.field: one.suggestion for one in author(body, **more)[0].questions}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("No versioning.", False),
        ("Without versioning, please", False),
        ("without any object versioning", False),
        ("Versioning off.", False),
        ("and versioning: disabled", False),
        ("versioning should be turned off", False),
        ("that is, versioning = false", False),
        ("No access control lists, no versioning", False),
        ("Please make it un-versioned. No-versioning.", None),
        ("an unversioned bucket", False),
        ("not versioned", False),
        ("don\u2019t use versioning", None),
        ("With versioning.", True),
        ("versioning on", True),
        ("Versioning enabled, thanks", True),
        ("a versioned bucket", True),
        ("Enable versioning", True),
        ("versioning", None),
        ("versionings", None),
        ("I do not want it with versioning.", None),
        ("Do not:\n- enable logs\n- enable versioning\n", None),
        ("Do not\nenable versioning", None),
        ("- [ ] versioning enabled", None),
        ("~~versioning enabled~~", None),
        ("not without versioning", None),
        ("without versioning we lose data", None),
        ("with or without versioning", None),
        ("versioning on the bucket is a question", None),
        ("With versioning. No versioning.", None),
        ("Versioning? No versioning.", None),
        ("versioning enabled unless it is dear", None),
        ("```\nno versioning at all, ever\n```", None),
        ("Please: versioning is not what we want", None),
        ("x" * 400 + " with versioning", None),
    ],
)
def test_a_boolean_that_the_text_mentions_is_read_or_asked_about(text: str, value: bool | None) -> None:
    intent, change = author(f"{START}\n\n{text}")
    assert not any(one.startswith("versioning") for one in intent.assumptions)
    if value is None:
        assert [one.field for one in intent.questions] == ["versioning"]
        assert change.files == ()
    else:
        assert intent.questions == ()
        assert intent.actions[0].parameters["versioning"] is value
        assert any(one.startswith(f"versioning: {str(value).lower()}, from ") for one in intent.readings)


def test_the_strangers_request_is_not_versioned_and_its_readme_does_not_say_so() -> None:
    intent, change = author(f"{START} No versioning.")
    assert intent.actions[0].parameters["versioning"] is False
    assert intent.readings[:3] == ("environment dev", "name quarterly-numbers", "versioning: false, from 'versioning'")
    assert all(one.endswith("(default)") for one in intent.assumptions)
    assert 'status = "Disabled"' in (change.files[1].content or "")
    assert "versioned" not in (change.files[0].content or "")


@pytest.mark.parametrize(
    ("text", "field", "suggestion"),
    [
        ("No encryption.", "encryption", "sse-s3"),
        ("unencrypted", "encryption", "sse-s3"),
        ("Send the access logs to central.", "log_bucket", ""),
        ("with a log-bucket", "log_bucket", ""),
        ("our KMS keys", "kms_key_arn", ""),
        ("kmsKeyArn is ours", "kms_key_arn", ""),
        ("TLS_only would be good", "tls_only", "true"),
        ("keep noncurrent-days at 5", "noncurrent_days", "0"),
    ],
)
def test_every_spelling_of_any_parameter_is_asked_about(text: str, field: str, suggestion: str) -> None:
    start = f"{START}\n\nblueprint: s3-bucket"
    assert asked(f"{start}\n\n{text}") == {field: suggestion}
    assert asked(start, title=text) == {field: suggestion}


def test_an_answer_settles_it_and_an_empty_one_where_there_is_nothing_to_suggest() -> None:
    text = f"{START} Something about versioning and access logs."
    assert set(asked(text)) == {"versioning", "log_bucket"}
    intent, _ = author(text, answers=("versioning: false\nlog_bucket:",))
    assert intent.questions == ()
    assert intent.actions[0].parameters["versioning"] is False
    assert "versioning" in asked(START, answers=("name: other-numbers\nno idea about versioning",))  # type: ignore[arg-type]


def test_a_name_is_no_mention_and_what_is_set_is_not_asked_about() -> None:
    assert asked("A bucket named versioning-access-logs in dev") == {}
    assert asked(f"{START} Versioning matters.\n\nversioning: true") == {}


@pytest.mark.parametrize("name", sorted(BLUEPRINTS))
def test_a_description_promises_nothing_that_a_parameter_turns_off(name: str) -> None:
    blueprint = BLUEPRINTS[name]
    flags = {key: rule for key, rule in blueprint.properties.items() if rule["type"] == "boolean"}
    said = blueprint.description.lower().replace("-", " ")
    assert [word for key, rule in flags.items() for word in phrases_of(key, rule) if word in said] == []
