"""Attack rows about what a plan does beside what was asked for, by id, on plan JSON as Terraform writes it."""

from typing import Any

import pytest

from agent.domain import Action, Approval, ChangeSet, CheckRun, Findings, Intent, Plan, Scope, UnitPlan
from agent.render import comments
from agent.render.page import Context
from agent.scope import check
from agent.targets.terraform_plan import changes_of
from agent.verdict import REQUIRED_CHECKS, judge

UNIT = "infra/terraform/dev/x"
HEAD = "a" * 40
SCOPE = Scope(environment="dev", units=(UNIT,), types={"aws_s3_bucket": ("create", "update")}, max_creates=1)
INTENT = Intent(summary="", actions=(Action(verb="update", resource="aws_s3_bucket x"),))
CONTEXT = Context(repository="https://github.example/acme/infra")
STATEFUL = ("aws_db_instance", "aws_s3_bucket")


def change(address: str, *actions: str, **more: Any) -> dict[str, Any]:
    previous = more.pop("previous_address", address)
    return {
        "address": address,
        "previous_address": previous,
        "type": address.split(".")[0],
        "mode": "managed",
        "change": {"actions": list(actions), "before": {}, "after": {}, **more},
    }


def plan(*changes: dict[str, Any], scope: Scope | None = SCOPE, approvals: tuple[Approval, ...] = ()) -> Plan:
    """The plan, judged as the plan job does."""
    unit = UnitPlan(unit=UNIT, target="terraform", status="planned", changes=changes_of({"resource_changes": changes}))
    made = Plan(commit=HEAD, units=(unit,))
    found = check(made, scope, stateful_types=STATEFUL, intent=INTENT, approvals=approvals)
    return made.model_copy(update={"findings": found})


def verdict(made: Plan) -> str:
    findings = Findings(checks=tuple(CheckRun(check=name, status="passed") for name in REQUIRED_CHECKS))
    written = ChangeSet(status="written", author="x", units=(UNIT,), scope=SCOPE)
    return judge(change=written, findings=findings, proposal=None, plan=made).status


@pytest.mark.parametrize(
    ("what", "rule", "said"),
    [
        (change("aws_iam_user.x", "no-op", importing={"id": "admin"}), "scope/import", "take over `aws_iam_user.x`"),
        (change("aws_iam_user.x", "forget"), "scope/forgotten", "let go of `aws_iam_user.x`"),
        (
            change("aws_iam_user.x", "no-op", previous_address="aws_iam_user.old"),
            "scope/moved",
            "move `aws_iam_user.x`",
        ),
    ],
)
def test_T22_what_is_imported_removed_or_moved_is_flagged_and_shown_apart(
    what: dict[str, Any], rule: str, said: str
) -> None:
    made = plan(what)
    assert rule in {finding.rule for finding in made.findings}
    assert verdict(made) == "blocked"
    for body in (
        comments.plan_section(CONTEXT, made, commit=HEAD),
        comments.verdict_section(
            CONTEXT, judge(change=None, findings=None, proposal=None, plan=made), commit=HEAD, plan=made
        ),
    ):
        assert f"**{said}**" in body
    # In a person's own pull request it is flagged too, and shown in the same way.
    assert rule in {finding.rule for finding in plan(what, scope=None).findings}


@pytest.mark.parametrize(
    "changes",
    [
        # A resource renamed: destroy and create.
        (change("aws_db_instance.old", "delete"), change("aws_db_instance.new", "create")),
        (change("aws_db_instance.old", "delete", "create"),),
        (change("aws_db_instance.old", "create", "delete"),),
        # count = 0, also below a module and of an index.
        (change("aws_db_instance.old[0]", "delete"),),
        (change('aws_db_instance.old["a b"]', "delete"),),
        (change("aws_db_instance.old", "forget"),),
        (change("aws_db_instance.old", "create", "forget"),),
    ],
)
def test_T23_a_destroy_of_what_holds_data_is_blocked_until_approved_by_address(
    changes: tuple[dict[str, Any], ...],
) -> None:
    everything = SCOPE.model_copy(
        update={
            "types": {"aws_db_instance": ("create", "update", "delete", "replace")},
            "max_destroys": 9,
            "max_creates": 9,
        }
    )
    for scope in (everything, None):
        made = plan(*changes, scope=scope)
        (lost,) = [finding for finding in made.findings if finding.rule == "scope/stateful-destroy"]
        assert verdict(made) == "blocked"
        body = comments.verdict_section(
            CONTEXT, judge(change=None, findings=None, proposal=None, plan=made), commit=HEAD, plan=made
        )
        assert f"/agent approve-destroy {HEAD} {lost.address}\n" in body
        for approval, rule in (
            (Approval(commit=HEAD, address=lost.address, by="morgan", comment_id=1), False),
            (Approval(commit="b" * 40, address=lost.address, by="morgan", comment_id=1), True),
            (Approval(commit=HEAD, address=f"{lost.address}x", by="morgan", comment_id=1), True),
        ):
            after = plan(*changes, scope=scope, approvals=(approval,))
            assert ("scope/stateful-destroy" in {finding.rule for finding in after.findings}) is rule


def test_I23_a_rule_that_nobody_asked_for_is_said() -> None:
    made = plan(change("aws_s3_bucket.x", "update"), change("aws_security_group_rule.ssh", "create"))
    (finding,) = made.findings
    assert finding.message == "you asked to update aws_s3_bucket x; this also creates aws_security_group_rule.ssh"
    assert verdict(made) == "blocked"
