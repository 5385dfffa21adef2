"""Request -> Report: commands that one answer ends, refusals, and what is said when intake itself failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent import commands, events
from agent.documents import Documents
from agent.domain import ROUTES, Report, Request
from agent.errors import ToolError, UserError
from agent.github import locks, read, runs, write
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.cancelling import cancelled
from agent.jobs.parts.explain import explained
from agent.jobs.parts.overlap import tell_overlaps
from agent.jobs.parts.propose_note import propose_note
from agent.jobs.parts.said import Said, nothing_done
from agent.jobs.parts.standing import standing_of
from agent.jobs.parts.steering import Rights
from agent.jobs.parts.telling import received, tell, tell_status
from agent.jobs.parts.vote import vote
from agent.render import answers, comments
from agent.render.page import Context, Failure
from agent.repo import Remote
from agent.settings import Settings

APPLY = "apply.yml"
# Clocks of runners and of GitHub differ a little.
SLACK = timedelta(minutes=1)


@dataclass(frozen=True)
class Desk:
    """What every command is answered with; `said_at` is when it was written."""

    root: Path
    settings: Settings
    guardrails: Guardrails
    connection: Connection
    remote: Remote
    context: Context
    clock: Callable[[], datetime]
    pause: Callable[[float], None]
    default_branch: str
    said_at: datetime


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    context: Context,
    clock: Callable[[], datetime],
    pause: Callable[[float], None],
    default_branch: str,
    event_name: str,
    payload: Mapping[str, Any],
) -> Report:
    """Answer the command where it was written: 👀 first, then the answer, then 🚀 or 😕."""
    said_at = _said_at(event_name, payload) or clock()
    desk = Desk(root, settings, guardrails, connection, remote, context, clock, pause, default_branch, said_at)
    request = documents.get(Request)
    if request is None:
        return _unheard(event_name, payload, desk)
    if request.trigger == "closed":
        tell_overlaps(
            root, remote, connection, context, request=request, number=request.number, into=default_branch, units=None
        )
        return Report(status="closed")
    received(connection, request)
    if request.status == "refused":
        return _refused(request, desk)
    try:
        said = ANSWERS[request.trigger](request, desk)
    except UserError as error:
        said = nothing_done(context, str(error))
    except ToolError as error:
        tell(connection, context, request=request, body=nothing_done(context, str(error)).body, good=False)
        raise
    url = tell(connection, context, request=request, body=said.body, good=said.good) if said.body else said.url
    return Report(status=request.trigger if said.good else "refused", comment_url=url)


def _said_at(event_name: str, payload: Mapping[str, Any]) -> datetime | None:
    """When the comment was written that this run answers."""
    event = events.parse(event_name, payload)
    return datetime.fromisoformat(event.created_at) if isinstance(event, events.IssueComment) else None


def _refused(request: Request, desk: Desk) -> Report:
    """A label, or a command that writes, is refused in the status comment; any other where it was written."""
    if request.trigger in ROUTES:
        tell_status(
            desk.connection,
            desk.context,
            request=request,
            state="agent:needs-info",
            label=desk.settings.request_label,
        )
        if request.comment_id is None:
            return Report(status="refused")
    url = tell(
        desk.connection,
        desk.context,
        request=request,
        body=comments.refusal(desk.context, reasons=request.reasons),
        good=False,
    )
    return Report(status="refused", comment_url=url)


def _unheard(event_name: str, payload: Mapping[str, Any], desk: Desk) -> Report:
    """Intake did not end, so nobody was answered. Whoever may call the agent is told; nobody else is."""
    event = events.parse(event_name, payload)
    if not isinstance(event, events.IssueLabelled | events.IssueComment):
        return Report(status="nothing to say")
    meant = isinstance(event, events.IssueLabelled) or commands.parse(event.body) is not None
    if not meant or not Rights(desk.connection, desk.guardrails).may_write(event.actor.login):
        return Report(status="nothing to say")
    comment = event.comment_id if isinstance(event, events.IssueComment) else None
    how = "write the command once more" if comment else f"put the label {desk.settings.request_label} on again"
    problem = Failure(
        job="intake",
        reason=f"The request could not be read, so nothing was done. Run the failed jobs again, or {how}.",
        log_url=desk.context.run,
    )
    url = write.upsert_comment(
        desk.connection,
        event.number,
        marker=f"<!-- infra-agent:answer to {comment or 'label'} -->",
        body=comments.failure(desk.context, problem),
    )
    if comment is not None:
        write.react(desk.connection, comment, "confused")
    else:
        write.set_state(desk.connection, event.number, "agent:failed", drop=(desk.settings.request_label,))
    return Report(status="intake failed", comment_url=url)


def _help(request: Request, desk: Desk) -> Said:
    return Said(comments.help_text(desk.context))


def _status(request: Request, desk: Desk) -> Said:
    found = standing_of(request, connection=desk.connection, this_run=desk.context.run)
    body = answers.standing(desk.context, found, request=request, now=desk.clock())
    # One comment a request, edited in place, however often somebody asks.
    place = request.place or request.number
    url = write.upsert_comment(desk.connection, place, marker=answers.STANDING, body=body)
    if request.comment_id is not None:
        write.react(desk.connection, request.comment_id, "rocket")
    return Said("", url=url)


def _explain(request: Request, desk: Desk) -> Said:
    return explained(request, context=desk.context, connection=desk.connection)


def _approve(request: Request, desk: Desk) -> Said:
    said = vote(request, context=desk.context, connection=desk.connection, guardrails=desk.guardrails)
    if said.again:
        return _again(request, desk, "The approval is recorded; the apply was started again")
    return said


def _retry(request: Request, desk: Desk) -> Said:
    if request.pull_request is None or not read.pull(desk.connection, request.pull_request).merged:
        return nothing_done(
            desk.context, "nothing of this request was merged, so there is nothing to apply again; see `/agent status`"
        )
    return _again(request, desk, "The apply was started again")


def _again(request: Request, desk: Desk, headline: str) -> Said:
    runs.dispatch(desk.connection, APPLY, ref=desk.default_branch, inputs={"pull_request": str(request.pull_request)})
    text = (
        f"It applies what pull request {request.pull_request} merged, under the same rules: same seal, same plan. What "
        "stands as it should is left alone. The result is reported on the pull request."
    )
    return Said(answers.answer(desk.context, icon="🔁", headline=headline, text=text))


def _cancel(request: Request, desk: Desk) -> Said:
    return cancelled(
        request,
        connection=desk.connection,
        context=desk.context,
        label=desk.settings.request_label,
        pause=desk.pause,
    )


def _unlock(request: Request, desk: Desk) -> Said:
    if request.argument:
        # One lock that cannot be read is in the way of no other.
        held = tuple(lock for lock in (locks.holder(desk.connection, request.argument),) if lock is not None)
    else:
        held = tuple(one for one in locks.held(desk.connection) if one.pull_request == request.pull_request)
    if not held:
        every = [lock.unit for lock in locks.held(desk.connection)]
        others = f"; locked are {', '.join(every)}" if every else "; nothing is locked"
        what = f"{request.argument} is not locked" if request.argument else "no unit of this request is locked"
        return nothing_done(desk.context, f"{what}{others}")
    meant = [lock for lock in held if lock.time <= desk.said_at + SLACK]
    if not meant:
        units = ", ".join(lock.unit for lock in held)
        return nothing_done(desk.context, f"the lock of {units} was taken after this command; write it once more")
    # Only the lock that was seen: another run may have taken the unit meanwhile.
    freed = [lock for one in meant if (lock := locks.release(desk.connection, one.unit, run=one.run)) is not None]
    if not freed:
        return nothing_done(desk.context, "its run gave it back by itself meanwhile; see `/agent status`")
    lines = tuple(
        answers.lock_line(lock).model_copy(
            update={"more": "" if locks.ended(desk.connection, lock) else "its run had not ended, so look at it first"}
        )
        for lock in freed
    )
    return Said(answers.answer(desk.context, icon="🔓", headline="Released", lines=lines))


def _remember(request: Request, desk: Desk) -> Said:
    return propose_note(
        request,
        root=desk.root,
        connection=desk.connection,
        remote=desk.remote,
        context=desk.context,
        now=desk.clock(),
        into=desk.default_branch,
    )


# One line answers a command; which there are stands in agent/commands.py.
ANSWERS: Mapping[str, Callable[[Request, Desk], Said]] = {
    "help": _help,
    "status": _status,
    "explain": _explain,
    "approve": _approve,
    "retry": _retry,
    "cancel": _cancel,
    "unlock": _unlock,
    "remember": _remember,
}
