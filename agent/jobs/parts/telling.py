"""A request and what became of it -> the status comment, labels, answers and reactions that people see."""

from typing import Any, Literal

from agent.domain import Request
from agent.github import write
from agent.github.connect import Connection
from agent.render import answers, comments
from agent.render.page import Context, marker

ANSWERS = "<!-- infra-agent:answer to "
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
        body=answers.asked(body, request.sha256),
        log_url=context.run,
    )
    write.set_state(connection, request.number, state, drop=(label,))


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
