"""Request -> Intent and ChangeSet: how it was understood, and the files to write.

A golden path that a person named is filled in without any model. Else a strategist reads the request, where one is
configured; a golden path that it chooses goes the same way, and an author writes what none covers.
"""

import tempfile
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path

from agent import preflight, risk
from agent.author.blueprint import write
from agent.author.catalog import Blueprint, load_blueprints
from agent.author.request_form import read
from agent.author.strategist import Understanding, filled
from agent.documents import Documents
from agent.domain import ChangeSet, Intent, Refusal, Request, Situation
from agent.gate import secret
from agent.guardrails import Guardrails
from agent.jobs.parts.confirmed import meant_scope, planned_scope, unconfirmed
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
    secrets: Collection[str],
) -> tuple[ChangeSet, Intent]:
    """Write the change that the request asks for, or say what stands in the way: questions, refusals, a confirmation.

    The risk is never lower than its floor. A risky request holds no file until a person has confirmed it, and then none
    that goes beyond what that person had read: a model may understand otherwise when it is asked again. `secrets` are
    values that this process knows and that no model is shown.

    What only the API knows (open pull requests, locks) comes from `intake`; `propose` asks again, beside the write
    token.
    """
    return authored(
        documents, root=root, settings=settings, guardrails=guardrails, clock=clock, models=models, roles=roles,
        tools=tools, pythons=pythons, secrets=secrets,
    )  # fmt: skip


def authored(
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
    secrets: Collection[str] = (),
    asks: bool = True,
) -> tuple[ChangeSet, Intent]:
    """As `run`. Without `asks` nobody confirms anything: only for what is measured and never proposed."""
    request = documents.need(Request)
    around = documents.get(Situation) or Situation()
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
        if asks and (why := unconfirmed(request, intent, change, guardrails)):
            return change.model_copy(update={"status": "needs-confirm", "files": (), "reasons": why})
        return None

    def stopped_before(intent: Intent) -> ChangeSet | None:
        """The same of what is only meant yet. Who confirms it confirms the most that may be written for it."""
        stop = stopped(intent, _meant(intent))
        if stop is None or stop.status != "needs-confirm":
            return stop
        return stop.model_copy(update={"scope": planned_scope(intent, guardrails)})

    asked = models.can(roles["strategist"]) and not _names_golden_path(request, blueprints, settings, guardrails)
    found: tuple[Intent, ChangeSet] | None = None
    note = ""
    if asked:
        from agent.jobs.parts import drafting  # with it come the models and the checks: seconds, where nobody is asked

        with tempfile.TemporaryDirectory(prefix="infra-agent-schemas-") as cache:
            place = drafting.place_of(
                request, root=root, settings=settings, guardrails=guardrails, tools=tools, pythons=pythons,
                blueprints=blueprints, cache=Path(cache), today=clock().date(), around=around, secrets=secrets,
            )  # fmt: skip
            answer = drafting.understood(request, place, around, models=models, role=roles["strategist"])
            note = answer.reason
            if answer.intent is not None:
                found = _of(answer, request, settings, guardrails, blueprints, existing)
            if answer.intent is not None and found is None:
                intent = _floored(answer.intent, _meant(answer.intent), guardrails)
                role = roles[f"author-{intent.target}"]
                found = (
                    intent,
                    stopped_before(intent)
                    or drafting.written(request, intent, place, around, models=models, role=role),
                )
    if found is None:
        intent, change = write(
            request, settings=settings, guardrails=guardrails, blueprints=blueprints, existing=existing
        )
        if asked:
            intent = intent.model_copy(update={"fallback": note, "calls": tuple(models.calls)})
        found = (intent, change)
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


def _meant(intent: Intent) -> ChangeSet:
    """What the intent means to do, before anything is written: preflight and risk judge it, and save the writing."""
    scope = meant_scope(intent)
    return ChangeSet(status="written", author="model", summary=intent.summary, units=intent.units, scope=scope)


def _floored(intent: Intent, change: ChangeSet, guardrails: Guardrails) -> Intent:
    return intent.model_copy(update={"risk": risk.floor(intent, change, None, guardrails)})
