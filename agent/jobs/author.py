"""Request -> Intent and ChangeSet: how it was understood, and the files to write. Holds no key."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from agent import preflight
from agent.author.blueprint import write
from agent.author.catalog import load_blueprints
from agent.documents import Documents
from agent.domain import ChangeSet, Intent, Request
from agent.guardrails import Guardrails
from agent.jobs.workspace import infrastructure
from agent.repo import open_repo
from agent.settings import Settings


def run(
    documents: Documents, *, root: Path, settings: Settings, guardrails: Guardrails, clock: Callable[[], datetime]
) -> tuple[ChangeSet, Intent]:
    """Write the change that the request asks for, the questions that have to be answered first, or why it is refused.

    What only the API knows (open pull requests, locks) is asked by `propose`, beside the write token.
    """
    request = documents.need(Request)
    existing = infrastructure(open_repo(root), request.base_sha)
    intent, change = write(
        request, settings=settings, guardrails=guardrails, blueprints=load_blueprints(), existing=existing
    )
    if change.status != "written":
        return change, intent
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
        change = change.model_copy(update={"status": "refused", "files": (), "refusals": refusals})
    return change, intent
