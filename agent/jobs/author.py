"""Request -> Intent and ChangeSet: how it was understood, and the files to write. Holds no key."""

from pathlib import Path

from agent.author.blueprint import write
from agent.author.catalog import load_blueprints
from agent.documents import Documents
from agent.domain import ChangeSet, Intent, Request
from agent.jobs.workspace import infrastructure
from agent.repo import open_repo
from agent.settings import Guardrails, Settings


def run(documents: Documents, *, root: Path, settings: Settings, guardrails: Guardrails) -> tuple[ChangeSet, Intent]:
    """Write the change that the request asks for, or the questions that have to be answered first."""
    request = documents.need(Request)
    existing = infrastructure(open_repo(root), request.base_sha)
    intent, change = write(
        request, settings=settings, guardrails=guardrails, blueprints=load_blueprints(), existing=existing
    )
    return change, intent
