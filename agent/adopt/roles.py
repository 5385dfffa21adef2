"""Repository, state bucket and the workflows' logins -> the policies of the two cloud roles, as AWS takes them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from ruamel.yaml import YAML

from agent.adopt.install import WORKFLOWS, jobs_of

Document = dict[str, Any]
Role = Literal["plan", "apply"]
GITHUB = "https://github.com"
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
_LOGIN = "aws-actions/configure-aws-credentials@"
_ROLES: Mapping[str, Role] = {"INFRA_AGENT_PLAN_ROLE": "plan", "INFRA_AGENT_APPLY_ROLE": "apply"}

# What the plan role may never do, whatever else is attached to it: read what is secret or private, ...
_PRIVATE = (
    "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameter*", "ssm:GetCommand*",
    "sts:AssumeRole*", "sts:GetFederationToken", "ec2:GetPasswordData", "ec2:GetConsole*", "ecr:GetAuthorizationToken",
    "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQL*",
    "dynamodb:GetRecords", "kinesis:GetRecords", "sqs:ReceiveMessage", "logs:FilterLogEvents", "logs:GetLogEvents",
    "logs:StartQuery", "rds-db:connect", "redshift:GetClusterCredentials*", "lambda:InvokeFunction*", "execute-api:*",
    "cognito-idp:Admin*", "codecommit:GitPull", "athena:StartQueryExecution", "kms:CreateGrant",
)  # fmt: skip
# ... and write, in the services that units are mostly made of. Elsewhere it is kept to reading by what it is given.
_WRITES: Mapping[str, str] = {
    "autoscaling": "Attach Create Delete Detach Execute Put Resume Set Start Suspend Terminate Update",
    "cloudfront": "Associate Create Delete Put Update",
    "cloudwatch": "Delete Disable Enable Put Set Start Stop",
    "dynamodb": "Batch Create Delete Import Put Restore Update",
    "ec2": "Allocate Associate Attach Authorize Create Delete Detach Disable Disassociate Enable Import Modify Reboot "
    "Release Replace Reset Restore Revoke Run Start Stop Terminate Unassign",
    "ecs": "Create Delete Execute Put Register Run Start Stop Update",
    "eks": "Associate Create Delete Disassociate Update",
    "elasticache": "Add Authorize Create Delete Modify Reboot Remove Reset",
    "elasticloadbalancing": "Add Create Delete Deregister Modify Register Remove Set",
    "events": "Create Delete Disable Enable Put Remove Update",
    "iam": "Add Attach Create Deactivate Delete Detach Enable Pass Put Remove Set Update Upload",
    "kms": "Cancel Create Delete Disable Enable Import Put Replicate Retire Revoke Schedule Update",
    "lambda": "Add Create Delete Publish Put Remove Update",
    "logs": "Associate Create Delete Disassociate Put",
    "rds": "Add Authorize Create Delete Modify Promote Reboot Remove Restore Revoke Start Stop",
    "route53": "Associate Change Create Delete Disassociate Update",
    "s3": "Abort Bypass Create Delete Put Replicate Restore Update",
    "secretsmanager": "Cancel Create Delete Put Remove Replicate Restore Rotate Stop Update",
    "sns": "Add Create Delete Publish Put Remove Set Subscribe Unsubscribe",
    "sqs": "Add Cancel Change Create Delete Purge Remove Send Set Start",
    "ssm": "Add Cancel Create Delete Modify Put Register Resume Send Start Stop Terminate Update",
}
# Roles that run a workflow, and what makes a person's key, are nobody's to change from a workflow.
_PEOPLE = ("iam:*User*", "iam:*AccessKey*", "iam:*LoginProfile*", "iam:*MFADevice*", "iam:*SAMLProvider*")


@dataclass(frozen=True)
class Account:
    """Whose roles they are. `subject` is how GitHub begins the `sub` of this repository's tokens: `repo:OWNER/NAME`,
    with numbers in it for a repository made since June 2026. `server` is the address of GitHub.
    """

    repository: str
    bucket: str
    branch: str = "main"
    account: str = "ACCOUNT_ID"
    subject: str = ""
    server: str = GITHUB

    @property
    def issuer(self) -> str:
        return ISSUER if self.server == GITHUB else f"{self.server.split('://', 1)[-1]}/_services/token"


@dataclass(frozen=True)
class Login:
    """A workflow's job that takes a cloud role: where GitHub says it runs (`sub` and `job_workflow_ref`, `*` in it)."""

    role: Role
    job: str
    subject: str
    workflow: str


def logins(files: Mapping[str, str], account: Account) -> tuple[Login, ...]:
    """Every login of the installed workflows among `files`, once for each place that its job can run at."""
    found: list[Login] = []
    for path, text in files.items():
        if path.startswith(WORKFLOWS):
            for name, role, environment in _jobs(text):
                for event in YAML(typ="safe").load(text)["on"]:
                    found.append(_login(account, path, name, role, environment=environment, event=event))
    return tuple(dict.fromkeys(found))


def trust(account: Account, places: Iterable[Login], role: Role) -> Document:
    """Who may take `role`: this repository's own workflows, at the places where their jobs run, and nobody else.

    Raises ValueError when no workflow takes that role: a policy without a condition would trust all of GitHub.
    """
    here = [place for place in places if place.role == role]
    if not here:
        raise ValueError(f"no workflow takes the {role} role")
    key = account.issuer
    condition: Document = {
        "StringEquals": {f"{key}:aud": AUDIENCE, f"{key}:sub": sorted({place.subject for place in here})}
    }
    if account.issuer == ISSUER:  # AWS reads further claims of github.com's tokens only
        condition["StringLike"] = {f"{key}:job_workflow_ref": sorted({place.workflow for place in here})}
    provider = f"arn:aws:iam::{account.account}:oidc-provider/{account.issuer}"
    return _policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )


def permissions(account: Account, role: Role) -> Document:
    """What the repository's own policy of `role` says, to be attached beside AWS's ReadOnlyAccess (plan) or what your
    units need (apply).
    """
    bucket, objects = f"arn:aws:s3:::{account.bucket}", f"arn:aws:s3:::{account.bucket}/*"
    find = {"Sid": "FindState", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": bucket}
    if role == "plan":
        writes = [f"{service}:{verb}*" for service, verbs in _WRITES.items() for verb in verbs.split()]
        return _policy(
            find,
            {"Sid": "ReadState", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": objects},
            {"Sid": "NothingPrivate", "Effect": "Deny", "Action": list(_PRIVATE), "Resource": "*"},
            {"Sid": "NoObjectsButState", "Effect": "Deny", "Action": ["s3:GetObject*"], "NotResource": objects},
            {"Sid": "NoWrites", "Effect": "Deny", "Action": writes, "Resource": "*"},
        )
    ours = [f"arn:aws:iam::{account.account}:role/infra-agent-*", f"arn:aws:iam::{account.account}:oidc-provider/*"]
    return _policy(
        find,
        {
            "Sid": "WriteState",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": objects,
        },
        {"Sid": "NotItself", "Effect": "Deny", "Action": ["iam:*", "sts:AssumeRole*"], "Resource": ours},
        {"Sid": "NoPeople", "Effect": "Deny", "Action": list(_PEOPLE), "Resource": "*"},
        {"Sid": "NoAccount", "Effect": "Deny", "Action": ["organizations:*", "account:*"], "Resource": "*"},
        {
            "Sid": "KeepTheState",
            "Effect": "Deny",
            "Action": ["s3:DeleteBucket*", "s3:PutBucket*", "s3:PutLifecycle*", "s3:PutEncryption*"],
            "Resource": bucket,
        },
    )


def _policy(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _jobs(text: str) -> Iterator[tuple[str, Role, str]]:
    """Name, role and environment of the jobs that log in."""
    for name, job in jobs_of(text).items():
        environment = job.get("environment", "")
        environment = environment.get("name", "") if isinstance(environment, dict) else environment
        for step in job.get("steps", []):
            if step.get("uses", "").startswith(_LOGIN):
                asked = str(step["with"].get("role-to-assume", ""))
                yield from ((name, role, environment) for variable, role in _ROLES.items() if variable in asked)


def _login(account: Account, path: str, job: str, role: Role, *, environment: str, event: str) -> Login:
    of_pull = event == "pull_request"
    where = f"environment:{environment}" if environment else f"ref:refs/heads/{account.branch}"
    where = "pull_request" if of_pull and not environment else where
    ref = "refs/pull/*/merge" if of_pull else f"refs/heads/{account.branch}"
    return Login(
        role=role,
        job=f"{PurePosixPath(path).stem}:{job}",
        subject=f"{account.subject or f'repo:{account.repository}'}:{where}",
        workflow=f"{account.repository}/{path}@{ref}",
    )
