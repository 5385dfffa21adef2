"""Intent, change and plan -> the least risk that they have, and why. Pure; no author and no model can lower it."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from agent import permit
from agent.domain import ChangeSet, Intent, Plan, Risk, Scope
from agent.guardrails import RISKS, Guardrails
from agent.scope import DESTROYS, SILENT, touched

# Types that decide who may do what.
ACCESS = (
    "aws_iam_*", "aws_organizations_*", "aws_ssoadmin_*", "aws_lambda_permission", "aws_kms_grant",
    "aws_kms_key_policy", "aws_s3_bucket_policy", "aws_sqs_queue_policy", "aws_sns_topic_policy",
    "aws_secretsmanager_secret_policy", "aws_ecr_repository_policy",
)  # fmt: skip
# Types that decide who can reach what.
NETWORK = (
    "aws_security_group*", "aws_vpc_security_group_*", "aws_network_acl*", "aws_route", "aws_route_table*",
    "aws_internet_gateway", "aws_vpc_peering_*", "aws_vpn_*", "aws_lb", "aws_alb", "aws_eip*", "aws_cloudfront_*",
    "aws_apigatewayv2_*", "aws_api_gateway_*", "aws_lambda_function_url", "aws_s3_bucket_acl",
    "aws_route53_record",
)  # fmt: skip
MANY, VERY_MANY = 20, 50


class Ground(NamedTuple):
    """One fact, and the least risk that it means."""

    risk: Risk
    reason: str


def floor(intent: Intent | None, change: ChangeSet | None, plan: Plan | None, guardrails: Guardrails) -> Risk:
    """The highest risk of all grounds and of what the author said."""
    said = [intent.risk] if intent else []
    return max(
        [*said, *(one.risk for one in grounds(intent, change, plan, guardrails))], key=RISKS.index, default="low"
    )


def reasons(
    intent: Intent | None, change: ChangeSet | None, plan: Plan | None, guardrails: Guardrails
) -> tuple[str, ...]:
    """Why the risk is what `floor` says: the grounds that reach it, in words."""
    risk = floor(intent, change, plan, guardrails)
    found = tuple(dict.fromkeys(one.reason for one in grounds(intent, change, plan, guardrails) if one.risk == risk))
    return found or (f"the author judged it {risk}",)


def needs_confirmation(risk: Risk) -> bool:
    """Whether a person has to say yes to how the request was understood before anything is written."""
    return RISKS.index(risk) >= RISKS.index("high")


def grounds(
    intent: Intent | None, change: ChangeSet | None, plan: Plan | None, guardrails: Guardrails
) -> tuple[Ground, ...]:
    """Every fact that raises the risk; the same arguments give the same answer in any order of files or changes."""
    scope = change.scope if change else None
    environments = _environments(intent, change, plan)
    production = sorted(name for name in environments if permit.is_production(guardrails, name))
    found = [
        Ground("medium", f"it is for {name or 'no named environment'}, which is production") for name in production
    ]
    found += _losses(intent, change, plan, scope, guardrails, production=bool(production))
    found += _kinds(_types(scope, plan), guardrails, production=bool(production))
    found += _size(scope, plan)
    return tuple(sorted(set(found)))


def _environments(intent: Intent | None, change: ChangeSet | None, plan: Plan | None) -> set[str]:
    units = {*(change.units if change else ()), *(unit.unit for unit in (plan.units if plan else ()))}
    found = {part[2] for unit in units if len(part := unit.split("/")) >= 4 and part[0] == "infra"}
    if change is not None and change.scope is not None:
        found.add(change.scope.environment)
    if intent is not None and (intent.environment or not found):
        found.add(intent.environment)
    return found


def _losses(
    intent: Intent | None,
    change: ChangeSet | None,
    plan: Plan | None,
    scope: Scope | None,
    guardrails: Guardrails,
    *,
    production: bool,
) -> Iterator[Ground]:
    lost = {one.type for one in touched(plan) if DESTROYS & one.verbs} if plan else set()
    lost |= {kind for kind, verbs in scope.types.items() if DESTROYS & set(verbs)} if scope else set()
    said = any(action.verb == "delete" for action in intent.actions) if intent else False
    gone = any(file.content is None for file in change.files) if change else False
    counted = scope is not None and scope.max_destroys > 0
    if lost or said or gone or counted:
        yield Ground("critical", "it deletes in production") if production else Ground("high", "it deletes")
    for kind in sorted(lost & set(guardrails.stateful_types)):
        yield Ground("critical", f"it deletes {kind}, which holds data")


def _kinds(types: Collection[str], guardrails: Guardrails, *, production: bool) -> Iterator[Ground]:
    level: Risk = "high" if production else "medium"
    where = " in production" if production else ""
    for kind in types:
        if kind in guardrails.stateful_types:
            yield Ground(level, f"it touches {kind}, which holds data{where}")
        if _is(kind, ACCESS):
            yield Ground(level, f"it touches {kind}, which decides who may do what{where}")
        if _is(kind, NETWORK):
            yield Ground(level, f"it touches {kind}, which decides who can reach what{where}")


def _types(scope: Scope | None, plan: Plan | None) -> tuple[str, ...]:
    """Resource types that something is done to; data sources only read."""
    asked = {kind for kind, verbs in scope.types.items() if set(verbs) - SILENT} if scope else set()
    return tuple(sorted(asked | ({one.type for one in touched(plan)} if plan else set())))


def _size(scope: Scope | None, plan: Plan | None) -> Iterator[Ground]:
    planned = sum(bool({"create", "replace"} & one.verbs) for one in touched(plan)) if plan else 0
    creates = max(scope.max_creates if scope else 0, planned)
    if creates > MANY:
        yield Ground("high" if creates > VERY_MANY else "medium", f"it creates {creates} resources")


def _is(kind: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
