"""Request and change -> the pull request's title and body, and the commit's message. Pure."""

from collections.abc import Collection

from agent.domain import ChangeSet, Intent, Request
from agent.render import sanitize
from agent.render.page import Context, Inert, render
from agent.render.redact import redact
from agent.render.rows import TABLES
from agent.render.spending import spending

MOST_TITLE = 120


def pull_request_title(
    *, request: Request, change: ChangeSet, intent: Intent | None = None, secrets: Collection[str] = ()
) -> str:
    """One plain line, at most 120 characters: the change's summary, else the intent's, else the request's title."""
    said = change.summary or (intent.summary if intent else "") or request.title
    first = said.strip().split("\n")[0]
    return sanitize.plain(redact(first, values=secrets), limit=MOST_TITLE) or f"Request {request.number}"


def pull_request_body(
    context: Context, *, request: Request, change: ChangeSet, intent: Intent | None = None, commit: str = ""
) -> str:
    """What was asked, how it was understood, scope, risk, rollback, as of `commit`; last the issue, unless a person's
    own pull request is what was asked.
    """
    values = {
        "request": request,
        "change": change,
        "scope": change.scope,
        "intent": intent,
        "summary": change.summary or request.title,
        "commit": commit,
        "left": change.reasons if change.status == "unfinished" else (),
        "spent": Inert(redact(spending((*(intent.calls if intent else ()), *change.calls)), values=context.secrets)),
    }
    return render("request", context, {**TABLES, **values})


def commit_message(*, request: Request, change: ChangeSet, secrets: Collection[str] = ()) -> str:
    """Subject, summary and where it comes from. No mention, reference, closing keyword, trailer or order to skip the
    checks that somebody wrote gets in.
    """

    def said(text: str, limit: int) -> str:
        return sanitize.plain(redact(text, values=secrets), limit=limit)

    origin = f"Request {request.number}"
    subject = said(change.summary.strip().split("\n")[0] or request.title, 72) or origin
    return f"{subject}\n\n{origin} by {said(request.requester, 60)}, written by {said(change.author, 60)}.\n"
