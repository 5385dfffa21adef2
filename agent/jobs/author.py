"""Request -> Intent and ChangeSet: how it was understood, and the files to write. Holds no key."""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path

from agent import preflight, risk
from agent.author.blueprint import write
from agent.author.catalog import load_blueprints
from agent.documents import Documents
from agent.domain import ChangeSet, Intent, Refusal, Request
from agent.gate import secret
from agent.guardrails import Guardrails
from agent.jobs.workspace import infrastructure
from agent.repo import open_repo
from agent.settings import Settings


def run(
    documents: Documents, *, root: Path, settings: Settings, guardrails: Guardrails, clock: Callable[[], datetime]
) -> tuple[ChangeSet, Intent]:
    """Write the change that the request asks for, or say what stands in the way: questions, refusals, a confirmation.

    The risk is never lower than its floor. A risky request holds no file until a person has confirmed it.

    What only the API knows (open pull requests, locks) is asked by `propose`, beside the write token.
    """
    request = documents.need(Request)
    existing = infrastructure(open_repo(root), request.base_sha)
    intent, change = write(
        request, settings=settings, guardrails=guardrails, blueprints=load_blueprints(), existing=existing
    )
    change = without_secrets(change)
    if change.status != "written":
        return change, intent
    intent = intent.model_copy(update={"risk": risk.floor(intent, change, None, guardrails)})
    refusals = preflight.check(
        request,
        change,
        intent=intent,
        guardrails=guardrails,
        settings=settings,
        standing=preflight.Standing(existing=existing),
        now=clock(),
    )
    if refusals:
        return change.model_copy(update={"status": "refused", "files": (), "refusals": refusals}), intent
    if risk.needs_confirmation(intent.risk) and not request.confirmed_by:
        why = risk.reasons(intent, change, None, guardrails)
        change = change.model_copy(update={"status": "needs-confirm", "files": (), "reasons": why})
    return change, intent


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
    )
