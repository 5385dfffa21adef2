"""`/agent remember <note>` -> a pull request with a note for knowledge/, or why the note is none."""

from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from agent import notes
from agent.domain import File, Request
from agent.github import write
from agent.github.connect import Connection
from agent.jobs.parts.said import Said, nothing_done
from agent.render import answers
from agent.render.answers import Line
from agent.render.page import Context
from agent.render.pull import MOST_TITLE
from agent.render.redact import redact
from agent.render.sanitize import plain
from agent.repo import Remote, commit_files, head, open_repo, push, read, remote_head


def propose_note(
    request: Request,
    *,
    root: Path,
    connection: Connection,
    remote: Remote,
    context: Context,
    now: datetime,
    into: str,
) -> Said:
    """Write the note to a branch of its own and open its pull request; before a person merges it, nothing is known."""
    hosts = (*context.link_hosts, urlsplit(context.repository).netloc)
    if why := notes.against(request.argument, link_hosts=hosts):
        return nothing_done(context, *why)
    note = notes.written(
        request.argument, author=request.actor, issue=request.number, now=now, source=request.comment_id or 0
    )
    repo = open_repo(root)
    base = head(repo)
    if read(repo, base, note.path) is not None:
        return nothing_done(context, f"{note.path} is there already; change it in a pull request of your own")
    branch = f"agent/note-{request.comment_id}"
    stands = remote_head(repo, remote, branch)
    if stands is None:
        commit = commit_files(
            repo, base, [File(path=note.path, content=note.text)], message=f"Note from request {request.number}\n",
            when=now,
        )  # fmt: skip
        push(repo, remote, commit=commit, branch=branch, expected=None)
    flags = notes.flags(request.argument)
    body = answers.answer(
        context,
        icon="🗒️",
        headline="A note to remember",
        text="What is merged here is shown to whoever writes later changes, as a text that they may read and that "
        "orders nothing. Read it as code: it lasts.",
        lines=[Line(text=f"from {request.actor}, on request {request.number}"), *(Line(text=flag) for flag in flags)],
    )
    title = plain(redact(f"Note: {note.title}", values=context.secrets), limit=MOST_TITLE)
    pull = write.ensure_pull(connection, branch=branch, base=into, title=title, body=body)
    text = "Somebody with write permission reads and merges it; until then nothing is remembered."
    lines = [Line(text=f"pull request {pull.number}", url=pull.url, more=note.path)]
    return Said(answers.answer(context, icon="🗒️", headline="Proposed as a note", text=text, lines=lines))
