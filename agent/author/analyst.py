"""A change with its plan and findings -> Review: a second model's findings, of which only those with evidence count."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.domain import ChangeSet, Finding, Findings, Intent, Plan, Request, Review, Topic
from agent.models.call import Models
from agent.models.data import Block
from agent.models.roles import Role

# Shorter quotes (a brace, `}`) stand in every file and are evidence for nothing.
SHORTEST_QUOTE = 4
MOST_POINTS = 40
# What of an intent is held against the change: `readings` were taken from the request's text, `assumptions` were not.
UNDERSTOOD = {"summary", "actions", "environment", "risk", "blueprint", "readings", "assumptions", "fallback"}
# What is judged, and so is read whole or not at all: whoever fills its middle would choose what nobody reads.
WHOLE = ("change", "plan")
TASK = "Review this change. Answer with your findings; none is a fine answer."


class Point(BaseModel):
    """One finding of the analyst, with the line of the change or the address of the plan that it rests on."""

    model_config = ConfigDict(extra="forbid")

    topic: Topic
    severity: Literal["low", "medium", "high"]
    message: Annotated[str, Field(min_length=1, max_length=1_000)]
    path: Annotated[str, Field(max_length=300)] = ""
    quote: Annotated[str, Field(max_length=1_000)] = ""
    address: Annotated[str, Field(max_length=500)] = ""


class Opinion(BaseModel):
    """All findings of the analyst."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[Point], Field(max_length=MOST_POINTS)]


def review(
    request: Request,
    change: ChangeSet,
    *,
    intent: Intent | None,
    plan: Plan | None,
    findings: Findings | None,
    base: Mapping[str, str],
    models: Models,
    role: Role,
) -> Review:
    """Ask the analyst. `base` maps the paths of the changed files to their texts before the change.

    No answer, a refusal and an answer of another form are `inconclusive`, never a pass.
    """
    commit = plan.commit if plan else None
    if not models.can(role):
        why = f"no model of the role {role.name} is configured ({', '.join(role.models)})"
        return Review(status="none", reason=why, commit=commit)
    blocks = blocks_of(request, change, intent=intent, plan=plan, findings=findings, base=base)
    if why := unread(blocks):
        return Review(status="inconclusive", reason=why, commit=commit)
    answer = models.ask(role, blocks, Opinion, task=TASK)
    if answer.value is None:
        return Review(status="inconclusive", reason=answer.reason, commit=commit, calls=answer.calls)
    kept = grounded(answer.value.points, change=change, plan=plan, base=base)
    return Review(
        status="findings" if kept else "passed",
        commit=commit,
        findings=kept,
        dropped=len(answer.value.points) - len(kept),
        calls=answer.calls,
    )


def grounded(
    points: Iterable[Point], *, change: ChangeSet, plan: Plan | None, base: Mapping[str, str]
) -> tuple[Finding, ...]:
    """The points that rest on a line which the change adds or takes away, or on an address which the plan changes."""
    texts = {file.path: file.content or "" for file in change.files}
    units = {
        planned.address: unit.unit
        for unit in (plan.units if plan else ())
        for planned in unit.changes
        if set(planned.verbs) - {"no-op", "read"}
    }
    kept = []
    for point in points:
        line = _line_of(point, texts, base) if point.path in texts else None
        if line is None and point.address not in units:
            continue
        kept.append(
            Finding(
                source="review",
                rule=f"review/{point.topic}",
                severity=point.severity,
                message=point.message,
                path=point.path if line is not None else "",
                line=line or 0,
                address=point.address if point.address in units else "",
            )
        )
    return tuple(dict.fromkeys(kept))


def blocks_of(
    request: Request,
    change: ChangeSet,
    *,
    intent: Intent | None,
    plan: Plan | None,
    findings: Findings | None,
    base: Mapping[str, str],
) -> tuple[Block, ...]:
    """What the analyst reads, the parts that stay the same over a repeated question first."""
    blocks = [Block(label="request", text=f"{request.title}\n\n{request.body}", form="prose", most=20_000)]
    if request.answers:
        blocks.append(Block(label="what was said since", text="\n\n".join(request.answers), form="prose", most=20_000))
    if intent is not None:
        said = intent.model_dump_json(include=UNDERSTOOD, indent=1)
        blocks.append(Block(label="how it was understood", text=said, most=10_000))
    if change.scope is not None:
        blocks.append(Block(label="scope", text=change.scope.model_dump_json(indent=1), most=10_000))
    blocks.append(Block(label="change", text=diff_of(change, base), most=240_000))
    if plan is not None:
        blocks.append(Block(label="plan", text=_plan_text(plan), most=60_000))
    if findings is not None:
        found = (*findings.findings, *(plan.findings if plan else ()))
        told = "\n".join(f"{one.path}:{one.line} {one.severity} {one.rule}" for one in found)
        blocks.append(Block(label="findings of the tools", text=told or "none", most=20_000))
    return tuple(blocks)


def unread(blocks: Iterable[Block]) -> str:
    """Why the change cannot be reviewed: a part of what is judged would be left out. Empty when all of it is read."""
    for block in blocks:
        if block.label in WHOLE and len(block.text) > block.most:
            return (
                f"the {block.label} has {len(block.text)} characters, and a reviewer reads at most {block.most}: the "
                "rest would be passed unread; ask for less in one request"
            )
    return ""


def diff_of(change: ChangeSet, base: Mapping[str, str]) -> str:
    """The change as a unified diff with three lines around each place."""
    parts: list[str] = []
    for file in sorted(change.files, key=lambda file: file.path):
        before, after = base.get(file.path), file.content
        parts += difflib.unified_diff(
            (before or "").splitlines(),
            (after or "").splitlines(),
            fromfile=file.path if before is not None else "nothing",
            tofile=file.path if after is not None else "nothing",
            lineterm="",
        )
    return "\n".join(parts)


def _plan_text(plan: Plan) -> str:
    lines = []
    for unit in plan.units:
        lines.append(f"{unit.unit}: {unit.status}{f' ({unit.reason})' if unit.reason else ''}")
        for one in unit.changes:
            if set(one.verbs) - {"no-op"}:
                fields = f": {', '.join(one.fields)}" if one.fields else ""
                lines.append(f"  {'+'.join(one.verbs)} {one.address}{fields}")
        if unit.cost is not None:
            lines.append(f"  known monthly cost {unit.cost.monthly_before:.2f} -> {unit.cost.monthly_after:.2f}")
    return "\n".join(lines)


def _line_of(point: Point, texts: Mapping[str, str], base: Mapping[str, str]) -> int | None:
    """The line, counted from 1, of the changed file that the quote is; 0 for a line that the change takes away.

    Of a quote of several lines each has to stand there, and the first is the place. The signs of a diff are no part of
    a quote.
    """
    quoted = [text for line in point.quote.splitlines() if len(text := _spaced(line.lstrip("+-"))) >= SHORTEST_QUOTE]
    added, gone = _changed(base.get(point.path, ""), texts[point.path])
    places = [next((number for number, text in added if quote in _spaced(text)), 0) for quote in quoted]
    if places and all(places):
        return places[0]
    return 0 if quoted and all(any(quote in _spaced(text) for text in gone) for quote in quoted) else None


@lru_cache(maxsize=128)  # an analyst says many things of one file
def _changed(before: str, after: str) -> tuple[list[tuple[int, str]], list[str]]:
    """The lines that come, with their numbers, and those that go, as `diff_of` shows them: without its shortcut for
    lines that stand everywhere, a file of 4,000 lines takes minutes.
    """
    old, new = before.splitlines(), after.splitlines()
    added: list[tuple[int, str]] = []
    gone: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            gone += old[a:b]
            added += _numbered(new, c, d)
    return added, gone


def _numbered(lines: Sequence[str], start: int, end: int) -> list[tuple[int, str]]:
    return [(number + 1, lines[number]) for number in range(start, end)]


def _spaced(text: str) -> str:
    return " ".join(text.split())
