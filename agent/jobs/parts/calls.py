"""What the API says of the last hour -> why a call of the agent is one too many, or nothing."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice

from agent import commands
from agent.domain import ROUTES
from agent.github import read
from agent.jobs.parts.steering import Rights

# How much of the hour is looked at: enough for the highest limits, and a bound for a flood.
MOST = 600


def too_often(rights: Rights, label: str, *, login: str, number: int, comment: int | None, now: datetime) -> str:
    """Why the call that `login` made on `number` is refused for now; empty when it is not.

    Calls are the label and commands that start the pipeline, by people who may write; a call counts those before it,
    so that of a flood the first ones go on. Costs two calls of the API, more only after hundreds of events.
    """
    limits = rights.guardrails.calls
    since = now - timedelta(minutes=limits.minutes)
    made: Counter[str] = Counter()
    found = list(islice(read.labels_since(rights.connection, since), MOST))
    mine = max((one.id for one in found if one.label == label and one.number == number), default=None)
    for one in found:
        later = comment is None and mine is not None and one.id >= mine
        if one.label == label and not later and rights.may_write(one.actor):
            made[one.actor] += 1
    for said in islice(read.comments_since(rights.connection, since), MOST):
        command = commands.parse(said.body)
        later = said.created_at < since or (comment is not None and said.id >= comment)
        if not later and said.by_person and isinstance(command, commands.Command) and _counts(command.name):
            made[said.author] += rights.may_write(said.author)
    window = f"within {limits.minutes} minutes; wait, then call it again"
    if made[login] >= limits.per_person:
        return f"{login} has called the agent {made[login]} times, {limits.per_person} are allowed {window}"
    if made.total() >= limits.per_repository:
        return f"the agent was called {made.total()} times here, {limits.per_repository} are allowed {window}"
    return ""


def _counts(name: str) -> bool:
    return name in ROUTES or name == "approve-destroy"
