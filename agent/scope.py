"""Plan against the scope that was asked for -> findings. Pure; order and repetition of changes make no difference."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from pydantic import ValidationError

from agent.domain import Approval, Change, Finding, Intent, Plan, Scope, Severity
from agent.errors import UserError
from agent.guardrails import PlanLimits

SILENT = frozenset({"read", "no-op"})
DESTROYS = frozenset({"delete", "replace"})
SAID = {"create": "creates", "update": "changes", "delete": "destroys", "replace": "replaces"}
# What the target notes among a change's fields, and how it is said.
IMPORTED, FORGOTTEN, MOVED = "(import)", "(forgotten)", "(moved from "
STATEFUL, LIMIT = "scope/stateful-destroy", "scope/limit"
DESTROYED = "destroyed"
TRAILER = "Infra-Agent-Scope: "
# Rule -> what it asks of a plan.
RULES = {
    STATEFUL: "nothing that holds data is destroyed, replaced or let go of without an approval of its address",
    "scope/import": "nothing that exists already is taken over unless that was asked for",
    "scope/forgotten": "nothing is left standing without anybody who looks after it unless that was asked for",
    "scope/moved": "no resource becomes another one unless that was asked for",
    "scope/unit": "only units that the request names are planned",
    "scope/environment": "only the environment that the request names is reached",
    "scope/verb": "to a type that was asked for, only what was asked for is done",
    "scope/type": "only types of resources that were asked for change",
    "scope/creates": "no more resources are created than were asked for",
    "scope/destroys": "no more resources are destroyed than were asked for",
    LIMIT: "one change creates and destroys no more than the guardrails allow in its environment",
    "scope/idle-approval": "an approval of a destroy fits something that the plan does",
}


class Touched(NamedTuple):
    """What happens to one resource of one unit, whatever the plan's number of entries about it."""

    unit: str
    address: str
    type: str
    verbs: frozenset[str]
    marks: tuple[str, ...]


def check(
    plan: Plan,
    scope: Scope | None,
    *,
    stateful_types: Collection[str] = (),
    intent: Intent | None = None,
    approvals: Collection[Approval] = (),
    limits: Callable[[str], PlanLimits] | None = None,
) -> tuple[Finding, ...]:
    """What the plan would do that nobody asked for. Without a scope only what is lost, taken over or moved is judged.

    An approval counts for the plan of exactly its commit: the destroy of that address then counts as asked for.
    `limits` gives, for an environment, what one change may do there, asked for or not. `intent` only makes the messages
    plainer.
    """
    every = touched(plan)
    approved, idle = _approved(plan, every, approvals)
    asked = said(scope, intent)
    findings = [*_lost(every, stateful_types, approved), *idle]
    findings += _marked(every, approved, asked=asked, severity="medium" if scope is None else "critical")
    if scope is not None:
        findings += _places(plan, scope, asked)
        findings += _outside(every, scope, approved, asked)
        findings += _counts(every, scope, approved, asked)
    if limits is not None:
        findings += _limits(every, limits, approved)
    return tuple(sorted(dict.fromkeys(findings), key=lambda item: (item.rule, item.path, item.address, item.message)))


def touched(plan: Plan) -> tuple[Touched, ...]:
    """Every resource that the plan would change, once each, in the order of unit and address."""
    found: dict[tuple[str, str, str], list[Change]] = {}
    for unit in plan.units:
        for change in unit.changes:
            found.setdefault((unit.unit, change.address, change.type), []).append(change)
    every = (Touched(*place, _verbs(changes), _marks(changes)) for place, changes in sorted(found.items()))
    return tuple(one for one in every if one.verbs)


def creates(plan: Plan) -> int:
    """Resources that the plan would create, replacements included."""
    return sum(bool({"create", "replace"} & one.verbs) for one in touched(plan))


def destroys(plan: Plan) -> int:
    """Resources that the plan would destroy, replacements included."""
    return sum(bool(DESTROYS & one.verbs) for one in touched(plan))


def said(scope: Scope | None, intent: Intent | None) -> str:
    """What was asked for, to begin a sentence with: `you asked to create aws_s3_bucket reports`."""
    actions = [f"{action.verb} {action.resource}" for action in intent.actions] if intent else []
    if actions:
        return f"you asked to {_listed(dict.fromkeys(actions), most=3)}"
    types = [type_ for type_, verbs in scope.types.items() if set(verbs) - SILENT] if scope else []
    return f"you asked for {_listed(types, most=3)}" if types else "nobody asked for this"


def to_approve(plan: Plan) -> tuple[str, ...]:
    """Addresses to write behind `/agent approve-destroy <commit>`: of what holds data, and of everything else that
    would be destroyed where that is more than the guardrails allow.
    """
    every = touched(plan)
    waiting = {(item.path, item.address): None for item in plan.findings if item.rule == STATEFUL and item.address}
    if any(item.rule == LIMIT and DESTROYED in item.message for item in plan.findings):
        waiting |= {(one.unit, one.address): None for one in every if one.verbs & DESTROYS}
    shared = _shared(every)
    return tuple(f"{unit}:{address}" if address in shared else address for unit, address in waiting)


def trailer(scope: Scope) -> str:
    """The last line of the commit that holds a scope's change, so that a later plan of it is judged by it again.

    What a text could mean to GitHub in a commit message (mentions, references, orders) is written as escapes.
    """
    plain = json.dumps(scope.model_dump(), separators=(",", ":"), sort_keys=True)
    return TRAILER + re.sub(r'"(?:[^"\\]|\\.)*"', lambda text: _escaped(text[0]), plain)


def from_message(message: str) -> Scope | None:
    """The scope in the message of a commit, or None when it has none. Raises UserError when it cannot be read."""
    last = message.rstrip("\n").rpartition("\n")[2]
    if not last.startswith(TRAILER):
        return None
    try:
        return Scope.model_validate_json(last.removeprefix(TRAILER))
    except ValidationError as error:
        raise UserError(f"the commit's line {TRAILER.strip()} cannot be read; comment `/agent revise …`") from error


def _escaped(text: str) -> str:
    return re.sub(r'[^A-Za-z0-9_./"\\-]', lambda found: f"\\u{ord(found[0]):04x}", text)


def _verbs(changes: Iterable[Change]) -> frozenset[str]:
    verbs = {verb for change in changes for verb in change.verbs} - SILENT
    if {"delete", "create"} <= verbs or "replace" in verbs:
        verbs = (verbs - {"delete", "create"}) | {"replace"}
    return frozenset(verbs)


def _marks(changes: Iterable[Change]) -> tuple[str, ...]:
    fields = {field for change in changes for field in change.fields}
    return tuple(sorted(field for field in fields if field in (IMPORTED, FORGOTTEN) or field.startswith(MOVED)))


def _shared(every: Iterable[Touched]) -> set[str]:
    """Addresses that are destroyed in more than one unit: such an address alone does not say which one is meant."""
    units = Counter(address for _, address in {(one.unit, one.address) for one in every if one.verbs & DESTROYS})
    return {address for address, count in units.items() if count > 1}


def _approved(
    plan: Plan, every: Collection[Touched], approvals: Collection[Approval]
) -> tuple[set[tuple[str, str]], list[Finding]]:
    """Unit and address of what was approved, and what is to be said of approvals that fit nothing."""
    shared, lost = _shared(every), [one for one in every if one.verbs & DESTROYS]
    approved: set[tuple[str, str]] = set()
    idle = []
    for approval in approvals:
        if plan.commit is None or approval.commit != plan.commit:
            continue
        fits = {
            (one.unit, one.address)
            for one in lost
            if approval.address == f"{one.unit}:{one.address}"
            or (approval.address == one.address and one.address not in shared)
        }
        approved |= fits
        if not fits:
            why = f"{approval.by} approved to destroy {approval.address}, which this plan does not do"
            why += " in one unit alone; write unit:address" if approval.address in shared else ""
            idle.append(_finding("scope/idle-approval", why, "", approval.address, severity="info"))
    return approved, idle


def _lost(
    every: Iterable[Touched], stateful_types: Collection[str], approved: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    for one in every:
        if one.type in stateful_types and one.verbs & DESTROYS and (one.unit, one.address) not in approved:
            how = "let go of" if FORGOTTEN in one.marks else "replaced" if "replace" in one.verbs else "destroyed"
            message = f"{one.address} holds data and would be {how}; that needs its own approval by address"
            yield _finding(STATEFUL, message, one.unit, one.address)


def _marked(
    every: Iterable[Touched], approved: Collection[tuple[str, str]], *, asked: str, severity: Severity
) -> Iterator[Finding]:
    for one in every:
        for mark in one.marks:
            if mark == IMPORTED:
                rule, does = "scope/import", f"takes over {one.address}, which exists already"
            elif mark == FORGOTTEN:
                rule, does = (
                    "scope/forgotten",
                    f"lets go of {one.address}: it stays in the world, nobody looks after it",
                )
            else:
                rule, does = "scope/moved", f"makes {one.address} of {mark.removeprefix(MOVED).removesuffix(')')}"
            if not (mark == FORGOTTEN and (one.unit, one.address) in approved):
                yield _finding(rule, f"{asked}; this also {does}", one.unit, one.address, severity=severity)


def _places(plan: Plan, scope: Scope, asked: str) -> Iterator[Finding]:
    for unit in plan.units:
        environment = _environment(unit.unit)
        if unit.unit not in scope.units:
            units = _listed(scope.units, most=3) or "no unit"
            yield _finding("scope/unit", f"{asked} in {units}; this also plans {unit.unit}", unit.unit)
        if environment and environment != scope.environment:
            message = f"{asked} in {scope.environment}; this also reaches {environment}"
            yield _finding("scope/environment", message, unit.unit)


def _outside(
    every: Iterable[Touched], scope: Scope, approved: Collection[tuple[str, str]], asked: str
) -> Iterator[Finding]:
    for one in every:
        verbs = one.verbs - (DESTROYS if (one.unit, one.address) in approved else frozenset())
        known = one.type in scope.types
        extra = verbs - set(scope.types.get(one.type, ()))
        if extra == {"update"} and one.marks:
            continue  # an import or a move alone is noted as an update, and was said as what it is
        if extra:
            does = " and ".join(SAID.get(verb, verb) for verb in sorted(extra))
            message = f"{asked}; this also {does} {one.address}"
            yield _finding("scope/verb" if known else "scope/type", message, one.unit, one.address)


def _counts(
    every: Collection[Touched], scope: Scope, approved: Collection[tuple[str, str]], asked: str
) -> Iterator[Finding]:
    judged = [one for one in every if (one.unit, one.address) not in approved]
    for rule, verbs, most, did in (
        ("scope/creates", {"create", "replace"}, scope.max_creates, "created"),
        ("scope/destroys", DESTROYS, scope.max_destroys, "destroyed"),
    ):
        count = sum(bool(verbs & one.verbs) for one in judged)
        if count > most:
            message = f"{asked}, at most {most} {_resources(most)} {did}; here it is {count}"
            yield _finding(rule, message, "")


def _limits(
    every: Collection[Touched], limits: Callable[[str], PlanLimits], approved: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    judged = [one for one in every if (one.unit, one.address) not in approved]
    for environment in sorted({_environment(one.unit) for one in judged}):
        here = [one for one in judged if _environment(one.unit) == environment]
        allowed = limits(environment)
        for field, verbs, most, did in (
            ("max_creates", {"create", "replace"}, allowed.max_creates, "created"),
            ("max_destroys", DESTROYS, allowed.max_destroys, DESTROYED),
        ):
            count = sum(bool(verbs & one.verbs) for one in here)
            if count > most:
                message = f"{count} {_resources(count)} would be {did} in {environment}, one change may do {most} there"
                yield _finding(LIMIT, f"{message} (limits.{field} in policies/guardrails.yml)", "")


def _environment(unit: str) -> str:
    place = unit.split("/")
    return place[2] if len(place) == 4 and place[:2] == ["infra", "terraform"] else ""


def _resources(count: int) -> str:
    return "resource" if count == 1 else "resources"


def _listed(names: Iterable[str], *, most: int) -> str:
    every = list(names)
    shown = every[:most] if len(every) <= most else [*every[: most - 1], f"{len(every) - most + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _finding(rule: str, message: str, path: str, address: str = "", *, severity: Severity = "critical") -> Finding:
    return Finding(source="scope", rule=rule, severity=severity, message=message, path=path, address=address)
