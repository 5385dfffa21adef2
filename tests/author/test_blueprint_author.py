"""Requests as people write them -> what is written, and what is asked."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.author.blueprint import write
from agent.author.catalog import load_blueprints
from agent.domain import ChangeSet, Intent, Question
from tests.author.values import GUARDRAILS, SETTINGS, make_request

BLUEPRINTS = load_blueprints()
FORM = {"what": "A bucket", "environment": "dev", "blueprint": "s3-bucket", "parameters": "name: team-reports"}


def author(body: str = "", *, existing: dict[str, str] | None = None, **more: Any) -> tuple[Intent, ChangeSet]:
    return write(
        make_request(body, **more),
        settings=SETTINGS,
        guardrails=GUARDRAILS,
        blueprints=BLUEPRINTS,
        existing=existing or {},
    )


def questions(body: str = "", **more: Any) -> dict[str, Question]:
    """Questions by field; that nothing is written along with them is checked here."""
    intent, change = author(body, **more)
    assert (change.status == "needs-info") == bool(intent.questions)
    assert not intent.questions or (change.files == () and change.scope is None)
    return {question.field: question for question in intent.questions}


def form(**changed: str) -> dict[str, str]:
    return {**FORM, **changed}


def test_a_form_gives_a_unit() -> None:
    intent, change = author(fields=FORM)
    assert intent.summary == "Create the private S3 bucket team-reports in dev."
    assert (intent.environment, intent.blueprint, intent.risk, intent.target) == (
        "dev",
        "s3-bucket",
        "medium",
        "terraform",
    )
    assert intent.actions[0].verb == "create"
    assert "encryption: sse-s3 (default)" in intent.assumptions
    unit = "infra/terraform/dev/team-reports"
    assert [file.path for file in change.files] == [
        f"{unit}/README.md", f"{unit}/main.tf", f"{unit}/outputs.tf", f"{unit}/probes.yaml",
    ]  # fmt: skip
    assert change.scope is not None
    assert change.scope.types["aws_s3_bucket"] == ("create",)
    assert (change.scope.max_creates, change.scope.max_destroys, change.scope.units) == (5, 0, (unit,))
    assert change.rollback
    assert "issue #7" in (change.files[0].content or "")


def test_the_same_request_gives_the_same_bytes() -> None:
    assert author(fields=FORM) == author(fields=FORM)


def test_free_text_is_enough() -> None:
    intent, change = author("Please create a private bucket called team-reports in development.", title="Storage")
    assert (change.status, intent.environment, intent.blueprint) == ("written", "dev", "s3-bucket")
    assert intent.readings == ("environment dev", "name team-reports", "blueprint s3-bucket: the best fit for the text")
    assert all(assumed.endswith(" (default)") for assumed in intent.assumptions)


def test_the_last_answer_wins() -> None:
    _, change = author(
        fields=form(parameters="Name: My_Bucket!"),
        answers=["name: first", "please hurry", "name: second", "environment: prod", "```yaml\nversioning: no\n```"],
    )
    assert change.units == ("infra/terraform/prod/second",)
    assert 'status = "Disabled"' in (change.files[1].content or "")


@pytest.mark.parametrize("answer", ["dev", "environment: dev", "`dev`", "- environment: dev", "Environment = dev"])
def test_an_answer_may_be_the_environment(answer: str) -> None:
    assert "environment" not in questions(fields=form(environment=""), answers=[answer])


@pytest.mark.parametrize("answer", ["s3-bucket", "blueprint: s3-bucket", "golden path: S3 bucket"])
def test_an_answer_may_be_the_blueprint(answer: str) -> None:
    assert questions(fields=form(blueprint="Let the agent choose", what="x"), answers=[answer]) == {}


def test_an_answer_that_cannot_be_read_is_asked_about() -> None:
    assert "parameters" in questions(fields=FORM, answers=["make it nicer"])


def test_an_answer_takes_a_parameter_back() -> None:
    fields = form(parameters="name: team-reports\nsizee: 3")
    assert set(questions(fields=fields)) == {"sizee"}
    assert questions(fields=fields, answers=["sizee:"]) == {}


@pytest.mark.parametrize(
    ("given", "suggestion"),
    [
        ("My_Bucket!", "my-bucket"),
        ("ab", ""),
        ("Ünder Scores", "nder-scores"),
        ("1st-bucket", "st-bucket"),
        ("x" * 80, "x" * 63),
        ("a\u202eb", "a-b"),
        ("xn--evil", "xn-evil"),
    ],
)
def test_a_bad_name_is_asked_about_with_rule_and_suggestion(given: str, suggestion: str) -> None:
    asked = questions(fields=form(parameters=f"Name: {given}"))["name"]
    assert "3 to 63 lower-case letters, digits and hyphens" in asked.rule
    assert asked.suggestion == suggestion


@pytest.mark.parametrize(
    ("parameters", "field", "words"),
    [
        ("", "name", "is missing"),
        ("- name\n- other", "parameters", "not a list"),
        ("team-reports", "parameters", "not a single value"),
        ("name: a-b-c\nname: d-e-f", "parameters", "twice"),
        ("name: a-b-c\nversioning: maybe", "versioning", "true or false"),
        ("name: a-b-c\nnoncurrent_days: -1", "noncurrent_days", "a whole number from 0 to 3650"),
        ("name: a-b-c\nencryption: rot13", "encryption", "one of sse-s3, kms"),
        ("name: a-b-c\nversionning: true", "versionning", "not a parameter of s3-bucket"),
        ("name: [a, b]", "name", "3 to 63"),
        ("name: {a: b}", "name", "3 to 63"),
        ("name: a-b-c\nlog_bucket: a-b-c", "log_bucket", "another bucket"),
        ("name: a-b-c\narchive_days: 5", "archive_days", "at least 30"),
        ('name: "a-b-c\\n"\nlog_bucket: "x-y-z\\nq"', "log_bucket", "existing bucket"),
    ],
)
def test_a_bad_parameter_is_asked_about(parameters: str, field: str, words: str) -> None:
    asked = questions(fields=form(parameters=parameters))
    assert field in asked, asked
    assert words in asked[field].rule


def test_did_you_mean() -> None:
    asked = questions(fields=form(parameters="name: a-b-c\nversionning: true"))
    assert "did you mean versioning?" in asked["versionning"].rule


@pytest.mark.parametrize("key", ["Log-Bucket", "log bucket", "LOG_BUCKET", "logBucket"])
def test_keys_are_read_generously(key: str) -> None:
    asked = questions(fields=form(parameters=f"name: a-b-c\n{key}: logs-of-all"))
    assert (asked == {}) == (key != "logBucket")


def test_types_are_coerced() -> None:
    _, change = author(
        fields=form(
            blueprint="web-service", parameters='name: shop\nmax_size: "7"\nallowed_cidrs: 10.0.0.0/8, 10.1.0.0/16'
        )
    )
    text = next(file.content or "" for file in change.files if file.path.endswith("main.tf"))
    assert re.search(r"max_size += 7$", text, re.MULTILINE)
    assert 'toset(["10.0.0.0/8", "10.1.0.0/16"])' in text


@pytest.mark.parametrize("environment", ["mars", "PROD2", "staging", "🪐"])
def test_an_environment_that_is_not_allowed_is_asked_about(environment: str) -> None:
    assert "one of dev, prod" in questions(fields=form(environment=environment))["environment"].rule


def test_two_environments_in_the_text_are_asked_about() -> None:
    assert set(questions("A bucket called our-files for the dev team, in prod")) == {"environment"}


@pytest.mark.parametrize("text", ["hello", "please build a kubernetes cluster", "postgres database in prod", "🪣", ""])
def test_a_text_that_fits_nothing_lists_the_golden_paths(text: str) -> None:
    rule = questions(text)["blueprint"].rule
    assert all(name in rule and blueprint.description[:30] in rule for name, blueprint in BLUEPRINTS.items())


def test_a_text_that_fits_two_lists_those() -> None:
    rule = questions("DynamoDB table for web service sessions, in dev")["blueprint"].rule
    assert "dynamodb-table" in rule
    assert "web-service" in rule
    assert "s3-bucket" not in rule


def test_an_unknown_blueprint_is_asked_about() -> None:
    assert questions(fields=form(blueprint="s3-buckets"))["blueprint"].suggestion == "blueprint: s3-bucket"


def test_a_unit_that_stands_is_not_written_over() -> None:
    _, first = author(fields=FORM)
    existing = {file.path: file.content or "" for file in first.files}
    asked = questions(fields=form(parameters="name: team-reports\nencryption: kms"), existing=existing)
    assert "infra/terraform/dev/team-reports is there already" in asked["name"].rule
    assert asked["name"].suggestion == "team-reports-2"
    _, again = author(fields=FORM, existing=existing)
    assert (again.status, again.files) == ("nothing", ())


def test_a_bucket_name_of_another_environment_or_of_the_state_is_taken() -> None:
    _, first = author(fields=FORM)
    existing = {file.path: file.content or "" for file in first.files}
    asked = questions(fields=form(environment="prod"), existing=existing)
    assert "infra/terraform/dev/team-reports" in asked["name"].rule
    assert asked["name"].suggestion == "team-reports-prod"
    assert "the state of dev" in questions(fields=form(parameters="name: infra-agent-state"))["name"].rule


def test_a_table_name_of_another_environment_is_free() -> None:
    fields = form(blueprint="dynamodb-table", parameters="name: orders\nhash_key: id")
    _, first = author(fields=fields)
    existing = {file.path: file.content or "" for file in first.files}
    _, other = author(fields={**fields, "environment": "prod"}, existing=existing)
    assert other.status == "written"


def test_risk_rises_with_what_is_at_stake() -> None:
    web = form(blueprint="web-service", parameters="name: shop")
    cert = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    public = form(
        blueprint="web-service", environment="prod", parameters=f"name: shop\npublic: 1\ncertificate_arn: {cert}"
    )
    assert author(fields=web)[0].risk == "low"
    assert author(fields=FORM)[0].risk == "medium"
    assert author(fields=form(environment="prod"))[0].risk == "high"
    assert author(fields=public)[0].risk == "high"


def test_empty_fields_are_asked_about_each() -> None:
    fields = dict.fromkeys(FORM, "")
    assert set(questions(fields=fields)) == {"blueprint", "environment"}
    assert set(questions(fields=dict.fromkeys(FORM, "_No response_"))) == {"blueprint", "environment"}


WILD = st.text(st.one_of(st.sampled_from(list(":-`~\n #*namedevs3bucket${}[]\u202e🪣")), st.characters()), max_size=300)


@given(body=WILD, parameters=WILD, answer=WILD, environment=st.sampled_from(["dev", "prod", "", "x"]))
def test_no_text_raises(body: str, parameters: str, answer: str, environment: str) -> None:
    questions(body, title=body[:50])
    questions(fields=form(what=body, parameters=parameters, environment=environment), answers=[answer])


@given(name=st.from_regex(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True), words=WILD)
def test_names_that_are_allowed_are_written_where_they_belong(name: str, words: str) -> None:
    intent, change = author(title=words, fields=form(parameters=f'name: "{name}"'))
    if not intent.questions:
        assert {file.path.rpartition("/")[0] for file in change.files} == {f"infra/terraform/dev/{name}"}


@pytest.mark.parametrize(
    "unit", ["🪣", "a: ", "`", "```\n", "called ", "name: ", "- ", "[", "مرحبا ", "\u202e", "dev prod "]
)
def test_a_body_of_65536_characters_is_answered_at_once(unit: str) -> None:
    body = (unit * 65_536)[:65_536]
    assert questions(body)
    assert questions(fields=form(what=body, parameters=body))
