"""Request -> Intent and ChangeSet: how it was understood, and the files to write.

A golden path that a person named is filled in without any model. Else a strategist reads the request, where one is
configured; a golden path that it chooses goes the same way, and an author writes what none covers.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from agent import preflight, risk
from agent.author.blueprint import write
from agent.author.catalog import Blueprint, load_blueprints
from agent.author.request_form import read
from agent.author.strategist import Understanding, filled
from agent.documents import Documents
from agent.domain import ChangeSet, Intent, ModelCall, Refusal, Request, Scope
from agent.gate import secret
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import infrastructure
from agent.models.call import Models
from agent.models.roles import Role
from agent.repo import open_repo
from agent.settings import Settings
from agent.tools import Tools


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    clock: Callable[[], datetime],
    models: Models,
    roles: Mapping[str, Role],
    tools: Tools,
    pythons: Mapping[str, str],
) -> tuple[ChangeSet, Intent]:
    """Write the change that the request asks for, or say what stands in the way: questions, refusals, a confirmation.

    The risk is never lower than its floor. A risky request holds no file until a person has confirmed it.

    What only the API knows (open pull requests, locks) is asked by `propose`, beside the write token.
    """
    request = documents.need(Request)
    existing = infrastructure(open_repo(root), request.base_sha)
    blueprints = load_blueprints()

    def stopped(intent: Intent, change: ChangeSet) -> ChangeSet | None:
        """Why the change goes no further: what the preflight has against it, or that nobody confirmed its risk."""
        refusals = preflight.check(
            request, change, intent=intent, guardrails=guardrails, settings=settings,
            standing=preflight.Standing(existing=existing), now=clock(),
        )  # fmt: skip
        if refusals:
            return change.model_copy(update={"status": "refused", "files": (), "refusals": refusals})
        if risk.needs_confirmation(intent.risk) and not request.confirmed_by:
            why = risk.reasons(intent, change, None, guardrails)
            return change.model_copy(update={"status": "needs-confirm", "files": (), "reasons": why})
        return None

    asked = models.can(roles["strategist"]) and not _names_golden_path(request, blueprints, settings, guardrails)
    found: tuple[Intent, ChangeSet] | None = None
    note = ""
    if asked:
        from agent.jobs.parts import drafting  # with it come the models and the checks: seconds, where nobody is asked

        with tempfile.TemporaryDirectory(prefix="infra-agent-schemas-") as cache:
            place = drafting.place_of(
                request, root=root, settings=settings, guardrails=guardrails, tools=tools, pythons=pythons,
                blueprints=blueprints, cache=Path(cache), today=clock().date(),
            )  # fmt: skip
            answer = drafting.understood(request, place, models=models, role=roles["strategist"])
            note = f"the strategist gave no usable answer, so the text was read by rules alone: {answer.reason}"
            if answer.intent is not None:
                found = _of(answer, request, settings, guardrails, blueprints, existing)
            if answer.intent is not None and found is None:
                intent = _floored(answer.intent, planned := _planned(answer.intent), guardrails)
                found = (
                    intent,
                    stopped(intent, planned)
                    or drafting.written(request, intent, place, models=models, role=roles[f"author-{intent.target}"]),
                )
    if found is None:
        intent, change = write(
            request, settings=settings, guardrails=guardrails, blueprints=blueprints, existing=existing
        )
        found = (_noted(intent, note, models.calls), change) if asked else (intent, change)
    intent, change = found[0], without_secrets(found[1])
    if change.status not in ("written", "unfinished"):
        return change, intent
    intent = _floored(intent, change, guardrails)
    return stopped(intent, change) or change, intent


def _of(
    answer: Understanding,
    request: Request,
    settings: Settings,
    guardrails: Guardrails,
    blueprints: Mapping[str, Blueprint],
    existing: Mapping[str, str],
) -> tuple[Intent, ChangeSet] | None:
    """What follows from the strategist's answer alone: its questions, or the golden path it chose. None: write."""
    intent = answer.intent
    assert intent is not None
    if intent.questions:
        return intent, ChangeSet(status="needs-info", author="strategist")
    if not intent.blueprint:
        return None
    return filled(request, answer, settings=settings, guardrails=guardrails, blueprints=blueprints, existing=existing)


def without_secrets(change: ChangeSet) -> ChangeSet:
    """`change`, or a refusal in its place when a text of it holds a secret: its document is kept for people to read."""
    texts = {"its summary": change.summary, "its way back": change.rollback}
    texts |= {f"the name of file {number}": file.path for number, file in enumerate(change.files, start=1)}
    texts |= {f"the text of file {number}": file.content or "" for number, file in enumerate(change.files, start=1)}
    found = {where: kind for where, text in texts.items() for _, kind in islice(secret.find(text), 1)}
    if not found:
        return change
    said = "; ".join(f"{where} holds {kind}" for where, kind in found.items())
    message = f"what was written is thrown away: {said}. Say in the request where the secret is kept, not what it is"
    return ChangeSet(
        status="refused",
        author=change.author,
        refusals=(Refusal(rule="content/secret", value=f"{len(found)} places", message=message),),
        calls=change.calls,
    )


def _names_golden_path(
    request: Request, blueprints: Mapping[str, Blueprint], settings: Settings, guardrails: Guardrails
) -> bool:
    """Whether a person said which golden path it is: then nothing is left for a strategist to choose."""
    known = {name for blueprint in blueprints.values() for name in blueprint.properties}
    environments = [name for name in guardrails.environments if name in settings.environments]
    return bool(read(request, known=known, environments=environments, blueprints=blueprints).blueprint)


def _planned(intent: Intent) -> ChangeSet:
    """What the intent means to do, before anything is written: preflight and risk judge it, and save the writing."""
    verbs = {"delete": ("delete",), "create": ("create",)}
    said = tuple(dict.fromkeys(verb for one in intent.actions for verb in verbs.get(one.verb, ("update",))))
    scope = Scope.model_validate(
        {
            "environment": intent.environment,
            "units": intent.units,
            "types": dict.fromkeys(intent.types, said),
            "max_destroys": int("delete" in said),
        }
    )
    return ChangeSet(status="written", author="model", summary=intent.summary, units=intent.units, scope=scope)


def _floored(intent: Intent, change: ChangeSet, guardrails: Guardrails) -> Intent:
    return intent.model_copy(update={"risk": risk.floor(intent, change, None, guardrails)})


def _noted(intent: Intent, note: str, calls: Sequence[ModelCall]) -> Intent:
    """The intent with what people should know about how it came to be."""
    summary = f"{intent.summary} ({note})" if intent.questions else intent.summary
    more = {"summary": summary, "assumptions": (*intent.assumptions, note), "calls": tuple(calls)}
    return intent.model_copy(update=more)
