"""The plan against the scope: what nobody asked for is said, as a person would say it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Action, Approval, Change, Finding, Intent, Plan, Scope, UnitPlan, Verb
from agent.errors import UserError
from agent.guardrails import PlanLimits
from agent.scope import TRAILER, check, creates, destroys, from_message, to_approve, trailer

UNIT = "infra/terraform/dev/reports"
OTHER = "infra/terraform/dev/other"
SCOPE = Scope(environment="dev", units=(UNIT,), types={"aws_s3_bucket": ("create",)}, max_creates=1, max_destroys=0)
INTENT = Intent(summary="A bucket", actions=(Action(verb="create", resource="aws_s3_bucket reports"),))
HEAD, ELSE = "a" * 40, "b" * 40
BUCKET = ("aws_s3_bucket.this", "aws_s3_bucket")
DATABASE = ("aws_db_instance.main", "aws_db_instance")


def plan(*changes: tuple[str, str, Verb], unit: str = UNIT, fields: tuple[str, ...] = ()) -> Plan:
    made = tuple(Change(address=address, type=kind, verbs=(verb,), fields=fields) for address, kind, verb in changes)
    return Plan(commit=HEAD, units=(UnitPlan(unit=unit, target="terraform", status="planned", changes=made),))


def together(*plans: Plan) -> Plan:
    return Plan(commit=HEAD, units=tuple(unit for one in plans for unit in one.units))


def approval(address: str, *, commit: str = HEAD) -> Approval:
    return Approval(commit=commit, address=address, by="morgan", comment_id=7)


def found(
    made: Plan, scope: Scope | None = SCOPE, *, stateful: tuple[str, ...] = (), approvals: tuple[Approval, ...] = ()
) -> tuple[Finding, ...]:
    return check(made, scope, stateful_types=stateful, intent=INTENT, approvals=approvals)


def rules(
    made: Plan, scope: Scope | None = SCOPE, *, stateful: tuple[str, ...] = (), approvals: tuple[Approval, ...] = ()
) -> list[str]:
    return [finding.rule for finding in found(made, scope, stateful=stateful, approvals=approvals)]


def test_what_was_asked_for_passes() -> None:
    assert rules(plan((*BUCKET, "create"))) == []


def test_reading_is_never_asked_for() -> None:
    assert rules(plan(("data.aws_vpc.this", "aws_vpc", "read"), ("aws_vpc.x", "aws_vpc", "no-op"))) == []


def test_another_type_verb_unit_environment_or_count_is_said() -> None:
    assert rules(plan(("aws_iam_user.x", "aws_iam_user", "create"))) == ["scope/type"]
    assert rules(plan((*BUCKET, "update"))) == ["scope/verb"]
    assert rules(plan((*BUCKET, "create"), unit=OTHER)) == ["scope/unit"]
    assert rules(plan((*BUCKET, "create"), unit="infra/terraform/prod/reports")) == ["scope/environment", "scope/unit"]
    assert rules(plan((*BUCKET, "create"), ("aws_s3_bucket.b", "aws_s3_bucket", "create"))) == ["scope/creates"]


def test_it_is_said_as_a_person_would_say_it() -> None:
    (creation, destroy, kind) = found(
        plan((*BUCKET, "create"), ("aws_s3_bucket.b", "aws_s3_bucket", "create"), (*DATABASE, "replace"))
    )
    assert kind.message == "you asked to create aws_s3_bucket reports; this also replaces aws_db_instance.main"
    assert creation.message == "you asked to create aws_s3_bucket reports, at most 1 resource created; here it is 3"
    assert destroy.message == "you asked to create aws_s3_bucket reports, at most 0 resources destroyed; here it is 1"
    assert (kind.address, kind.path) == ("aws_db_instance.main", UNIT)
    (without,) = check(plan(("aws_iam_user.x", "aws_iam_user", "create")), SCOPE)
    assert without.message == "you asked for aws_s3_bucket; this also creates aws_iam_user.x"


def test_a_replacement_counts_as_a_create_and_a_destroy() -> None:
    made = rules(plan((*BUCKET, "replace")), stateful=("aws_s3_bucket",))
    assert made == ["scope/destroys", "scope/stateful-destroy", "scope/verb"]
    split = Plan(
        units=(
            UnitPlan(
                unit=UNIT,
                target="terraform",
                status="planned",
                changes=(Change(address=BUCKET[0], type=BUCKET[1], verbs=("delete", "create")),),
            ),
        )
    )
    assert (creates(split), destroys(split)) == (1, 1)
    assert rules(split, stateful=("aws_s3_bucket",)) == made
    assert "would be replaced" in found(split, stateful=("aws_s3_bucket",))[1].message


def test_without_a_scope_only_lost_data_is_judged() -> None:
    lost = plan((*DATABASE, "delete"), ("aws_vpc.x", "aws_vpc", "delete"))
    assert rules(lost, None, stateful=("aws_db_instance",)) == ["scope/stateful-destroy"]


@pytest.mark.parametrize(
    ("mark", "rule", "said"),
    [
        ("(import)", "scope/import", "takes over aws_s3_bucket.this, which exists already"),
        ("(moved from aws_s3_bucket.old)", "scope/moved", "makes aws_s3_bucket.this of aws_s3_bucket.old"),
    ],
)
def test_what_is_taken_over_or_moved_is_said(mark: str, rule: str, said: str) -> None:
    (finding,) = found(plan((*BUCKET, "update"), fields=(mark,)))
    assert (finding.rule, finding.severity) == (rule, "critical")
    assert said in finding.message
    (flagged,) = found(plan((*BUCKET, "update"), fields=(mark,)), None)
    assert (flagged.rule, flagged.severity) == (rule, "medium")


def test_what_the_state_forgets_is_lost() -> None:
    forgotten = plan((*BUCKET, "delete"), fields=("(forgotten)",))
    assert rules(forgotten, None, stateful=("aws_s3_bucket",)) == ["scope/forgotten", "scope/stateful-destroy"]
    assert "would be let go of" in found(forgotten, None, stateful=("aws_s3_bucket",))[1].message


def test_an_approved_destroy_counts_as_asked_for_and_nothing_else_does() -> None:
    made = plan((*BUCKET, "create"), (*DATABASE, "replace"), ("aws_db_instance.b", "aws_db_instance", "delete"))
    left = found(made, stateful=("aws_db_instance",), approvals=(approval("aws_db_instance.main"),))
    assert {finding.address for finding in left} == {"aws_db_instance.b", ""}
    assert "here it is 1" in next(finding.message for finding in left if finding.rule == "scope/destroys")
    update = plan((*DATABASE, "update"))
    assert "scope/type" in rules(update, approvals=(approval("aws_db_instance.main"),))
    both = plan((*DATABASE, "update"), (*DATABASE, "delete"))
    (left_over,) = found(both, stateful=("aws_db_instance",), approvals=(approval("aws_db_instance.main"),))
    assert left_over.message == "you asked to create aws_s3_bucket reports; this also changes aws_db_instance.main"


def test_an_approval_is_for_one_commit_and_one_address() -> None:
    made = plan((*DATABASE, "delete"))
    stateful = ("aws_db_instance",)
    assert "scope/stateful-destroy" in rules(made, stateful=stateful, approvals=(approval(DATABASE[0], commit=ELSE),))
    idle = rules(made, stateful=stateful, approvals=(approval("aws_db_instance.mai"),))
    assert {"scope/stateful-destroy", "scope/idle-approval"} <= set(idle)
    nowhere = made.model_copy(update={"commit": None})
    assert "scope/stateful-destroy" in rules(nowhere, stateful=stateful, approvals=(approval(DATABASE[0]),))


def test_an_address_in_two_units_has_to_be_approved_with_its_unit() -> None:
    made = together(plan((*DATABASE, "delete")), plan((*DATABASE, "delete"), unit=OTHER))
    stateful = ("aws_db_instance",)
    assert rules(made, None, stateful=stateful, approvals=(approval(DATABASE[0]),)).count("scope/stateful-destroy") == 2
    left = found(made, None, stateful=stateful, approvals=(approval(f"{UNIT}:{DATABASE[0]}"),))
    assert [finding.path for finding in left] == [OTHER]
    judged = made.model_copy(update={"findings": found(made, None, stateful=stateful)})
    assert set(to_approve(judged)) == {f"{UNIT}:{DATABASE[0]}", f"{OTHER}:{DATABASE[0]}"}


def test_one_change_may_do_only_so_much_whoever_asked() -> None:
    def most(environment: str) -> PlanLimits:
        return PlanLimits(max_creates=1, max_destroys=0 if environment == "dev" else 1)

    lost = plan(("aws_vpc.x", "aws_vpc", "delete"))
    (finding,) = check(lost, None, limits=most)
    assert (finding.rule, finding.severity) == ("scope/limit", "critical")
    assert "1 resource would be destroyed in dev, one change may do 0 there (limits.max_destroys" in finding.message
    assert check(lost, None, limits=most, approvals=(approval("aws_vpc.x"),)) == ()
    assert check(plan(("aws_vpc.x", "aws_vpc", "delete"), unit="infra/terraform/prod/x"), None, limits=most) == ()
    assert check(plan((*BUCKET, "create")), None, limits=most) == ()
    assert len(check(plan((*BUCKET, "create"), ("aws_vpc.x", "aws_vpc", "create")), None, limits=most)) == 1


VERBS: tuple[Verb, ...] = ("create", "update", "delete", "replace", "read", "no-op")
TYPES = ("aws_s3_bucket", "aws_db_instance", "aws_iam_role")
UNITS = (UNIT, OTHER, "infra/terraform/prod/reports")
CHANGES = st.builds(
    Change,
    address=st.sampled_from([f"{kind}.{name}" for kind in TYPES for name in "ab"]),
    type=st.sampled_from(TYPES),
    verbs=st.lists(st.sampled_from(VERBS), max_size=3).map(tuple),
    fields=st.sampled_from([(), ("tags",), ("(import)",), ("(forgotten)",), ("(moved from aws_x.y)",)]),
)
PLANS = st.lists(
    st.builds(
        UnitPlan,
        unit=st.sampled_from(UNITS),
        target=st.just("terraform"),
        status=st.just("planned"),
        changes=st.lists(CHANGES, max_size=4).map(tuple),
    ),
    max_size=3,
).map(lambda units: Plan(commit=HEAD, units=tuple(units)))
SCOPES = st.builds(
    Scope,
    environment=st.sampled_from(["dev", "prod"]),
    units=st.lists(st.sampled_from(UNITS), max_size=2, unique=True).map(tuple),
    types=st.dictionaries(st.sampled_from(TYPES), st.lists(st.sampled_from(VERBS), max_size=3).map(tuple)),
    max_creates=st.integers(0, 3),
    max_destroys=st.integers(0, 2),
)
APPROVALS = st.lists(
    st.sampled_from([f"{prefix}{kind}.a" for kind in TYPES for prefix in ("", f"{UNIT}:", f"{OTHER}:")]), max_size=2
).map(lambda addresses: tuple(approval(address) for address in addresses))


@given(PLANS, SCOPES, APPROVALS)
def test_an_action_outside_the_scope_never_passes(made: Plan, scope: Scope, approvals: tuple[Approval, ...]) -> None:
    """Said anew and simply: who reads "no finding" may rely on it."""
    if any(item.severity == "critical" for item in found(made, scope, stateful=TYPES[:2], approvals=approvals)):
        return
    allowed = {one.address for one in approvals}
    gone, new = set(), set()
    for unit in made.units:
        assert unit.unit in scope.units
        assert unit.unit.split("/")[2] == scope.environment
        for change in unit.changes:
            asked = change.address in allowed or f"{unit.unit}:{change.address}" in allowed
            verbs = set(change.verbs) - {"read", "no-op"}
            assert not verbs or asked or change.type in scope.types
            for verb in verbs:
                if verb in ("delete", "replace") and not asked:
                    assert change.type not in TYPES[:2]
                    gone.add((unit.unit, change.address, change.type))
                if verb in ("create", "replace") and not asked:
                    new.add((unit.unit, change.address, change.type))
    assert len(gone) <= scope.max_destroys
    assert len(new) <= scope.max_creates


@given(PLANS, SCOPES, APPROVALS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_changes_make_no_difference(
    made: Plan, scope: Scope, approvals: tuple[Approval, ...], random: object
) -> None:
    units = [
        unit.model_copy(update={"changes": tuple(reversed(unit.changes + unit.changes[:2]))})
        for unit in (*made.units, *made.units[:1])
    ]
    random.shuffle(units)  # type: ignore[attr-defined]
    other = made.model_copy(update={"units": tuple(units)})
    first = found(made, scope, stateful=TYPES[:1], approvals=approvals)
    assert first == found(other, scope, stateful=TYPES[:1], approvals=tuple(reversed(approvals)))


@given(SCOPES, st.text(max_size=30))
def test_a_scope_survives_its_commit_message(scope: Scope, text: str) -> None:
    hostile = scope.model_copy(update={"types": {**scope.types, text: ("create",)}, "environment": text})
    line = trailer(hostile)
    assert from_message(f"Subject\n\nBody\n{line}\n") == hostile
    assert line.isascii()
    assert not set("@#\n") & set(line)
    assert not re.search(r"\[[^\"\]]", line), "no `[skip ci]`"


def test_a_message_without_a_scope_and_one_that_is_broken() -> None:
    assert from_message("Subject\n\nBody\n") is None
    assert from_message(f"{trailer(SCOPE)}\n\nReverted by hand\n") is None
    with pytest.raises(UserError, match="cannot be read"):
        from_message(f"Subject\n\n{TRAILER}{{\n")
