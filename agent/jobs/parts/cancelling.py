"""`/agent cancel` -> the request's runs ended, what they left half done taken away, and its status saying so."""

from collections.abc import Callable, Sequence

from agent.domain import Request
from agent.errors import ToolError
from agent.github import pushers, read, runs, write
from agent.github.connect import Connection
from agent.github.runs import RunView
from agent.jobs.parts.said import Said, nothing_done
from agent.jobs.parts.standing import runs_of
from agent.jobs.parts.telling import tell_ended
from agent.render import answers
from agent.render.answers import Line
from agent.render.page import Context

# GitHub lets a job that is cancelled go on for some seconds, in which it may still write.
SECONDS_BETWEEN_LOOKS = 3.0
MOST_LOOKS = 40


def cancelled(
    request: Request, *, connection: Connection, context: Context, label: str, pause: Callable[[float], None]
) -> Said:
    """End every run that writes, plans or judges this request, wait a bounded time until they are over, and bring its
    status up to date. An apply is never ended.
    """
    mine = context.run.rpartition("/")[2]
    found = [
        run
        for run in runs.under_way(connection, runs_of(request.number, request.pull_request))
        if str(run.id) != mine and runs.cancel(connection, run)
    ]
    if not found:
        return nothing_done(context, "no run of this request is under way or waiting; an apply is never cancelled")
    late = _waited(connection, found, pause)
    pull = read.newest_pull(connection, f"agent/{request.number}")
    gone = pull is None and not late and _left_behind(connection, request, mine=mine)
    lines = tuple(Line(text=f"run {run.id}, which was {run.status.replace('_', ' ')}", url=run.url) for run in found)
    lines += tuple(
        Line(text=f"run {run.id} is still ending", more="what it writes now stays", url=run.url) for run in late
    )
    if gone:
        lines += (Line(text=f"the branch agent/{request.number}, for which there was no pull request yet, is deleted"),)
    text = f"Cancelled by {request.actor}. {_way_on(pull, label)}"
    issue = read.issue(connection, request.number)
    if not issue.is_pull_request and issue.state == "open":
        body = answers.answer(context, icon="⏹️", headline="Cancelled", text=text)
        tell_ended(connection, context, number=request.number, body=body)
        write.set_state(connection, request.number, "agent:needs-info", drop=(label,))
    return Said(answers.answer(context, icon="⏹️", headline="Cancelled", text=text, lines=lines))


def _waited(connection: Connection, found: Sequence[RunView], pause: Callable[[float], None]) -> list[RunView]:
    """Those that have not ended by then: what they still write would stand over the answer."""
    left = list(found)
    for _ in range(MOST_LOOKS):
        left = [run for run in left if not runs.ended(connection, run.id)]
        if not left:
            break
        pause(SECONDS_BETWEEN_LOOKS)
    return left


def _left_behind(connection: Connection, request: Request, *, mine: str) -> bool:
    """Whether a branch that the agent alone pushed, and for which no pull request was ever opened, was taken away."""
    branch = f"agent/{request.number}"
    commit = pushers.head_of(connection, branch)
    if commit is None:
        return False
    try:
        if pushers.pushed_by(connection, branch=branch, commit=commit) != {connection.bot}:
            return False
    except ToolError:  # what nobody vouches for stays
        return False
    again = runs.under_way(connection, runs_of(request.number, None))
    if any(str(run.id) != mine for run in again):  # somebody asked anew meanwhile: the branch is that run's
        return False
    return write.drop_branch(connection, branch, commit=commit)


def _way_on(pull: read.PullView | None, label: str) -> str:
    if pull is None or pull.state != "open":
        return f"Nothing of it was left. To start again, put the label {label} on."
    return (
        f"Pull request {pull.number} stays as it is. `/agent plan` plans it again, `/agent revise …` has it written "
        "anew; to give it up, close it."
    )
