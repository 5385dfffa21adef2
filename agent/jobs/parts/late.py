"""A label or a comment, and when it was made -> why a run about it comes too late: old runs can be started again."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from agent import commands
from agent.domain import ROUTES
from agent.events import IssueComment, IssueLabelled
from agent.github import read
from agent.jobs.parts.snapshot import BRANCH, Surroundings

# A job that waits for a runner ends by itself after a day: what is older was started again by hand.
OLDEST = timedelta(hours=24)
# GitHub's times are whole seconds, and those of an issue and of its event may differ by one.
SLACK = timedelta(seconds=2)


def too_late(event: IssueLabelled | IssueComment, here: Surroundings, *, attempt: int) -> str:
    """Why the run about `event` does nothing: it is older than OLDEST or, started again (`attempt` above 1), something
    was asked since that it would undo. Empty when it goes on. The first attempt costs no call.
    """
    try:
        at = datetime.fromisoformat(event.created_at if isinstance(event, IssueComment) else event.at)
    except ValueError:
        at = None
    label = here.settings.request_label
    again = "write the command once more" if isinstance(event, IssueComment) else f"put the label {label} on again"
    if at is None or at.tzinfo is None or here.now - at > OLDEST:
        return f"this was asked more than {OLDEST // timedelta(hours=1)} hours ago; {again}"
    if attempt > 1 and (since := next(_since(event, at, here), "")):
        return f"{since} came after what this run is about, and counts; to have the older one all the same, {again}"
    return ""


def _since(event: IssueLabelled | IssueComment, at: datetime, here: Surroundings) -> Iterator[str]:
    """What people asked for after `event` that starts the pipeline as well."""
    issue = _issue(event, here)
    labelled = read.labelled_at(here.connection, issue, here.settings.request_label)
    if labelled is not None and labelled > at + SLACK:
        yield f"the label {here.settings.request_label} of {labelled:%Y-%m-%d %H:%M} UTC"
    pull = read.newest_pull(here.connection, f"agent/{issue}")
    for place in dict.fromkeys((issue, event.number, *([pull.number] if pull else []))):
        for comment in read.comments(here.connection, place):
            if isinstance(event, IssueComment):
                after = comment.id > event.comment_id
            else:
                after = comment.created_at > at + SLACK
            command = commands.parse(comment.body)
            starts = isinstance(command, commands.Command) and command.name in ROUTES
            if after and starts and comment.by_person and here.rights.may_write(comment.author):
                yield f"a command of {comment.author} at {comment.created_at:%Y-%m-%d %H:%M} UTC"


def _issue(event: IssueLabelled | IssueComment, here: Surroundings) -> int:
    """The issue that the event is about: a comment may stand on the issue's pull request."""
    if isinstance(event, IssueLabelled) or not event.on_pull_request:
        return event.number
    ours = BRANCH.fullmatch(read.pull(here.connection, event.number).branch)
    return int(ours["number"]) if ours else event.number
