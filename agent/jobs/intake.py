"""A GitHub event -> Request: who asks for what, frozen at this moment, or why nothing will be done."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import git

from agent import commands, events
from agent.clean import clean
from agent.domain import ChangeSet, Document, Request
from agent.errors import UserError
from agent.github import read
from agent.github.connect import Connection
from agent.jobs.workspace import change_of, infrastructure, units_of
from agent.repo import Remote, fetch, head, open_repo
from agent.settings import Settings

BRANCH = re.compile(r"agent/(?P<number>[1-9][0-9]{0,9})")
Trigger = Literal["label", "revise", "plan", "help", "usage", "pull_request"]


@dataclass(frozen=True)
class Surroundings:
    """What every kind of event is read with. `base` is the commit of the default branch that the job stands on."""

    repo: git.Repo
    base: str
    settings: Settings
    connection: Connection
    remote: Remote


def run(
    event_name: str,
    payload: Mapping[str, Any],
    *,
    root: Path,
    settings: Settings,
    connection: Connection,
    remote: Remote,
) -> tuple[Document, ...]:
    """The Request of this event; for a pull request of people, and for `/agent plan`, also the ChangeSet it holds.

    An actor who may not write gives an `ignored` Request. Raises Denied when the API does not say who may.
    """
    event = events.parse(event_name, payload)
    repo = open_repo(root)
    here = Surroundings(repo, head(repo), settings, connection, remote)
    match event:
        case events.IssueLabelled() if event.label == settings.request_label:
            return _guarded(event, here) or (_from_issue(here, event.number, actor=event.actor.login, trigger="label"),)
        case events.IssueComment() if event.actor.login != connection.bot:
            return _from_comment(event, here)
        case events.PullRequestChanged() if event.actor.login != connection.bot:
            return _from_pull(here, event.number, actor=event.actor.login, trigger="pull_request")
    reason = event.reason if isinstance(event, events.Ignored) else "the event is not for the agent"
    return (_ignored(here, reason),)


def _guarded(event: events.IssueLabelled | events.IssueComment, here: Surroundings) -> tuple[Request, ...]:
    """An `ignored` Request when the actor of `event` may not call the agent; empty when the actor may."""
    login = event.actor.login
    permission = read.permission(here.connection, login)
    if permission in read.MAY_WRITE:
        return ()
    reason = f"denied: {login} has {permission!r} permission, calling the agent needs write or more"
    return (_ignored(here, reason, number=event.number, actor=login, url=event.url),)


def _from_comment(event: events.IssueComment, here: Surroundings) -> tuple[Document, ...]:
    command = commands.parse(event.body)
    if command is None:
        return (_ignored(here, "the comment is no command", number=event.number),)
    if denied := _guarded(event, here):
        return denied
    number, actor = event.number, event.actor.login
    pull = read.pull(here.connection, number) if event.on_pull_request else None
    ours = BRANCH.fullmatch(pull.branch) if pull and pull.head_repository == here.connection.name else None
    issue = int(ours["number"]) if ours else number
    if isinstance(command, commands.Usage):
        return (_answered(here, event, trigger="usage", reasons=(command.message,)),)
    if command.name == "help":
        return (_answered(here, event, trigger="help"),)
    if command.name == "plan":
        target = pull or read.open_pull(here.connection, f"agent/{number}")
        if target is None:
            why = "there is no open pull request of this request to plan; `/agent revise …` or the label starts one"
            return (_answered(here, event, trigger="usage", reasons=(why,)),)
        return _from_pull(here, target.number, actor=actor, trigger="plan", comment=event.comment_id, issue=issue)
    if pull is not None and ours is None:
        why = "this pull request was not written by the agent, so it cannot revise it; push to the branch instead"
        return (_answered(here, event, trigger="usage", reasons=(why,)),)
    return (_from_issue(here, issue, actor=actor, trigger="revise", comment=event.comment_id),)


def _from_issue(
    here: Surroundings, number: int, *, actor: str, trigger: Trigger, comment: int | None = None
) -> Request:
    issue = read.issue(here.connection, number)
    title, body = clean(issue.title), clean(issue.body)
    reasons = () if issue.state == "open" else (f"issue #{number} is closed; open it again and label it",)
    fields: dict[str, str] = {}
    try:
        fields = events.parse_form(body.text)
    except UserError as error:
        reasons = (*reasons, str(error))
    answers = tuple(_answers(here, number, until=comment)) if trigger == "revise" else ()
    pull = read.open_pull(here.connection, f"agent/{number}")
    return Request(
        status="refused" if reasons else "accepted",
        reasons=reasons,
        trigger=trigger,
        repository=here.connection.name,
        number=number,
        url=issue.url,
        title=title.text,
        body=body.text,
        fields=fields,
        answers=answers,
        requester=issue.author,
        actor=actor,
        sha256=_sha256(issue.title, issue.body, *answers),
        base_sha=here.base,
        branch=f"agent/{number}",
        pull_request=pull.number if pull else None,
        comment_id=comment,
        removed=tuple(dict.fromkeys((*title.removed, *body.removed))),
    )


def _answers(here: Surroundings, number: int, *, until: int | None) -> Iterator[str]:
    """Texts of the `/agent revise` comments since the request was last labelled, by people who may write, in order.

    The label starts afresh: whoever edits the form and labels again means the form.
    """
    since = read.labelled_at(here.connection, number, here.settings.request_label)
    pull = read.open_pull(here.connection, f"agent/{number}")
    places = [number, *([pull.number] if pull else [])]
    found = [comment for place in places for comment in read.comments(here.connection, place)]
    allowed: dict[str, bool] = {here.connection.bot: False}
    for comment in sorted(found, key=lambda comment: comment.id):
        if (since and comment.created_at < since) or (until is not None and comment.id > until):
            continue
        command = commands.parse(comment.body)
        if not isinstance(command, commands.Command) or command.name != "revise":
            continue
        if comment.author not in allowed:
            allowed[comment.author] = read.permission(here.connection, comment.author) in read.MAY_WRITE
        if allowed[comment.author]:
            yield clean(command.text).text


def _from_pull(
    here: Surroundings,
    number: int,
    *,
    actor: str,
    trigger: Trigger,
    comment: int | None = None,
    issue: int | None = None,
) -> tuple[Document, ...]:
    """The change that a pull request holds, as data: nothing of it is checked out."""
    pull = read.pull(here.connection, number)
    fetch(here.repo, here.remote, pull.head_sha)
    files = change_of(here.repo, here.remote, base=here.base, commit=pull.head_sha)
    units = units_of([file.path for file in files], infrastructure(here.repo, pull.head_sha))
    title, body = clean(pull.title), clean(pull.body)
    request = Request(
        status="accepted" if files else "ignored",
        reasons=() if files else ("the pull request changes nothing below infra/",),
        trigger=trigger,
        repository=here.connection.name,
        number=issue or number,
        url=pull.url,
        title=title.text,
        body=body.text,
        requester=pull.author,
        actor=actor,
        sha256=_sha256(pull.title, pull.body),
        base_sha=here.base,
        head_sha=pull.head_sha,
        branch=pull.branch,
        pull_request=number,
        comment_id=comment,
        removed=tuple(dict.fromkeys((*title.removed, *body.removed))),
    )
    change = ChangeSet(
        status="written" if files else "nothing",
        author=f"person:{pull.author}",
        summary=title.text,
        files=files,
        units=units,
    )
    return request, change


def _answered(
    here: Surroundings, event: events.IssueComment, *, trigger: Trigger, reasons: tuple[str, ...] = ()
) -> Request:
    """A command that is answered with a comment alone."""
    return _ignored(here, *reasons, number=event.number, actor=event.actor.login, url=event.url).model_copy(
        update={"status": "refused", "trigger": trigger, "comment_id": event.comment_id}
    )


def _ignored(here: Surroundings, *reasons: str, number: int = 0, actor: str = "", url: str = "") -> Request:
    return Request(
        status="ignored",
        reasons=reasons,
        trigger="usage",
        repository=here.connection.name,
        number=number,
        url=url,
        title="",
        body="",
        requester="",
        actor=actor,
        sha256=_sha256(),
        base_sha=here.base,
        branch=f"agent/{number}",
    )


def _sha256(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:".encode() + text.encode())
    return digest.hexdigest()
