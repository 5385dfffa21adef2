"""A request and what became of it -> the status comment, labels, answers and reactions that people see."""

from typing import Any, Literal

from agent.domain import ChangeSet, Confirmed, Intent, Request
from agent.github import read, write
from agent.github.connect import Connection
from agent.jobs.parts.confirmed import bounds_of, encoded
from agent.render import answers, comments
from agent.render.page import Context, find_marker, marker

ANSWERS = "<!-- infra-agent:answer to "
NOTHING = "0" * 64
State = Literal[
    "agent:working", "agent:needs-info", "agent:needs-human", "agent:ready", "agent:applied", "agent:failed"
]


def tell_status(
    connection: Connection, context: Context, *, request: Request, state: State, label: str, **documents: Any
) -> None:
    """Bring the one status comment and the state label of the issue up to date."""
    body = comments.status(context, request=request, **documents)
    write.upsert_comment(
        connection,
        request.number,
        marker=marker("status"),
        body=answers.asked(body, _digest(request), shown=encoded(_shown(request, **documents))),
        log_url=context.run,
    )
    write.set_state(connection, request.number, state, drop=(label,))


def tell_ended(connection: Connection, context: Context, *, number: int, body: str) -> str:
    """Bring the status comment up to date in a run that did not read the request: it stays about the text that it was
    about, and shows nothing any more that could be confirmed. Returns its address.
    """
    earlier = [
        one.body
        for one in read.comments(connection, number)
        if one.author == connection.bot and find_marker(one.body) == "status"
    ]
    digest = answers.asked_of(earlier[-1])[0] if earlier else ""
    body = answers.asked(body, digest) if digest else body
    return write.upsert_comment(connection, number, marker=marker("status"), body=body, log_url=context.run)


def _digest(request: Request) -> str:
    """What the comment is about. A refused request was taken by nobody: no command goes on from its text."""
    return request.sha256 if request.status == "accepted" else NOTHING


def _shown(
    request: Request, *, intent: Intent | None = None, change: ChangeSet | None = None, **others: Any
) -> Confirmed | None:
    """What a confirmation is one of: what waits for one, or what was confirmed already."""
    if intent is not None and change is not None and change.status == "needs-confirm":
        bounds = bounds_of(intent, change)
        return bounds.model_copy(update={"after": request.comment_id or 0}) if bounds else None
    return request.confirmed


def tell(connection: Connection, context: Context, *, request: Request, body: str, good: bool) -> str:
    """Answer a command where it was written: one comment a command, however often this runs. Returns its address."""
    to = f"{ANSWERS}{request.comment_id or 'label'} -->"
    place = request.place or request.number
    url = write.upsert_comment(connection, place, marker=to, body=body, log_url=context.run)
    write.outdate(connection, place, marker=ANSWERS, keep=url)
    react(connection, request, good=good)
    return url


def react(connection: Connection, request: Request, *, good: bool) -> None:
    """Put the last reaction on the command, when there was one."""
    if request.comment_id is not None:
        write.react(connection, request.comment_id, "rocket" if good else "confused")


def received(connection: Connection, request: Request) -> None:
    """Put the first reaction on the command: it was read, by somebody who may give it."""
    if request.comment_id is not None:
        write.react(connection, request.comment_id, "eyes")
