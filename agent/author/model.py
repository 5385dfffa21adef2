"""Request and Intent -> ChangeSet, written by a model in a bounded loop: outline, draft, findings, repair.

The author holds no key and no tool that writes. What it gives is data until gate and checks have passed it; the loop
only saves it a round through the pipeline. At most ROUNDS drafts; a draft counts as finished only when nothing at all
is found in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent.author import repair
from agent.author.draft import problems, scope_of, whole
from agent.domain import ChangeSet, File, Finding, Intent, ModelCall, Refusal, Request, Scope
from agent.models.call import Answer, Models, Reading
from agent.models.data import Block
from agent.models.roles import Role
from agent.tree import laid_over

# Gains flatten after a few rounds of repair; every one costs tokens and minutes.
ROUNDS = 3
MOST_TYPES = 30
MOST_STANDING = 200_000
MOST_SAID = 10
# What has one of these against it is no change yet: neither the gate nor a tool has seen it, so nothing of it is kept.
UNEXAMINED = frozenset({"draft/place", "draft/twice", "draft/trusted"})
OUTLINE = (
    "Say first what you will write: the types of resources (modules of Ansible, kinds of Kubernetes) that your code "
    "will use, and for each file that stands already the blocks in it that you will change."
)
DRAFT = "Now write the change: every file that is new or differs, whole, with its path."
BEGUN = (
    "Some of the files that stand are those of the request's own pull request, as it is now: keep what is in them, and "
    "change only what was asked for since; when all of that is in them already, give no file."
)
REPAIR = (
    "Your draft was examined. Mend every finding at its place and change nothing else; give every file of the change "
    "again, whole, the ones without findings as they were."
)


class Edit(BaseModel):
    """A file that stands already, and what of it will change."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=240)]
    blocks: Annotated[
        list[Annotated[str, Field(max_length=200)]],
        Field(max_length=60, description="Names of its blocks, such as resource.aws_s3_bucket.this, variable.size"),
    ]


class Outline(BaseModel):
    """What the author means to write, before it writes."""

    model_config = ConfigDict(extra="forbid")

    types: Annotated[
        list[Annotated[str, Field(max_length=120)]],
        Field(max_length=MOST_TYPES, description="Resource and data types, module names or kinds that will be used"),
    ]
    edits: Annotated[list[Edit], Field(max_length=40, description="Files that stand already and will change")]


class Written(BaseModel):
    """A whole file of the draft."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(min_length=1, max_length=240)]
    content: Annotated[str, Field(max_length=200_000)]


class Draft(BaseModel):
    """The change as the author gives it."""

    model_config = ConfigDict(extra="forbid")

    summary: Annotated[str, Field(min_length=1, max_length=300, description="What the change does, in one sentence")]
    files: Annotated[list[Written], Field(max_length=60, description="New and changed files, whole")]
    deleted: Annotated[
        list[Annotated[str, Field(max_length=240)]], Field(max_length=60, description="Paths of files to take away")
    ]
    rollback: Annotated[str, Field(max_length=1_000, description="How to take the change back")]


@dataclass(frozen=True)
class Bench:
    """What the loop works with.

    `base` is every text below infra/ as it stands. `readings` are the tools that the author may call; `describe` gives
    the schema of a type, a module or a kind (empty: there is none of that name). `examine` says what gate, `fmt`,
    `validate` and syntax checks have against files, in a clean copy. `laid_out` lays new files out as `terraform fmt`
    does. `most_creates` is how many resources one change may create in the environment. `draft` is what the request's
    own pull request holds already, against `base`: the author begins from it. Unless `more_asked`, that may be all.
    `refused` says why a path's text is shown to no model (empty: it is): state, variable files, keys.
    """

    base: Mapping[str, str]
    readings: Sequence[Reading]
    describe: Callable[[str], str]
    examine: Callable[[Sequence[File]], Sequence[Finding]]
    laid_out: Callable[[Sequence[File]], Sequence[File]] = lambda files: files
    most_creates: int = 100
    draft: Sequence[File] = ()
    more_asked: bool = False
    refused: Callable[[str], str] = lambda path: ""


@dataclass
class _Work:
    """What there is so far; `best` is the draft with the fewest findings that the gate has nothing against."""

    calls: list[ModelCall] = field(default_factory=list)
    best: tuple[int, Draft, tuple[File, ...], tuple[Finding, ...]] | None = None


def write(request: Request, intent: Intent, *, bench: Bench, models: Models, role: Role) -> ChangeSet:
    """Have the change written. `written` when nothing at all is found in it; else `unfinished`, the best draft that the
    gate lets through, with what is left; else `refused`: no answer of a model, or no draft that the gate lets through.

    Every failure of a model ends here as a text; nothing is raised for one.
    """
    work = _Work()
    shown = {path: text for path, text in bench.base.items() if not bench.refused(path)}
    begun_from = [file for file in bench.draft if not bench.refused(file.path)]
    known = grounds(request, intent, base=shown, draft=begun_from)
    begun = f" {BEGUN}" if bench.draft else ""
    outlined = models.ask(role, known, Outline, tools=bench.readings, task=f"{OUTLINE}{begun}")
    work.calls += outlined.calls
    if outlined.value is None:
        return _without_answer(outlined, work, intent)
    edits = {edit.path: tuple(edit.blocks) for edit in outlined.value.edits}
    schemas = _schemas(bench, (*intent.types, *outlined.value.types))
    known = [*known, *(Block(label=f"schema of {name}", text=text, most=24_000) for name, text in schemas.items())]
    outline = outlined.value.model_dump_json(indent=1)
    known.append(Block(label="your outline", text=outline, most=20_000, again=True))
    task, asked = f"{DRAFT}{begun}", list(known)
    for _ in range(ROUNDS):
        answer = models.ask(role, asked, Draft, tools=bench.readings, task=task)
        work.calls += answer.calls
        if answer.value is None:
            return _without_answer(answer, work, intent)
        files = tuple(bench.laid_out(_files(answer.value)))
        found = _found(files, answer.value, bench=bench, intent=intent, edits=edits)
        change = whole(bench.draft, files)
        if not found:
            return _change(answer.value, change, work, intent, bench, status="written")
        gated = _unexamined(found, bench) or any(one.source == "gate" for one in found)
        if not gated and (work.best is None or len(found) < work.best[0]):
            work.best = (len(found), answer.value, change, found)
        if repair.broken(found):
            break
        schemas |= _schemas(bench, [name for name in repair.types_at(found, change) if name not in schemas])
        asked = [
            *known,
            *(Block(label=f"draft {file.path}", text=file.content or "(deleted)", most=60_000) for file in files),
            repair.feedback(found, change, schemas=schemas),
        ]
        task = REPAIR
        last = found
    else:
        return _unfinished(work, intent, bench, found=last)
    return _unfinished(work, intent, bench, found=found)


def grounds(request: Request, intent: Intent, *, base: Mapping[str, str], draft: Sequence[File] = ()) -> list[Block]:
    """What the author reads before anything else: the request, how it was understood, and the units as they stand, with
    what the request's own pull request holds already.
    """
    asked = "\n\n".join([request.title, request.body, *(f"Answer: {one}" for one in request.answers)])
    keep = {"summary", "actions", "target", "environment", "assumptions", "units", "types"}
    blocks = [
        Block(label="request", text=asked, form="prose", most=20_000),
        Block(label="task", text=intent.model_dump_json(include=keep, indent=1), most=20_000),
    ]
    if draft:
        held = "\n".join(f"{file.path}{'' if file.content is not None else ' (deleted)'}" for file in draft)
        blocks.append(Block(label="files of the pull request", text=held, most=20_000))
        if request.answers:
            blocks.append(Block(label="asked for last", text=request.answers[-1], form="prose", most=20_000))
    left = MOST_STANDING
    for path, text in sorted(laid_over(base, draft).items()):
        if path.startswith(tuple(f"{unit}/" for unit in intent.units)) and len(text) <= left:
            left -= len(text)
            blocks.append(Block(label=f"file {path}", text=text, most=60_000))
    return blocks


def _schemas(bench: Bench, names: Sequence[str]) -> dict[str, str]:
    found = {name: bench.describe(name) for name in dict.fromkeys(names[:MOST_TYPES])}
    return {name: text for name, text in found.items() if text}


def _files(draft: Draft) -> tuple[File, ...]:
    written = [File(path=file.path, content=file.content) for file in draft.files]
    return (*written, *(File(path=path, content=None) for path in draft.deleted))


def _found(
    files: Sequence[File], draft: Draft, *, bench: Bench, intent: Intent, edits: Mapping[str, Sequence[str]]
) -> tuple[Finding, ...]:
    """All that stands against a draft. Tools see it only when nothing simpler does: it may not even be a change."""
    ours = problems(files, base=bench.base, intent=intent, edits=edits, rollback=draft.rollback, begun=bench.draft)
    if bench.draft and not bench.more_asked:
        ours = tuple(one for one in ours if one.rule != "draft/nothing")
    theirs = () if _unexamined(ours, bench) else bench.examine(whole(bench.draft, files))
    return (*ours, *(one for one in theirs if one.severity != "info"))


def _unexamined(found: Sequence[Finding], bench: Bench) -> bool:
    """Whether nobody has looked at the draft; without one that was begun, also when it changes nothing."""
    return any(one.rule in UNEXAMINED or (one.rule == "draft/nothing" and not bench.draft) for one in found)


def _change(
    draft: Draft, files: Sequence[File], work: _Work, intent: Intent, bench: Bench, *, status: str
) -> ChangeSet:
    changed = tuple(file for file in files if bench.base.get(file.path) != file.content)
    return ChangeSet.model_validate(
        {
            "status": status,
            "author": _author(work.calls),
            "summary": draft.summary,
            "files": tuple(sorted(changed, key=lambda file: file.path)),
            "units": intent.units,
            "scope": _scope(changed, intent, bench),
            "rollback": draft.rollback,
            "calls": tuple(work.calls),
        }
    )


def _scope(files: Sequence[File], intent: Intent, bench: Bench) -> Scope:
    return scope_of(files, base=bench.base, intent=intent, most=bench.most_creates)


def _unfinished(work: _Work, intent: Intent, bench: Bench, *, found: Sequence[Finding]) -> ChangeSet:
    """The best draft for a person to go on with; nothing of it when the gate refuses all of them."""
    if work.best is None:
        message = "; ".join(["no draft got past the gate, so none is shown", *said(found)[:MOST_SAID]])
        return _refused(work, intent, Refusal(rule="author/no-draft", value=f"{ROUNDS} drafts", message=message))
    _, draft, files, left_over = work.best
    change = _change(draft, files, work, intent, bench, status="unfinished")
    return change.model_copy(update={"reasons": said(left_over)})


def said(findings: Sequence[Finding]) -> tuple[str, ...]:
    """What is left, in the fixed texts: a person reads the tools' own words beside the checks."""
    lines = []
    for one in findings[: repair.MOST]:
        rule, text = repair.told(one)
        lines.append(f"{one.path or 'the change'}{f':{one.line}' if one.line else ''}: {rule}: {text}")
    return tuple(dict.fromkeys(lines))


def _without_answer(answer: Answer[Outline] | Answer[Draft], work: _Work, intent: Intent) -> ChangeSet:
    """No answer at all: nothing is written, and the reason says what a person can do."""
    name = work.calls[-1].model if work.calls else "no model"
    message = (
        f"the author gave no usable answer ({answer.outcome}: {answer.reason}). Put the label on again to try once "
        "more, name a golden path, or write the change yourself in a pull request"
    )
    return _refused(work, intent, Refusal(rule="author/no-answer", value=name, message=message))


def _refused(work: _Work, intent: Intent, refusal: Refusal) -> ChangeSet:
    return ChangeSet(
        status="refused",
        author=_author(work.calls),
        summary=intent.summary,
        refusals=(refusal,),
        calls=tuple(work.calls),
    )


def _author(calls: Sequence[ModelCall]) -> str:
    answered = [call.model for call in calls if call.outcome == "ok"]
    return f"model:{answered[-1] if answered else calls[-1].model if calls else 'none'}"
