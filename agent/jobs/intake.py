"""A GitHub event -> Request: who asks for what, frozen at this moment, or why nothing will be done."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import git

from agent import commands, events, scope
from agent.clean import clean
from agent.domain import ChangeSet, Document, Request
from agent.errors import UserError
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.steering import Rights, Steering, steering
from agent.jobs.workspace import change_of, infrastructure, units_of
from agent.repo import Remote, fetch, head, message, open_repo
from agent.settings import Settings

BRANCH = re.compile(r"agent/(?P<number>[1-9][0-9]{0,9})")
Trigger = Literal["label", "revise", "override", "plan", "help", "usage", "pull_request"]


@dataclass(frozen=True)
class Surroundings:
    """What every kind of event is read with. `base` is the commit of the default branch that the job stands on."""

    repo: git.Repo
    base: str
    settings: Settings
    connection: Connection
    remote: Remote
    rights: Rights
    branch: str


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
) -> tuple[Document, ...]:
    """The Request of this event; for a pull request of people, and for `/agent plan`, also the ChangeSet it holds.

    An actor who may not write gives an `ignored` Request. Raises Denied when the API does not say who may.
    """
    event = events.parse(event_name, payload)
    repo = open_repo(root)
    here = Surroundings(repo, head(repo), settings, connection, remote, Rights(connection, guardrails), default_branch)
    match event:
        case events.IssueLabelled() if event.label == settings.request_label:
            return _guarded(event, here) or (_labelled(event, here),)
        case events.IssueComment() if event.actor.login != connection.bot:
            return _from_comment(event, here)
        case events.PullRequestChanged() if event.actor.login != connection.bot:
            return _from_pull(here, event.number, actor=event.actor.login, trigger="pull_request")
    reason = event.reason if isinstance(event, events.Ignored) else "the event is not for the agent"
    return (_ignored(here, reason),)


def _labelled(event: events.IssueLabelled, here: Surroundings) -> Request:
    """The request as it stood when it was labelled. What its author changed since is not what somebody asked for."""
    request = _from_issue(here, event.number, actor=event.actor.login, trigger="label")
    if request.sha256 != _sha256(event.title, event.body):
        why = f"issue #{event.number} was changed after it was labelled; label it again"
        return request.model_copy(update={"status": "refused", "reasons": (*request.reasons, why)})
    return request


def _guarded(event: events.IssueLabelled | events.IssueComment, here: Surroundings) -> tuple[Request, ...]:
    """An `ignored` Request when the actor of `event` may not call the agent; empty when the actor may."""
    login = event.actor.login
    permission = here.rights.permission(login)
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
    if why := _not_allowed(command, actor, here):
        return (_answered(here, event, trigger="usage", reasons=(why,)),)
    if command.name in ("plan", "approve-destroy"):
        target = pull or read.open_pull(here.connection, f"agent/{number}")
        if target is None or target.state != "open":
            why = "there is no open pull request of this request to plan; `/agent revise …` or the label starts one"
            return (_answered(here, event, trigger="usage", reasons=(why,)),)
        if target.head_repository != here.connection.name:
            why = "a fork's code gets the gate and the static checks only; it is never planned with a credential"
            return (_answered(here, event, trigger="usage", reasons=(why,)),)
        commit = command.text.split(maxsplit=1)[0] if command.name == "approve-destroy" else target.head_sha
        if commit != target.head_sha:
            why = (
                f"the pull request stands at {target.head_sha[:7]}, not at {commit[:7]}; read its plan and approve that"
            )
            return (_answered(here, event, trigger="usage", reasons=(why,)),)
        return _from_pull(here, target.number, actor=actor, trigger="plan", comment=event.comment_id, issue=issue)
    if pull is not None and ours is None:
        why = "this pull request was not written by the agent, so it cannot revise it; push to the branch instead"
        return (_answered(here, event, trigger="usage", reasons=(why,)),)
    trigger: Trigger = "override" if command.name == "override" else "revise"
    return (_from_issue(here, issue, actor=actor, trigger=trigger, comment=event.comment_id),)


def _not_allowed(command: commands.Command, actor: str, here: Surroundings) -> str:
    """Why `actor`, who may write, may not give this command; empty when they may."""
    if command.name == "override":
        rule, reason = command.text.split(maxsplit=1)
        nothing = "" if clean(reason).text.strip() else "an override needs a reason that people can read"
        return here.rights.why_no_override(actor, rule) or nothing
    return here.rights.why_no_approval(actor) if command.name == "approve-destroy" else ""


def _from_issue(
    here: Surroundings, number: int, *, actor: str, trigger: Trigger, comment: int | None = None
) -> Request:
    issue = read.issue(here.connection, number)
    title, body = clean(issue.title), clean(issue.body)
    reasons: tuple[str, ...] = ()
    if issue.state != "open":
        # Its status and labels say how it ended, and stay: this is answered in a comment of its own.
        reasons, trigger = (f"issue #{number} is closed; open it again and label it",), "usage"
    fields: dict[str, str] = {}
    try:
        fields = events.parse_form(body.text)
    except UserError as error:
        reasons = (*reasons, str(error))
    pull = read.open_pull(here.connection, f"agent/{number}")
    said = Steering() if trigger == "label" else _said(here, number, pull, until=comment)
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
        answers=said.answers,
        overrides=said.overrides,
        approvals=said.approvals,
        requester=issue.author,
        actor=actor,
        sha256=_sha256(issue.title, issue.body, *said.answers),
        base_sha=here.base,
        branch=f"agent/{number}",
        pull_request=pull.number if pull else None,
        comment_id=comment,
        removed=tuple(dict.fromkeys((*title.removed, *body.removed))),
    )


def _said(here: Surroundings, number: int, pull: read.PullView | None, *, until: int | None) -> Steering:
    """What people have said so far; of approvals those for the commit that the pull request stands at."""
    places = [number, *([pull.number] if pull else [])]
    label = here.settings.request_label
    said = steering(here.connection, places, rights=here.rights, label=label, until=until)
    now = tuple(one for one in said.approvals if pull is not None and one.commit == pull.head_sha)
    return replace(said, approvals=now)


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
    why = _why_not(pull, here)
    units = units_of([file.path for file in files], infrastructure(here.repo, pull.head_sha))
    title, body = clean(pull.title), clean(pull.body)
    ours = pull.head_repository == here.connection.name and BRANCH.fullmatch(pull.branch)
    said = _said(here, int(ours["number"]) if ours else number, pull, until=comment)
    request = Request(
        status="ignored" if why or not files else "accepted",
        reasons=(why,) if why else () if files else ("the pull request changes nothing below infra/",),
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
        overrides=said.overrides if ours else (),
        approvals=said.approvals,
    )
    change = ChangeSet(
        status="written" if files else "nothing",
        author=f"person:{pull.author}",
        summary=title.text,
        files=files,
        units=units,
        # What the agent wrote stays bound to what was asked for; a commit of a person is that person's own.
        scope=scope.from_message(message(here.repo, pull.head_sha)) if ours else None,
    )
    return request, change


def _why_not(pull: read.PullView, here: Surroundings) -> str:
    """Why a pull request is nothing for the pipeline: it is judged by the branch that it goes to, so only by ours."""
    if pull.state != "open":
        return f"pull request #{pull.number} is not open"
    if pull.base_branch != here.branch:
        return f"pull request #{pull.number} goes to {pull.base_branch}; only what goes to {here.branch} is judged"
    return ""


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
