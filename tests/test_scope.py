"""The plan against the scope: what nobody asked for is said."""

from agent.domain import Change, Plan, Scope, UnitPlan, Verb
from agent.scope import check

UNIT = "infra/terraform/dev/reports"
SCOPE = Scope(environment="dev", units=(UNIT,), types={"aws_s3_bucket": ("create",)}, max_creates=1, max_destroys=0)


def plan(*changes: tuple[str, str, Verb], unit: str = UNIT) -> Plan:
    made = tuple(Change(address=address, type=kind, verbs=(verb,)) for address, kind, verb in changes)
    return Plan(units=(UnitPlan(unit=unit, target="terraform", status="planned", changes=made),))


def rules(made: Plan, scope: Scope | None = SCOPE, stateful: tuple[str, ...] = ()) -> list[str]:
    return [finding.rule for finding in check(made, scope, stateful_types=stateful)]


def test_what_was_asked_for_passes() -> None:
    assert rules(plan(("aws_s3_bucket.this", "aws_s3_bucket", "create"))) == []


def test_reading_is_never_asked_for() -> None:
    assert rules(plan(("data.aws_vpc.this", "aws_vpc", "read"), ("aws_vpc.x", "aws_vpc", "no-op"))) == []


def test_another_type_verb_unit_or_count_is_said() -> None:
    bucket = ("aws_s3_bucket.this", "aws_s3_bucket")
    assert rules(plan(("aws_iam_user.x", "aws_iam_user", "create"))) == ["scope/type"]
    assert rules(plan((*bucket, "update"))) == ["scope/verb"]
    assert rules(plan((*bucket, "create"), unit="infra/terraform/prod/other")) == ["scope/unit"]
    assert rules(plan((*bucket, "create"), ("aws_s3_bucket.b", "aws_s3_bucket", "create"))) == ["scope/creates"]


def test_a_replacement_counts_as_a_create_and_a_destroy() -> None:
    found = rules(plan(("aws_s3_bucket.this", "aws_s3_bucket", "replace")), stateful=("aws_s3_bucket",))
    assert found == ["scope/stateful-destroy", "scope/verb", "scope/destroys"]


def test_without_a_scope_only_lost_data_is_judged() -> None:
    lost = plan(("aws_db_instance.x", "aws_db_instance", "delete"), ("aws_vpc.x", "aws_vpc", "delete"))
    assert rules(lost, None, ("aws_db_instance",)) == ["scope/stateful-destroy"]


def test_every_finding_of_the_scope_blocks() -> None:
    found = check(plan(("aws_iam_user.x", "aws_iam_user", "create")), SCOPE)
    assert [(finding.severity, finding.path) for finding in found] == [("critical", UNIT)]
    assert "aws_iam_user.x: would create a aws_iam_user, which was not asked for" in found[0].message
