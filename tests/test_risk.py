"""The least risk that facts mean: nobody lowers it, and more facts never do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain import Action, Change, ChangeSet, File, Intent, Plan, Risk, Scope, UnitPlan, Verb
from agent.guardrails import RISKS, EnvironmentRules, Guardrails
from agent.risk import floor, needs_confirmation, reasons

RAILS = Guardrails(
    version=1,
    environments={"dev": EnvironmentRules(), "prod": EnvironmentRules(), "shop": EnvironmentRules(production=True)},
    providers=("hashicorp/aws",),
    stateful_types=("aws_s3_bucket", "aws_db_instance"),
)


def plan(environment: str, *changes: tuple[str, Verb]) -> Plan:
    made = tuple(Change(address=f"{kind}.x{at}", type=kind, verbs=(verb,)) for at, (kind, verb) in enumerate(changes))
    unit = UnitPlan(unit=f"infra/terraform/{environment}/x", target="terraform", status="planned", changes=made)
    return Plan(units=(unit,))


def change(environment: str, *, creates: int = 1, destroys: int = 0, **types: tuple[Verb, ...]) -> ChangeSet:
    unit = f"infra/terraform/{environment}/x"
    scope = Scope(environment=environment, units=(unit,), types=types, max_creates=creates, max_destroys=destroys)
    return ChangeSet(status="written", author="x", units=(unit,), scope=scope, files=(File(path="a", content="b"),))


MANY: list[tuple[str, Verb]] = [("aws_sns_topic", "create")] * 51


@pytest.mark.parametrize(
    ("made", "planned", "expected"),
    [
        (change("dev", aws_sns_topic=("create",)), None, "low"),
        (change("dev", aws_s3_bucket=("create",)), None, "medium"),
        (change("dev", aws_iam_role=("create",)), None, "medium"),
        (change("dev", aws_security_group=("create",)), None, "medium"),
        (change("dev", aws_iam_role=("read",)), None, "low"),
        (change("dev", creates=21, aws_sns_topic=("create",)), None, "medium"),
        (change("dev", creates=51, aws_sns_topic=("create",)), None, "high"),
        (change("dev", aws_sns_topic=("delete",)), None, "high"),
        (change("dev", destroys=1, aws_sns_topic=("create",)), None, "high"),
        (change("dev", aws_db_instance=("replace",)), None, "critical"),
        (change("prod", aws_sns_topic=("create",)), None, "medium"),
        (change("shop", aws_sns_topic=("create",)), None, "medium"),
        (change("prod", aws_s3_bucket=("create",)), None, "high"),
        (change("prod", aws_iam_policy=("update",)), None, "high"),
        (change("prod", aws_lb=("create",)), None, "high"),
        (change("prod", aws_sns_topic=("delete",)), None, "critical"),
        (change("", aws_sns_topic=("create",)), None, "medium"),
        (None, plan("prod", ("aws_sns_topic", "delete")), "critical"),
        (None, plan("dev", ("aws_sns_topic", "no-op")), "low"),
        (None, plan("dev", *MANY), "high"),
    ],
)
def test_the_table(made: ChangeSet | None, planned: Plan | None, expected: Risk) -> None:
    assert floor(None, made, planned, RAILS) == expected
    assert reasons(None, made, planned, RAILS)
    assert needs_confirmation(expected) == (expected in ("high", "critical"))


def test_a_deletion_that_was_only_said_or_only_written_counts() -> None:
    said = Intent(summary="x", environment="prod", actions=(Action(verb="delete", resource="x"),))
    assert floor(said, None, None, RAILS) == "critical"
    gone = change("prod").model_copy(update={"files": (File(path="a", content=None),)})
    assert floor(None, gone, None, RAILS) == "critical"


VERBS: tuple[Verb, ...] = ("create", "update", "delete", "replace", "read", "no-op")
TYPES = ("aws_s3_bucket", "aws_sns_topic", "aws_iam_role", "aws_lb", "aws_instance")
CHANGES = st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(VERBS)), max_size=8)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.sampled_from(("dev", "prod")), CHANGES, CHANGES, st.sampled_from(RISKS))
def test_no_word_of_an_author_and_no_further_change_lowers_it(
    environment: str, some: list[tuple[str, Verb]], more: list[tuple[str, Verb]], said: Risk
) -> None:
    least = floor(None, None, plan(environment, *some), RAILS)
    whole = floor(Intent(summary="x", environment=environment, risk=said), None, plan(environment, *some, *more), RAILS)
    assert RISKS.index(whole) >= max(RISKS.index(least), RISKS.index(said))
    assert floor(None, None, plan(environment, *reversed(some)), RAILS) == least
