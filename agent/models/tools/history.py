"""What happened and what is under way: earlier requests, open changes, facts, drift, plans, failures."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import Field

from agent import scope
from agent.domain import Change, Plan, Scope, UnitOutcome, UnitPlan
from agent.errors import UserError
from agent.models.tools.place import Place, shown
from agent.models.tools.ranking import Ranking, words
from agent.models.tools.tool import Arguments, Tool
from agent.repo import messages_with

# How far back the history is looked through.
MOST_REQUESTS = 500
_ORIGIN = re.compile(
    r"^Request (?P<number>[1-9][0-9]{0,9}) by (?P<who>\S+), written by (?P<author>\S+)\.$", re.MULTILINE
)
_TAKEN_BACK = re.compile(
    r"^Take back pull request (?P<pull>[1-9][0-9]{0,9})\b|^This reverts commit (?P<commit>[0-9a-f]{40})", re.MULTILINE
)
_MERGED = re.compile(
    r"^Merge pull request #(?P<pull>[1-9][0-9]{0,9}) from \S+/agent/(?P<number>[1-9][0-9]{0,9})$", re.M
)
_PULL = re.compile(r"\(#(?P<pull>[1-9][0-9]{0,9})\)$")


class Similar(Arguments):
    text: Annotated[str, Field(max_length=2_000)] = ""
    """What the requests should be about, in words, or a unit's folder. Empty: the newest."""
    most: Annotated[int, Field(ge=1, le=50)] = 8
    """How many to show at most."""


class Failures(Arguments):
    unit: str = ""
    """Only those of this unit."""


class OfEnvironment(Arguments):
    environment: str = ""
    """Only this environment."""


class OfUnit(Arguments):
    unit: str = ""
    """Only this unit."""


class Nothing(Arguments):
    pass


class Past(NamedTuple):
    """A request as its commit tells it: one with number, author and scope. `ended` says what is known of it since."""

    commit: str
    when: datetime
    number: int
    title: str
    author: str
    scope: Scope
    ended: str


def similar_requests(place: Place, given: Similar) -> str:
    """Requests that were merged, the most similar first: number, title, units, types, author, how it ended."""
    past = _past(place)
    if not past:
        return f"no merged request is known in the history before {place.commit[:7]} that is at hand here"
    ordered = [one.commit for one in past]
    if given.text:
        texts = {one.commit: words(" ".join([one.title, *_said(one.scope)])) for one in past}
        ordered = Ranking(texts).best(given.text, most=given.most)
    by_commit = {one.commit: one for one in past}
    rows = [_row(by_commit[commit]) for commit in ordered[: given.most]]
    return "\n".join(rows) or f"none of the {len(past)} requests that are known is about it"


def recent_failures(place: Place, given: Failures) -> str:
    """Applies that failed, stopped or left a unit unhealthy, as far as this job was told; merges taken back."""
    rows = [
        f"{unit.unit}: {what} (of the merge {outcome.commit[:7]})"
        for outcome in place.outcomes
        for unit in outcome.units
        if given.unit in ("", unit.unit) and (what := _failed(unit))
    ]
    back = [one for one in _past(place) if one.ended != "merged"]
    rows += [_row(one) for one in back if not given.unit or given.unit in one.scope.units]
    told = "" if place.outcomes else "no outcome of an apply is known in this job; "
    return "\n".join(rows) or f"{told}no merge in the history at hand was taken back"


def open_changes(place: Place, given: Nothing) -> str:
    """Open pull requests of the agent with the units that they change, and units that are locked."""
    if place.open_changes is None:
        rows = ["open pull requests are not known in this job; the pipeline looks at them before it writes"]
    else:
        rows = [f"#{one.number}: {', '.join(one.units) or 'its units are not known'}" for one in place.open_changes]
        rows = rows or ["no other pull request of the agent is open"]
    if place.locks is None:
        return "\n".join([*rows, "locks are not known in this job"])
    return "\n".join([*rows, *(f"locked: {unit}: {why}" for unit, why in sorted(place.locks.items()))])


def facts(place: Place, given: OfEnvironment) -> str:
    """Resources by type: what the code holds, and what really runs where that was asked."""
    names = [name for name in place.settings.environments if given.environment in ("", name)]
    if not names:
        known = ", ".join(place.settings.environments)
        raise UserError(f"{shown(given.environment)}: no such environment; there are {known}")
    rows: list[str] = []
    for name in names:
        code = place.inventory.held(name)
        real = place.facts.get(name) if place.facts is not None else None
        rows.append(f"{name}: {'code / running' if real is not None else 'code (what runs is not known in this job)'}")
        for kind in sorted({*code, *(real or {})}):
            rows.append(f"  {kind}: {code[kind]}{f' / {real.get(kind, 0)}' if real is not None else ''}")
    return "\n".join(rows)


def drift(place: Place, given: OfUnit) -> str:
    """A line a unit: in sync, drifted with what differs, or that it could not be looked at."""
    if place.drift is None:
        return "nobody has looked for drift in this job"
    rows: list[str] = []
    for unit in _units(place.drift, given.unit):
        moved = [one for one in unit.changes if {*one.verbs} - scope.SILENT]
        if unit.status == "failed":
            rows.append(f"{unit.unit}: could not be looked at: {unit.reason}")
        elif moved:
            rows += [f"{unit.unit}: drifted", *(f"  {_change(one)}" for one in moved)]
        else:
            rows.append(f"{unit.unit}: in sync")
    return "\n".join(rows)


def show_plan(place: Place, given: OfUnit) -> str:
    """What applying would do: destroys and replacements first; names of attributes, never their values."""
    if place.plan is None:
        return "there is no plan in this job"
    rows: list[str] = []
    for unit in _units(place.plan, given.unit):
        rows += [
            f"{unit.unit} ({unit.target}): {unit.status}{f': {unit.reason}' if unit.reason else ''}",
            *_planned(unit),
        ]
    rows += [f"finding {one.rule} {one.address or one.path}: {one.message}" for one in place.plan.findings]
    return "\n".join(rows)


def _planned(unit: UnitPlan) -> Iterator[str]:
    ordered = sorted(unit.changes, key=lambda one: (not {*one.verbs} & scope.DESTROYS, one.address))
    yield from (f"  {_change(one)}" for one in ordered if {*one.verbs} - scope.SILENT)
    if unit.unknowns:
        yield f"  {unit.unknowns} attributes are known only after the apply"
    yield from (f"  {one.address} refers to {one.to}" for one in unit.references)
    if unit.cost is not None:
        more = unit.cost.unpriced + unit.cost.usage_based
        least = "at least " if more else ""
        yield (
            f"  known monthly cost: {least}{unit.cost.monthly_before:.2f} before, {least}{unit.cost.monthly_after:.2f} "
            f"{unit.cost.currency} after; {more} resources without a price"
        )


def _units(plan: Plan, name: str) -> Iterable[UnitPlan]:
    found = [unit for unit in plan.units if name in ("", unit.unit)]
    if not found and name:
        raise UserError(
            f"{shown(name)}: not in it; there are {', '.join(unit.unit for unit in plan.units) or 'no units'}"
        )
    return found


def _change(one: Change) -> str:
    fields = f": {', '.join(one.fields)}" if one.fields else ""
    return f"{'/'.join(one.verbs)} {one.address}{' (sensitive)' if one.sensitive else ''}{fields}"


def _failed(unit: UnitOutcome) -> str:
    if unit.status in ("failed", "stopped", "recovered"):
        return f"{unit.status}: {unit.reason}" if unit.reason else unit.status
    wrong = [probe.probe for probe in unit.probes if not probe.passed]
    return (
        f"applied and not healthy: {', '.join(wrong) or 'its second plan was not empty'}"
        if unit.healthy is False
        else ""
    )


def _past(place: Place) -> list[Past]:
    """Requests in the history, newest first: the commits of the agent carry number, author and scope of each."""
    back: dict[str, str] = {}
    for commit, _, text in messages_with(
        place.repo, place.commit, holding="Take back pull request ", most=MOST_REQUESTS
    ):
        back |= {match["pull"]: commit for match in _TAKEN_BACK.finditer(text) if match["pull"]}
    for commit, _, text in messages_with(place.repo, place.commit, holding="This reverts commit ", most=MOST_REQUESTS):
        back |= {match["commit"]: commit for match in _TAKEN_BACK.finditer(text) if match["commit"]}
    pulls: dict[str, str] = {}
    for _, _, text in messages_with(place.repo, place.commit, holding="Merge pull request #", most=MOST_REQUESTS):
        pulls |= {match["number"]: match["pull"] for match in _MERGED.finditer(text) if match["number"] not in pulls}
    found = []
    for commit, when, text in messages_with(place.repo, place.commit, holding=", written by ", most=MOST_REQUESTS):
        origin = _ORIGIN.search(text)
        asked = _scope(text)
        if origin is None or asked is None:
            continue
        title = text.lstrip().split("\n")[0]
        squashed = _PULL.search(title)
        pull = squashed["pull"] if squashed else pulls.get(origin["number"], "")
        taken = back.get(commit) or back.get(pull)
        ended = f"merged, taken back by {taken[:7]}" if taken else "merged"
        found.append(Past(commit, when, int(origin["number"]), title, origin["author"], asked, ended))
    return found


def _scope(text: str) -> Scope | None:
    """The scope that a message carries, wherever GitHub put it; None when there is none that can be read."""
    line = next((line for line in reversed(text.split("\n")) if line.startswith(scope.TRAILER)), "")
    try:
        return scope.from_message(line)
    except UserError:
        return None


def _said(one: Scope) -> tuple[str, ...]:
    return (one.environment, *one.units, *one.types)


def _row(one: Past) -> str:
    asked = f"{', '.join(one.scope.units)}: {', '.join(one.scope.types) or 'no types'}"
    return f"request {one.number}, {one.when:%Y-%m-%d}, {one.title}: {asked}; written by {one.author}; {one.ended}"


TOOLS = (
    Tool(
        "similar-requests",
        "Finds earlier requests like this one, with what they changed and how they ended.",
        Similar,
        similar_requests,
        2_000,
    ),
    Tool(
        "recent-failures",
        "Shows applies that failed and merges that were taken back.",
        Failures,
        recent_failures,
        2_000,
    ),
    Tool(
        "open-changes",
        "Shows the agent's other open pull requests by unit, and locked units.",
        Nothing,
        open_changes,
        2_000,
    ),
    Tool(
        "facts",
        "Counts resources by environment and type: in the code, and running where that is known.",
        OfEnvironment,
        facts,
        3_000,
    ),
    Tool("drift", "Shows which units differ from their code.", OfUnit, drift, 3_000),
    Tool("show-plan", "Shows the plan at hand: changes, references, cost, findings.", OfUnit, show_plan, 6_000),
)
