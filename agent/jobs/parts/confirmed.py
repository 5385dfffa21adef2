"""An understanding -> what a person confirms of it, as a record in the status comment; and what goes beyond it. Pure.

A model that is asked twice may understand twice. So what people read and confirmed is kept, and whatever is understood
or written after that has to lie within it.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator

from pydantic import ValidationError

from agent import permit, risk
from agent.author.draft import fits
from agent.domain import ChangeSet, Confirmed, Intent, Request, Scope, Verb
from agent.guardrails import RISKS, Guardrails
from agent.render.redact import redact
from agent.scope import SILENT

# Of one value, and of a whole record as it stands in a comment: longer ones are a hash, or are not kept at all.
LONGEST_VALUE = 80
LONGEST = 7_000
LARGEST = 64 * 1024
MOST_SAID = 8
LOST = "what was confirmed cannot be read any more, so it has to be confirmed again"


def bounds_of(intent: Intent, change: ChangeSet) -> Confirmed | None:
    """What a person confirms who reads this; None for a change without a scope: of that there is nothing to confirm."""
    scope = change.scope
    if scope is None:
        return None
    asked = [action.parameters for action in intent.actions] if intent.blueprint else []
    return Confirmed(
        environment=scope.environment,
        target=intent.target,
        risk=intent.risk,
        blueprint=intent.blueprint,
        parameters={name: _kept(value) for parameters in asked for name, value in parameters.items()},
        units=tuple(dict.fromkeys((*scope.units, *change.units))),
        types=scope.types,
        max_creates=scope.max_creates,
        max_destroys=scope.max_destroys,
    )


def planned_scope(intent: Intent, guardrails: Guardrails) -> Scope:
    """The most that a change may do which is written for `intent`: what a person confirms before there is any code."""
    limits = permit.limits_of(guardrails, intent.environment)
    scope = meant_scope(intent)
    destroys = max(limits.max_destroys, scope.max_destroys) if scope.max_destroys else 0
    return scope.model_copy(update={"max_creates": limits.max_creates, "max_destroys": destroys})


def meant_scope(intent: Intent) -> Scope:
    """What the intent means to do to which types, before anything is written."""
    verbs: dict[str, tuple[Verb, ...]] = {"delete": ("delete",), "create": ("create",)}
    said = tuple(dict.fromkeys(verb for one in intent.actions for verb in verbs.get(one.verb, ("update",))))
    return Scope(
        environment=intent.environment,
        units=intent.units,
        types=dict.fromkeys(intent.types, said),
        max_destroys=int("delete" in said),
    )


def unconfirmed(request: Request, intent: Intent, change: ChangeSet, guardrails: Guardrails) -> tuple[str, ...]:
    """Why this may not be written before a person confirms it; empty when it is no risk, or was confirmed as it is."""
    if not risk.needs_confirmation(intent.risk):
        return ()
    why = risk.reasons(intent, change, None, guardrails)
    if not request.confirmed_by:
        return why
    if request.confirmed is None:
        return (LOST, *why)
    other = tuple(beyond(request.confirmed, intent, change))
    said = (f"{request.confirmed_by} confirmed something else than is understood now: {one}" for one in other)
    return (*tuple(said)[:MOST_SAID], *why) if other else ()


def beyond(confirmed: Confirmed, intent: Intent, change: ChangeSet) -> Iterator[str]:
    """How an understanding, or what was written for it, goes beyond what was confirmed, in words."""
    now = bounds_of(intent, change)
    if now is None:
        yield "it names no scope any more"
        return
    for what in ("environment", "target", "blueprint"):
        was, made = getattr(confirmed, what), getattr(now, what)
        if was != made:
            yield f"{what.replace('blueprint', 'golden path')} {made or 'none'}, not {was or 'none'}"
    if RISKS.index(now.risk) > RISKS.index(confirmed.risk):
        yield f"risk {now.risk}, not {confirmed.risk}"
    for unit in now.units:
        if unit not in confirmed.units:
            yield f"the unit {unit}, not {', '.join(confirmed.units) or 'any'}"
    for type_, verbs in now.types.items():
        more = sorted({*verbs} - SILENT - _allowed(confirmed, type_))
        if more:
            yield f"{type_}: {', '.join(more)}"
    for what in ("max_creates", "max_destroys"):
        was, made = getattr(confirmed, what), getattr(now, what)
        if made > was:
            yield f"up to {made} {'created' if what == 'max_creates' else 'destroyed'}, not {was}"
    for name in sorted({*now.parameters, *confirmed.parameters}):
        if now.parameters.get(name) != confirmed.parameters.get(name):
            was, made = confirmed.parameters.get(name, "none"), now.parameters.get(name, "none")
            yield f"the parameter {name} is {made}, not {was}"


def encoded(confirmed: Confirmed | None) -> str:
    """As it stands in a comment: digits that no redactor and no Markdown touches. Empty for what is too long: then it
    cannot be confirmed, and whoever tries is told so.
    """
    if confirmed is None:
        return ""
    text = json.dumps(confirmed.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    made = zlib.compress(text.encode(), 9).hex()
    return made if len(made) <= LONGEST else ""


def decoded(text: str) -> Confirmed | None:
    """The record that `encoded` wrote, or None: whatever cannot be read confirms nothing."""
    if not text or len(text) > LONGEST:
        return None
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(bytes.fromhex(text), LARGEST)
        return Confirmed.model_validate_json(data, strict=True) if unpacking.eof else None
    except (ValueError, zlib.error, ValidationError):
        return None


def _allowed(confirmed: Confirmed, type_: str) -> set[Verb]:
    return {verb for name, verbs in confirmed.types.items() if fits(type_, (name,)) for verb in verbs}


def _kept(value: object) -> str:
    """A parameter's value as it is compared: itself, or a hash where it is long or may be a secret."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(text) <= LONGEST_VALUE and redact(text) == text:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
