"""A case, the change that came of it, and what tools said of it -> judgements, each with its reason. Pure.

A judgement is never made of nothing: what no tool was asked about is `None`, "not judged", and counts for nobody.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field

from agent import scope
from agent.domain import ChangeSet, Finding, Intent, Plan, Value
from agent.evals.case import Attribute, Case
from agent.evals.things import UNKNOWN, Thing, Unread, at, planned, things_of
from agent.guardrails import Guardrails
from agent.permit import limits_of
from agent.tree import laid_over

NO_ANSWER, NO_DRAFT = "author/no-answer", "author/no-draft"
LONGEST_REASON = 300
TRUSTED = ("terraform.tf", ".terraform.lock.hcl")


class Judged(Value):
    """One judgement: `passed` is None when it could not be made, and `why` says so, or what is wrong."""

    check: str
    passed: bool | None
    why: str = ""


class Said(Value):
    """What tools said of a change. None: they were not asked; `unable` says why one that was asked could not answer.

    `gate` and `validate` are findings, `plans` one unit's plan each with its JSON by unit, `rego` messages of the
    case's own policy.
    """

    gate: tuple[Finding, ...] | None = None
    validate_: tuple[Finding, ...] | None = None
    plan: Plan | None = None
    raw: dict[str, Any] = Field(default_factory=dict)
    rego: tuple[str, ...] | None = None
    unable: dict[str, str] = Field(default_factory=dict)


def ending(change: ChangeSet) -> str:
    """How it ended: `written`, `asked`, `refused`; `stopped` where the gate refused every draft; and `no answer` or
    `unfinished`, which no case expects.

    Where no model answered nothing was refused, unless the model itself said that it will not.
    """
    rules = {one.rule for one in change.refusals}
    if change.status == "refused" and NO_DRAFT in rules:
        return "stopped"
    if change.status == "refused" and NO_ANSWER in rules:
        return "refused" if change.calls and change.calls[-1].outcome == "refused" else "no answer"
    names = {"needs-info": "asked", "needs-confirm": "refused"}
    return names.get(change.status, change.status)


def judge(
    case: Case, change: ChangeSet, intent: Intent | None, said: Said, *, base: Mapping[str, str], guardrails: Guardrails
) -> tuple[Judged, ...]:
    """Every judgement on one answer. `base` is every text below infra/ as it stood."""
    ended, expect = ending(change), case.expect
    wanted = " or ".join(expect.endings)
    why = "" if ended in expect.endings else f"it ended as {ended}, expected was {wanted}{_because(change)}"
    first = Judged(check="ending", passed=not why, why=why[:LONGEST_REASON])
    if ended != "written" or not first.passed:
        return (first,)
    after = laid_over(base, change.files)
    units = tuple(dict.fromkeys((*expect.units, *change.units)))
    made: list[Judged | None] = [first, *_of_tools(said)]
    try:
        before, now = things_of(base, units, case.target), things_of(after, units, case.target)
    except Unread as error:
        made.append(Judged(check="parses", passed=False, why=str(error)[:LONGEST_REASON]))
        return tuple(one for one in made if one is not None)
    known = [one for unit, raw in said.raw.items() for one in planned(raw, unit)]
    # A plan knows what code only refers to; what it does not hold is read off the code.
    things = (*known, *(one for one in now if one.unit not in said.raw or one.type in ("module", "variable", "output")))
    made.append(Judged(check="parses", passed=True))
    made += [
        _judged("scope", said.plan, lambda: _scope(said, change, intent, guardrails)),
        _judged("units", expect.units, lambda: _units(change, expect.units)),
        _judged("resources", expect.resources, lambda: _resources(things, expect.resources)),
        _judged("added", expect.none, lambda: _added(before, now, expect.none)),
        _judged("somewhere", expect.somewhere, lambda: _somewhere(change, expect.somewhere)),
        _judged("nowhere", expect.nowhere, lambda: _nowhere(change, expect.nowhere)),
        _judged("lines", expect.lines is not None, lambda: _lines(change, base, case)),
        *_attributes(things, expect.attributes),
    ]
    return tuple(one for one in made if one is not None)


def passed(judged: Sequence[Judged]) -> bool:
    """Whether an answer passed: nothing that was judged is wrong, and something was."""
    return bool(judged) and all(one.passed is not False for one in judged)


def _because(change: ChangeSet) -> str:
    said = (*change.reasons, *(one.message for one in change.refusals))
    return f": {said[0]}" if said else ""


def _of_tools(said: Said) -> Iterator[Judged]:
    for check, found in (("gate", said.gate), ("validate", said.validate_)):
        if found is not None:
            where = [f"{one.path}:{one.line}: {one.rule}" for one in found if one.severity != "info"]
            yield Judged(check=check, passed=not where, why="; ".join(where)[:LONGEST_REASON])
    if said.plan is not None:
        failed = [f"{one.unit}: {one.reason}" for one in said.plan.units if one.status != "planned"]
        yield Judged(check="plan", passed=not failed, why="; ".join(failed)[:LONGEST_REASON])
    if said.rego is not None:
        yield Judged(check="rego", passed=not said.rego, why="; ".join(said.rego)[:LONGEST_REASON])
    for check, why in said.unable.items():
        yield Judged(check=check, passed=None, why=why[:LONGEST_REASON])


def _judged(check: str, asked: object, wrong: Callable[[], Iterable[str]]) -> Judged | None:
    if not asked:
        return None
    found = list(wrong())
    return Judged(check=check, passed=not found, why="; ".join(found)[:LONGEST_REASON])


def _scope(said: Said, change: ChangeSet, intent: Intent | None, guardrails: Guardrails) -> Iterator[str]:
    assert said.plan is not None
    found = scope.check(
        said.plan,
        change.scope,
        stateful_types=guardrails.stateful_types,
        intent=intent,
        limits=lambda environment: limits_of(guardrails, environment),
    )
    for one in found:
        yield f"{one.rule}: {one.message}"


def _units(change: ChangeSet, units: Sequence[str]) -> Iterator[str]:
    touched = {unit for unit in units if any(file.path.startswith(f"{unit}/") for file in change.files)}
    for unit in units:
        if unit not in touched:
            yield f"{unit} was not touched"
    for file in change.files:
        if not any(file.path.startswith(f"{unit}/") for unit in units):
            yield f"{file.path} lies in no unit that was asked for"


def _resources(things: Sequence[Thing], wanted: Mapping[str, int]) -> Iterator[str]:
    for type_, least in wanted.items():
        count = sum(one.type == type_ for one in things)
        if count < least:
            yield f"{count} of {type_}, expected at least {least}"


def _added(before: Sequence[Thing], now: Sequence[Thing], none: Sequence[str]) -> Iterator[str]:
    stood = {(one.unit, one.type, one.name) for one in before}
    for one in now:
        if (one.unit, one.type, one.name) not in stood and any(fnmatchcase(one.type, pattern) for pattern in none):
            yield f"{one.type}.{one.name} was added"


def _somewhere(change: ChangeSet, patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if not any(re.search(pattern, file.content or "", re.MULTILINE) for file in change.files):
            yield f"no file holds what {pattern!r} names"


def _nowhere(change: ChangeSet, patterns: Sequence[str]) -> Iterator[str]:
    for file in change.files:
        for pattern in patterns:
            if re.search(pattern, file.content or "", re.MULTILINE):
                yield f"{file.path} holds what {pattern!r} names"


def _lines(change: ChangeSet, base: Mapping[str, str], case: Case) -> Iterator[str]:
    """What a change does to files that stand, beside what was asked for."""
    may_go = case.expect.lines or {}
    for file in change.files:
        before = base.get(file.path)
        name = file.path.rpartition("/")[2]
        if before is None or before == file.content or name in TRUSTED:
            continue
        if name == "README.md" and any(file.path.startswith(f"{unit}/") for unit in case.expect.units):
            continue  # it says what the unit is, and that changed
        if file.path not in may_go:
            yield f"{file.path} was changed"
            continue
        old, new = before.splitlines(), (file.content or "").splitlines()
        for kind, start, end, _, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            for number in range(start, end) if kind in ("delete", "replace") else ():
                if not any(re.search(pattern, old[number]) for pattern in may_go[file.path]):
                    yield f"{file.path}:{number + 1}: this line was to stay: {old[number].strip()[:80]}"


def _attributes(things: Sequence[Thing], wanted: Sequence[Attribute]) -> Iterator[Judged]:
    """Each attribute by itself: one that only a plan would tell is not judged, the others are."""
    for one in wanted:
        candidates = [thing for thing in things if thing.type == one.type and one.named in ("", thing.name)]
        what = f"{one.type}{f'.{one.named}' if one.named else ''} {one.path}"
        if not candidates:
            passed = one.absent and not one.named
            yield Judged(check="attributes", passed=passed, why="" if passed else f"there is no {one.type}")
            continue
        each = [_fits(one, at(thing.values, one.path)) for thing in candidates]
        answers = {answer for answer, _ in each}
        right = True in answers if one.any else answers == {True}
        unknown = None in answers and (one.any or False not in answers)
        if right or unknown:
            why = "" if right else f"{what}: only a plan would tell"
            yield Judged(check="attributes", passed=True if right else None, why=why)
        else:
            shown = next(found for answer, found in each if answer is not True)
            yield Judged(check="attributes", passed=False, why=f"{what}: {_wants(one)}, is {shown}"[:LONGEST_REASON])


def _fits(wanted: Attribute, found: Sequence[Any]) -> tuple[bool | None, str]:
    shown = ", ".join(repr(value) for value in found[:3]) or "nothing"
    known = [value for value in found if value is not UNKNOWN and value not in ("", [], {})]
    unknown = any(value is UNKNOWN for value in found)
    if wanted.absent:
        return (False if known else None if unknown else True), shown
    if wanted.matches is not None:
        right = [value for value in known if re.search(wanted.matches, _text(value))]
    else:
        right = [value for value in known if _text(value) == _text(wanted.equals)]
    if right and len(right) == len(known) and not unknown:
        return True, shown
    return (None if unknown and len(right) == len(known) else False), shown


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _wants(one: Attribute) -> str:
    if one.absent:
        return "expected nothing"
    return f"expected {one.equals!r}" if one.matches is None else f"expected what {one.matches!r} fits"
