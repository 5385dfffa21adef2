"""Request -> Intent, as a model understands it and code accepts it: a golden path, units to write, or questions.

What the model says is a proposal. Names of environments, golden paths and units are held against what there is; risk
only ever goes up from it; and a golden path is filled in by the same code that a person's form goes through.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.author.blueprint import write
from agent.author.catalog import Blueprint
from agent.author.draft import environment_of
from agent.author.request_form import ENVIRONMENT, normal
from agent.domain import Action, ChangeSet, File, Intent, ModelCall, Question, Request, Risk, Target
from agent.guardrails import RISKS, Guardrails
from agent.models.call import Models, Reading
from agent.models.data import Block
from agent.models.roles import Role
from agent.settings import Settings

TRIES = 2
MOST_QUESTIONS = 3
TASK = "Say how this request is understood."
BEGUN = (
    "The request has a pull request already, whose files you see: say what the whole of it is to be once it holds what "
    "was asked for last."
)
CONFIRMED = (
    "A person has confirmed how the request was understood: stay within that, unless the request says otherwise."
)
AGAIN = "Your answer named what is not there; see the last block. Answer again."
Short = Annotated[str, Field(min_length=1, max_length=200)]


class Setting(BaseModel):
    """One parameter by its name; a list is written with commas."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    value: Annotated[str, Field(max_length=2_000)]


class Doing(BaseModel):
    """One thing to do."""

    model_config = ConfigDict(extra="forbid")

    verb: Literal["create", "update", "delete", "scale", "restart", "backup", "monitor"]
    resource: Annotated[str, Field(min_length=1, max_length=200, description="The provider's type, and its name")]
    parameters: Annotated[list[Setting], Field(max_length=40)]
    reason: Annotated[str, Field(max_length=300, description="In the request's own words")]


class Asking(BaseModel):
    """A question to the person who asked."""

    model_config = ConfigDict(extra="forbid")

    field: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="One word that names what is asked")]
    question: Annotated[str, Field(min_length=1, max_length=300)]
    suggestion: Annotated[str, Field(min_length=1, max_length=200, description="What a careful engineer would answer")]


class Understood(BaseModel):
    """How the strategist understands a request."""

    model_config = ConfigDict(extra="forbid")

    summary: Annotated[str, Field(min_length=1, max_length=400)]
    target: Target
    environment: Annotated[str, Field(max_length=32, description="One of the environments; empty only with a question")]
    risk: Risk
    blueprint: Annotated[str, Field(max_length=80, description="Name of the golden path; empty when code is written")]
    parameters: Annotated[list[Setting], Field(max_length=60, description="Of the golden path, by its schema")]
    actions: Annotated[list[Doing], Field(max_length=30)]
    units: Annotated[list[Short], Field(max_length=5, description="Folders to write; empty with a golden path")]
    types: Annotated[
        list[Short],
        Field(
            max_length=40, description="Every resource type or kind that the code will need; nothing else may be used"
        ),
    ]
    assumptions: Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=20)]
    questions: Annotated[list[Asking], Field(max_length=MOST_QUESTIONS)]


@dataclass(frozen=True)
class Grounds:
    """What an answer is held against: environments that may be asked for, golden paths, and every path below infra/.

    `draft` are the files of the request's own pull request, which a model wrote.
    """

    environments: Sequence[str]
    blueprints: Mapping[str, Blueprint]
    paths: Sequence[str]
    draft: Sequence[File] = ()


@dataclass(frozen=True)
class Understanding:
    """An Intent, or None and `reason`. `parameters` are those of the Intent's golden path, as texts."""

    intent: Intent | None
    reason: str
    parameters: Mapping[str, str]
    calls: tuple[ModelCall, ...]


def understand(
    request: Request, *, grounds: Grounds, readings: Sequence[Reading], models: Models, role: Role
) -> Understanding:
    """Ask the strategist, at most TRIES times. No usable answer gives no Intent, and the reason.

    An environment that was chosen in the form is the only one that may be understood, until an answer says otherwise.
    """
    chosen = request.fields.get(ENVIRONMENT, "").strip().lower()
    if chosen in grounds.environments and not request.answers:
        grounds = replace(grounds, environments=(chosen,))
    blocks = blocks_of(request, grounds)
    calls: list[ModelCall] = []
    more = [*([BEGUN] if grounds.draft else []), *([CONFIRMED] if request.confirmed else [])]
    asked, task, reason = list(blocks), " ".join([TASK, *more]), ""
    for _ in range(TRIES):
        answer = models.ask(role, asked, Understood, tools=readings, task=task)
        calls += answer.calls
        if answer.value is None:
            return Understanding(None, answer.reason, {}, tuple(calls))
        wrong = problems(answer.value, grounds)
        if not wrong:
            given = {normal(one.name): one.value for one in answer.value.parameters}
            return Understanding(intent_of(answer.value, calls=calls), "", given, tuple(calls))
        reason = wrong[0]
        shown = Block(label="your answer", text=answer.value.model_dump_json(indent=1), most=20_000)
        asked = [*blocks, shown, Block(label="what is wrong with it", text="\n".join(wrong))]
        task = " ".join([AGAIN, *more])
    return Understanding(None, f"the answer named what is not there: {reason}", {}, tuple(calls))


def blocks_of(request: Request, grounds: Grounds) -> list[Block]:
    """What stays the same from request to request first, so that a prompt cache finds it again."""
    paths = [f"- {one.name}: {one.when_to_use.strip()}" for one in grounds.blueprints.values()]
    asked = [request.title, request.body]
    asked += [f"{field}: {answer}" for field, answer in request.fields.items()]
    asked += [f"Answer: {answer}" for answer in request.answers]
    blocks = [
        Block(label="environments", text="\n".join(grounds.environments)),
        Block(label="golden paths", text="\n".join(paths), most=20_000, again=True),
        Block(label="request", text="\n\n".join(asked), form="prose", most=30_000),
    ]
    if grounds.draft:
        held = "\n\n".join(f"{file.path}\n{file.content or '(deleted)'}" for file in grounds.draft)
        blocks.append(Block(label="pull request of this request", text=held, most=60_000))
    if request.confirmed is not None:
        said = request.confirmed.model_dump_json(exclude={"after", "comment"}, indent=1)
        blocks.append(Block(label="what was confirmed", text=said, most=20_000))
    return blocks


def problems(said: Understood, grounds: Grounds) -> list[str]:
    """What an answer names that is not there, in texts of ours; empty when it can be used."""
    if said.questions:
        return []
    found: list[str] = []
    if said.environment not in grounds.environments:
        found.append(f"environment: must be one of {', '.join(grounds.environments)}, or ask")
    if said.blueprint:
        blueprint = grounds.blueprints.get(said.blueprint)
        if blueprint is None:
            return [*found, f"blueprint: must be one of {', '.join(grounds.blueprints)}, or empty"]
        names = {normal(name) for name in blueprint.properties}
        if any(normal(one.name) not in names for one in said.parameters):
            found.append(f"parameters: {said.blueprint} has only {', '.join(blueprint.properties)}")
        return found
    if not said.actions:
        found.append("actions: at least one is needed")
    if not said.types:
        found.append("types: name every resource type or kind that the code will need")
    if said.target == "terraform" and any("_" not in one for one in said.types):
        # `aws` alone would stand for every type that begins with it.
        found.append("types: each must be a whole type, such as aws_sqs_queue")
    if not said.units:
        found.append("units: name the folder of each unit to write, or choose a golden path")
    folder = {
        "terraform": "infra/terraform/<environment>/<name>",
        "kubernetes": "infra/kubernetes/<environment>/<name>",
    }
    for unit in said.units:
        place = environment_of(unit, said.target)
        if place is None:
            found.append(f"units: each must be {folder.get(said.target, 'infra/ansible/<name>')}, in small letters")
        elif place not in ("", said.environment):
            found.append("units: each must lie in the environment that you name")
    only_changes = bool(said.actions) and all(one.verb != "create" for one in said.actions)
    if only_changes and not all(any(path.startswith(f"{unit}/") for path in grounds.paths) for unit in said.units):
        found.append("units: one of them is not there, and nothing is created; list-units shows those that stand")
    return list(dict.fromkeys(found))


def intent_of(said: Understood, *, calls: Sequence[ModelCall]) -> Intent:
    """The answer as an Intent. With questions nothing else of it is used."""
    questions = tuple(Question(field=one.field, rule=one.question, suggestion=one.suggestion) for one in said.questions)
    actions = tuple(
        Action(
            verb=one.verb,
            resource=one.resource,
            parameters={setting.name: setting.value for setting in one.parameters},
            reason=one.reason,
        )
        for one in said.actions
    )
    return Intent(
        summary=said.summary,
        actions=actions,
        target=said.target,
        environment=said.environment,
        risk=said.risk,
        blueprint=said.blueprint,
        assumptions=tuple(said.assumptions),
        questions=questions,
        units=() if said.blueprint else tuple(dict.fromkeys(said.units)),
        types=() if said.blueprint else tuple(dict.fromkeys(said.types)),
        calls=tuple(calls),
    )


def filled(
    request: Request,
    found: Understanding,
    *,
    settings: Settings,
    guardrails: Guardrails,
    blueprints: Mapping[str, Blueprint],
    existing: Mapping[str, str],
) -> tuple[Intent, ChangeSet]:
    """The golden path that was chosen, written by the code that a person's form goes through: no model writes a line.

    `found` holds an Intent with a golden path. `existing` is as in `blueprint.write`.
    """
    said = found.intent
    assert said is not None
    form = as_form(request, said, found.parameters)
    intent, change = write(form, settings=settings, guardrails=guardrails, blueprints=blueprints, existing=existing)
    chosen = f"golden path {said.blueprint}: chosen for the text of the request"
    more = {
        "risk": max(intent.risk, said.risk, key=RISKS.index),
        "assumptions": (*intent.assumptions, chosen, *said.assumptions),
        "calls": said.calls,
    }
    return intent.model_copy(update=more), change


def as_form(request: Request, intent: Intent, parameters: Mapping[str, str]) -> Request:
    """The request as if a person had filled in the form for the golden path that was chosen."""
    lines = [f"{name}: {json.dumps(value)}" for name, value in parameters.items()]
    fields = {"environment": intent.environment, "blueprint": intent.blueprint, "parameters": "\n".join(lines)}
    return request.model_copy(update={"fields": fields, "answers": (), "body": ""})
