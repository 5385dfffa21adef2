"""A case on a ground, and models -> what the author job makes of it: the very job that the pipeline runs."""

import hashlib
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from agent.documents import Documents, write
from agent.domain import ChangeSet, Intent, ModelCall, Request, Value
from agent.errors import AgentError
from agent.evals.case import Case
from agent.evals.ground import Ground
from agent.jobs import author
from agent.models.call import Models
from agent.models.roles import Role

PERSON = "eval"
# When the job went on without the strategist, no model was measured.
FELL_BACK = "the strategist gave no usable answer"


class Attempt(Value):
    """What came of one request. `drafts` counts the drafts that a model gave: 1 without any repair, 0 when a golden
    path was filled in, or nothing was written. `failure` says why there is no change to judge.
    """

    change: ChangeSet | None
    intent: Intent | None
    failure: str = ""
    drafts: int = 0
    calls: tuple[ModelCall, ...] = ()
    seconds: float = 0.0


def attempt(case: Case, ground: Ground, *, models: Models, roles: Mapping[str, Role]) -> Attempt:
    """Run the author job on the case. Never raises an AgentError: that is an answer, and a bad one."""
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="infra-agent-eval-documents-") as folder:
            write(Path(folder) / f"{Request.name}.json", request_of(case, ground))
            change, intent = author.authored(
                Documents(Path(folder)),
                root=ground.root,
                settings=ground.settings,
                guardrails=ground.guardrails,
                clock=lambda: datetime.now(UTC),
                models=models,
                roles=roles,
                tools=ground.tools,
                pythons=ground.pythons,
                asks=False,
            )
    except AgentError as error:
        return _with(models, began, change=None, intent=None, failure=str(error))
    fell_back = f"{FELL_BACK}: {intent.fallback}" if intent.fallback else ""
    return _with(models, began, change=None if fell_back else change, intent=intent, failure=fell_back)


def request_of(case: Case, ground: Ground) -> Request:
    """The case as a person would have filed it."""
    return Request(
        status="accepted",
        trigger="label",
        repository="eval/eval",
        number=1,
        url="https://github.com/eval/eval/issues/1",
        title=case.title,
        body=case.prompt,
        answers=case.answers,
        requester=PERSON,
        actor=PERSON,
        sha256=hashlib.sha256(f"{case.title}\n{case.prompt}".encode()).hexdigest(),
        base_sha=ground.commit,
        branch="agent/1",
    )


def _with(models: Models, began: float, *, change: ChangeSet | None, intent: Intent | None, failure: str) -> Attempt:
    answered = [call for call in models.calls if call.role.startswith("author-") and call.outcome == "ok"]
    return Attempt(
        change=change,
        intent=intent,
        failure=failure,
        drafts=max(0, len(answered) - 1),  # the first answer is the outline
        calls=tuple(models.calls),
        seconds=round(time.monotonic() - began, 3),
    )
