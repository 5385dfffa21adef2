"""A GitHub event -> Request: who asks for what, frozen at this moment, or why nothing will be done."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import commands, events
from agent.clean import clean
from agent.domain import Document, Request, Run
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.called import from_comment
from agent.jobs.parts.calls import too_often
from agent.jobs.parts.late import too_late
from agent.jobs.parts.situation import with_situation
from agent.jobs.parts.snapshot import Surroundings, answered, digest_of, from_issue, from_pull, ignored, unheard
from agent.jobs.parts.steering import Rights
from agent.repo import Remote, head, open_repo
from agent.settings import Settings


def run(
    event_name: str,
    payload: Mapping[str, Any],
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    default_branch: str,
    clock: Callable[[], datetime],
    this_run: Run,
) -> tuple[Document, ...]:
    """The Request of this event; with the ChangeSet too, when that is one of a pull request or what a merge replaced,
    or with the Situation, when somebody is to write.

    An actor who may not write gives an `ignored` Request, an event that is too old a refused one. Raises Denied when
    the API does not say who may.
    """
    event = events.parse(event_name, payload)
    repo = open_repo(root)
    here = Surroundings(
        repo, head(repo), settings, connection, remote, Rights(connection, guardrails), default_branch, clock()
    )
    match event:
        case events.IssueLabelled() if event.label == settings.request_label:
            return _guarded(event, here) or with_situation(_labelled(event, here, this_run), here)
        case events.IssueComment() if event.actor.login != connection.bot:
            return _commented(event, here, this_run)
        case events.PullRequestChanged() if event.action == "closed":
            return (_ended(event, here),)
        case events.PullRequestChanged() if event.actor.login != connection.bot:
            return from_pull(here, event.number, actor=event.actor.login, trigger="pull_request")
    reason = event.reason if isinstance(event, events.Ignored) else "the event is not for the agent"
    return (ignored(here, reason),)


def not_set_up(root: Path, connection: Connection) -> Request:
    """The answer to a pull request into a branch that has no settings of ours: nothing is read, judged or posted."""
    why = "infra-agent is not on the default branch yet; nothing is judged until this is merged"
    return unheard(why, repository=connection.name, base=head(open_repo(root)))


def _labelled(event: events.IssueLabelled, here: Surroundings, this_run: Run) -> Request:
    """The request as it stood when it was labelled. What its author changed since is not what somebody asked for."""
    request = from_issue(here, event.number, actor=event.actor.login, trigger="label")
    if why := too_late(event, here, attempt=this_run.attempt):
        # What the status comment says since is right, and stays: this is answered in a comment of its own.
        return request.model_copy(update={"status": "refused", "trigger": "usage", "reasons": (why,)})
    if why := too_often(
        here.rights,
        here.settings.request_label,
        login=event.actor.login,
        number=event.number,
        comment=None,
        now=here.now,
    ):
        return request.model_copy(update={"status": "refused", "reasons": (*request.reasons, why)})
    if request.sha256 != digest_of(event.title, event.body):
        why = f"issue #{event.number} was changed after it was labelled; label it again"
        return request.model_copy(update={"status": "refused", "reasons": (*request.reasons, why)})
    return request


def _guarded(event: events.IssueLabelled | events.IssueComment, here: Surroundings) -> tuple[Request, ...]:
    """An `ignored` Request when the actor of `event` may not call the agent; empty when the actor may."""
    login = event.actor.login
    # An App may repeat what anybody told it.
    if event.actor.kind != "User":
        reason = f"denied: {login} is no person, and only people call the agent"
    elif (permission := here.rights.permission(login)) in read.MAY_WRITE:
        return ()
    else:
        reason = f"denied: {login} has {permission!r} permission, calling the agent needs write or more"
    return (ignored(here, reason, number=event.number, actor=login, url=event.url),)


def _ended(event: events.PullRequestChanged, here: Surroundings) -> Request:
    """A pull request was closed or merged: what other ones say about it has to go."""
    request = ignored(here, number=event.number, actor=event.actor.login, url=event.url)
    if event.fork:
        return request
    more = {"status": "accepted", "trigger": "closed", "pull_request": event.number, "branch": clean(event.branch).text}
    return request.model_copy(update={**more, "head_sha": event.head_sha})


def _commented(event: events.IssueComment, here: Surroundings, this_run: Run) -> tuple[Document, ...]:
    command = commands.parse(event.body)
    if command is None:
        return (ignored(here, "the comment is no command", number=event.number),)
    if not_heard := _guarded(event, here):
        return not_heard
    if why := too_late(event, here, attempt=this_run.attempt):
        return (answered(here, event, why),)
    return from_comment(event, command, here)
