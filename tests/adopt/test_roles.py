"""The two roles' policies, judged as AWS judges them: a denial wins, and what nobody allowed is not allowed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from agent.adopt.install import Choices, installed
from agent.adopt.program import Program
from agent.adopt.roles import Account, Document, Login, logins, permissions, trust

ROOT = Path(__file__).parent.parent.parent
ACCOUNT = Account("acme/shop", "acme-state", account="123456789012")
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
STATE = "arn:aws:s3:::acme-state/dev/web.tfstate"
PREFIX = "token.actions.githubusercontent.com"


def shipped() -> dict[str, str]:
    files = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in (ROOT / ".github/workflows").glob("*.yml")
        if path.name != "ci.yml"
    }
    return installed(files, Program("acme/infra-agent", "a" * 40), Choices())


def places() -> tuple[Login, ...]:
    return logins(shipped(), ACCOUNT)


def matches(patterns: Any, value: str, *, case: bool) -> bool:
    every = [patterns] if isinstance(patterns, str) else patterns
    flags = 0 if case else re.IGNORECASE
    return any(
        re.fullmatch(re.escape(one).replace(r"\*", ".*").replace(r"\?", "."), value, flags | re.DOTALL) for one in every
    )


def concerns(statement: dict[str, Any], action: str, resource: str) -> bool:
    for key, value, case in (("Action", action, False), ("Resource", resource, True)):
        if key in statement and not matches(statement[key], value, case=case):
            return False
        if f"Not{key}" in statement and matches(statement[f"Not{key}"], value, case=case):
            return False
    return True


def allowed(action: str, resource: str, *policies: Document) -> bool:
    hits = [one["Effect"] for policy in policies for one in policy["Statement"] if concerns(one, action, resource)]
    return "Allow" in hits and "Deny" not in hits


def assumed(policy: Document, claims: dict[str, str]) -> bool:
    """Whether GitHub's token with these claims gets the role. A condition on a claim that is not there is not met."""
    for statement in policy["Statement"]:
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
        tests = [(kind, *item) for kind, pairs in statement["Condition"].items() for item in pairs.items()]
        assert {kind for kind, _, _ in tests} <= {"StringEquals", "StringLike"}
        if all(
            key.removeprefix(f"{PREFIX}:") in claims
            and (
                matches(wanted, claims[key.removeprefix(f"{PREFIX}:")], case=True)
                if kind == "StringLike"
                else claims[key.removeprefix(f"{PREFIX}:")] in ([wanted] if isinstance(wanted, str) else wanted)
            )
            for kind, key, wanted in tests
        ):
            return True
    return False


def claims(subject: str, workflow: str, **more: str) -> dict[str, str]:
    return {
        "aud": "sts.amazonaws.com",
        "sub": subject,
        "job_workflow_ref": f"acme/shop/.github/workflows/{workflow}",
        **more,
    }


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:123456789012:instance/i-1"),
        ("s3:PutObject", STATE),
        ("s3:DeleteObject", STATE),
        ("s3:PutObject", f"{STATE}.tflock"),
        ("s3:GetObject", "arn:aws:s3:::customers/all.csv"),
        ("s3:DeleteBucket", "arn:aws:s3:::acme-state"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"),
        ("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/db"),
        ("ssm:GetParametersByPath", "arn:aws:ssm:us-east-1:123456789012:parameter/"),
        ("ssm:SendCommand", "*"),
        ("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/x"),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/x"),
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::123456789012:role/infra-agent-apply"),
        ("sts:AssumeRole", "arn:aws:iam::123456789012:role/infra-agent-apply"),
        ("dynamodb:Scan", "arn:aws:dynamodb:us-east-1:123456789012:table/orders"),
        ("lambda:InvokeFunction", "*"),
        ("rds:DeleteDBInstance", "*"),
        ("kms:ScheduleKeyDeletion", "*"),
    ],
)
def test_P15_the_plan_role_may_not_write_nor_read_what_is_private(action: str, resource: str) -> None:
    mine = permissions(ACCOUNT, "plan")
    assert not allowed(action, resource, mine)
    assert allowed(action, resource, ANYTHING), "the test's own evaluator says no to everything"
    assert not allowed(action, resource, mine, ANYTHING), "even where somebody attached everything to the role"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", STATE),
        ("s3:ListBucket", "arn:aws:s3:::acme-state"),
        ("ec2:DescribeInstances", "*"),
        ("iam:GetRole", "arn:aws:iam::123456789012:role/web"),
        ("s3:GetBucketPolicy", "arn:aws:s3:::team-reports"),
        ("dynamodb:DescribeTable", "*"),
        ("secretsmanager:DescribeSecret", "*"),
        ("tag:GetResources", "*"),
    ],
)
def test_P15_the_plan_role_may_read_what_a_plan_needs(action: str, resource: str) -> None:
    assert allowed(action, resource, permissions(ACCOUNT, "plan"), ANYTHING)


def test_the_apply_role_writes_its_state_and_cannot_make_itself_stronger() -> None:
    mine = permissions(ACCOUNT, "apply")
    for action, resource in (("s3:PutObject", STATE), ("s3:DeleteObject", f"{STATE}.tflock"), ("s3:GetObject", STATE)):
        assert allowed(action, resource, mine)
    for action, resource in (
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::123456789012:role/infra-agent-plan"),
        ("iam:DeleteRolePolicy", "arn:aws:iam::123456789012:role/infra-agent-apply"),
        ("iam:UpdateOpenIDConnectProviderThumbprint", f"arn:aws:iam::123456789012:oidc-provider/{PREFIX}"),
        ("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/x"),
        ("organizations:LeaveOrganization", "*"),
        ("s3:DeleteBucket", "arn:aws:s3:::acme-state"),
    ):
        assert not allowed(action, resource, mine, ANYTHING), action
    assert allowed("iam:CreateRole", "arn:aws:iam::123456789012:role/web", mine, ANYTHING)


def test_P10_only_the_apply_job_of_main_gets_the_apply_role() -> None:
    policy = trust(ACCOUNT, places(), "apply")
    here = "apply.yml@refs/heads/main"
    assert assumed(policy, claims("repo:acme/shop:environment:apply", here))
    for subject, workflow in (
        ("repo:acme/shop:environment:apply", "apply.yml@refs/heads/main2"),
        ("repo:acme/shop:environment:apply", "apply.yml@refs/tags/main"),
        ("repo:acme/shop:environment:apply", "evil.yml@refs/heads/main"),
        ("repo:acme/shop:environment:staging", here),
        ("repo:acme/shop:ref:refs/heads/main", here),
        ("repo:acme/shop:ref:refs/heads/main2", "apply.yml@refs/heads/main2"),
        ("repo:acme/shop:pull_request", "apply.yml@refs/pull/1/merge"),
        ("repo:acme/shop2:environment:apply", here),
        ("repo:evil/shop:environment:apply", here),
    ):
        assert not assumed(policy, claims(subject, workflow)), (subject, workflow)
    assert not assumed(policy, claims("repo:acme/shop:environment:apply", here, aud="https://github.com/acme"))
    without = claims("repo:acme/shop:environment:apply", here)
    del without["job_workflow_ref"]
    assert not assumed(policy, without)


def test_every_login_of_the_shipped_workflows_gets_its_role_and_only_there() -> None:
    found = places()
    assert {place.role for place in found} == {"plan", "apply"}
    for place in found:
        policy = trust(ACCOUNT, found, place.role)
        here = {"aud": "sts.amazonaws.com", "sub": place.subject, "job_workflow_ref": place.workflow.replace("*", "7")}
        assert assumed(policy, here), place
        assert not assumed(policy, {**here, "sub": "repo:acme/shop:ref:refs/heads/feature"})
    plan = trust(ACCOUNT, found, "plan")
    assert assumed(plan, claims("repo:acme/shop:pull_request", "change.yml@refs/pull/12/merge"))
    assert not assumed(plan, claims("repo:acme/shop:pull_request", "own.yml@refs/pull/12/merge"))


def test_numbers_in_the_subject_and_an_enterprise_server_are_followed() -> None:
    numbered = Account("acme/shop", "b", subject="repo:acme@1/shop@2")
    policy = trust(numbered, logins(shipped(), numbered), "apply")
    condition = policy["Statement"][0]["Condition"]
    assert condition["StringEquals"][f"{PREFIX}:sub"] == ["repo:acme@1/shop@2:environment:apply"]
    own = Account("acme/shop", "b", server="https://git.acme.example")
    policy = trust(own, logins(shipped(), own), "apply")
    assert "oidc-provider/git.acme.example/_services/token" in policy["Statement"][0]["Principal"]["Federated"]
    assert set(policy["Statement"][0]["Condition"]) == {"StringEquals"}


def test_a_role_that_no_workflow_takes_is_trusted_to_nobody() -> None:
    with pytest.raises(ValueError, match="no workflow takes the apply role"):
        trust(ACCOUNT, [place for place in places() if place.role == "plan"], "apply")


@pytest.mark.parametrize("role", ["plan", "apply"])
def test_a_policy_fits_into_a_role(role: Any) -> None:
    """IAM takes 10,240 characters of inline policies a role, white space not counted."""
    assert len(re.sub(r"\s", "", json.dumps(permissions(ACCOUNT, role)))) < 10_240
