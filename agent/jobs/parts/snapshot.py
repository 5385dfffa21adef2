"""An issue or a pull request as it stands now -> Request: frozen, cleaned, with what people who may have said."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

import git

from agent import events, scope
from agent.clean import clean
from agent.domain import ChangeSet, Document, Request, Trigger
from agent.errors import UserError
from agent.github import read
from agent.github.connect import Connection
from agent.jobs.parts.askers import from_messages
from agent.jobs.parts.steering import Rights, Steering, steering
from agent.jobs.parts.workspace import change_of, infrastructure, units_of
from agent.preflight import REVIEW
from agent.repo import Remote, fetch, message, messages
from agent.settings import Settings

# As render/pull.py writes it.
WRITTEN_BY = re.compile(r"^Request \d+ by \S+, written by (?P<author>\S{1,200}?)\.?$", re.MULTILINE)
BRANCH = re.compile(r"agent/(?P<number>[1-9][0-9]{0,9})(?P<rollback>-rollback)?")


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
    now: datetime


def from_issue(here: Surroundings, number: int, *, actor: str, trigger: Trigger, comment: int | None = None) -> Request:
    """The request that issue `number` holds now, with what was said on it up to the comment `comment`."""
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
    sha256 = digest_of(issue.title, issue.body, *said.answers)
    if trigger != "label" and _edited(issue, said):
        label = here.settings.request_label
        why = f"issue #{number} was changed since the status comment was written; put the label {label} on again"
        reasons, trigger = (*reasons, why), "usage"
    left_out = (f"earlier answers left out, for their length: {said.left_out}",) if said.left_out else ()
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
        sha256=sha256,
        confirmed_by=said.confirmed_by if said.shown == sha256 else "",
        confirmed=said.confirmed if said.shown == sha256 else None,
        base_sha=here.base,
        branch=f"agent/{number}",
        pull_request=pull.number if pull else None,
        comment_id=comment,
        also_asked=said.answered_by,
        removed=tuple(dict.fromkeys((*title.removed, *body.removed, *left_out))),
    )


def _edited(issue: read.IssueView, said: Steering) -> bool:
    """Whether title or text are others than those that our status comment is about: whoever filed the issue may edit it
    at any time, and nobody who may call the agent has asked for that text. Answers may have come since.
    """
    known = (digest_of(issue.title, issue.body, *said.answers[:count]) for count in range(len(said.answers) + 1))
    return bool(said.shown) and said.shown not in known


def _said(here: Surroundings, number: int, pull: read.PullView | None, *, until: int | None) -> Steering:
    """What people have said so far; of approvals, and of overrides of a review, those for the commit that the pull
    request stands at.
    """
    places = [number, *([pull.number] if pull else [])]
    label = here.settings.request_label
    said = steering(here.connection, places, rights=here.rights, label=label, until=until)
    now = tuple(one for one in said.approvals if pull is not None and one.commit == pull.head_sha)
    still = tuple(
        one
        for one in said.overrides
        if not one.rule.startswith(REVIEW) or (pull is not None and one.value == pull.head_sha)
    )
    return replace(said, approvals=now, overrides=still)


def from_pull(
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
    if trigger == "pull_request" and not why and not files:
        trigger = "untouched"
    askers: tuple[str, ...] = (pull.author,)
    if ours:
        written_for = from_messages(messages(here.repo, here.base, pull.head_sha))
        askers = (*written_for, read.issue(here.connection, int(ours["number"])).author)
    request = Request(
        status="ignored" if why or not (files or trigger == "untouched") else "accepted",
        reasons=(why,) if why else () if files else ("the pull request changes nothing below infra/",),
        trigger=trigger,
        repository=here.connection.name,
        number=issue or number,
        url=pull.url,
        title=title.text,
        body=body.text,
        requester=askers[0],
        also_asked=askers[1:],
        actor=actor,
        sha256=digest_of(pull.title, pull.body),
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
        author=written_by(here, pull.head_sha) if ours else f"person:{pull.author}",
        summary=title.text,
        files=files,
        units=units,
        # What the agent wrote stays bound to what was asked for; a commit of a person is that person's own.
        scope=scope.from_message(message(here.repo, pull.head_sha)) if ours else None,
    )
    return request, change


def written_by(here: Surroundings, commit: str) -> str:
    """Who wrote what stands on a branch of ours: a model, when the message of one of its commits says so, whoever
    pushed to it later. The history is here since the change was read off it.
    """
    said = [WRITTEN_BY.search(text) for text in messages(here.repo, here.base, commit)]
    found = [one["author"] for one in said if one is not None]
    return next((author for author in found if author.startswith("model:")), f"person:{here.connection.bot}")


def _why_not(pull: read.PullView, here: Surroundings) -> str:
    """Why a pull request is nothing for the pipeline: it is judged by the branch that it goes to, so only by ours."""
    if pull.state != "open":
        return f"pull request #{pull.number} is not open"
    if pull.base_branch != here.branch:
        return f"pull request #{pull.number} goes to {pull.base_branch}; only what goes to {here.branch} is judged"
    return ""


def answered(here: Surroundings, event: events.IssueComment, *reasons: str) -> Request:
    """A command that is answered with `reasons` alone, where it was written."""
    return ignored(here, *reasons, number=event.number, actor=event.actor.login, url=event.url).model_copy(
        update={"status": "refused", "comment_id": event.comment_id, "place": event.number}
    )


def ignored(here: Surroundings, *reasons: str, number: int = 0, actor: str = "", url: str = "") -> Request:
    """An event that is not for us, and why."""
    return unheard(*reasons, repository=here.connection.name, base=here.base, number=number, actor=actor, url=url)


def unheard(*reasons: str, repository: str, base: str, number: int = 0, actor: str = "", url: str = "") -> Request:
    """As `ignored`, with nothing known but the repository and the commit `base` that the job stands on."""
    return Request(
        status="ignored",
        reasons=reasons,
        trigger="usage",
        repository=repository,
        number=number,
        url=url,
        title="",
        body="",
        requester="",
        actor=actor,
        sha256=digest_of(),
        base_sha=base,
        branch=f"agent/{number}",
    )


def digest_of(*texts: str) -> str:
    """SHA-256, 64 hex digits, over the texts and where each of them ends."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}:".encode() + text.encode())
    return digest.hexdigest()
