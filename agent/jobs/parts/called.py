"""A comment that begins with `/agent` -> the Request that it asks for, or the answer why not."""

from collections.abc import Mapping
from typing import Any

from agent import commands, events
from agent.clean import clean
from agent.domain import ROUTES, Document, Request, Trigger
from agent.errors import UserError
from agent.github import read
from agent.jobs.parts.calls import too_often
from agent.jobs.parts.restore import taken_back
from agent.jobs.parts.situation import with_situation
from agent.jobs.parts.snapshot import BRANCH, Surroundings, answered, digest_of, from_issue, from_pull
from agent.jobs.parts.steering import to_override
from agent.preflight import REVIEW

LONGEST_NOTE = 4000
# Commands after which the author writes.
WRITES: Mapping[str, Trigger] = {"revise": "revise", "override": "override", "confirm": "confirm"}


def from_comment(
    event: events.IssueComment, command: commands.Command | commands.Usage, here: Surroundings
) -> tuple[Document, ...]:
    """What `command` asks for. Its author may write; whether they may give this command is asked here."""
    if isinstance(command, commands.Usage):
        return (answered(here, event, command.message),)
    pull = read.pull(here.connection, event.number) if event.on_pull_request else None
    ours = BRANCH.fullmatch(pull.branch) if pull and pull.head_repository == here.connection.name else None
    issue = int(ours["number"]) if ours else event.number
    if why := _not_allowed(command, event, here):
        return (answered(here, event, why),)
    if command.name in ("plan", "review", "approve-destroy") or _sets_aside_review(command):
        return _plan_again(event, command, here, issue=issue, pull=pull)
    if command.name == "rollback":
        return _rollback(event, here, issue=issue, pull=pull)
    if trigger := WRITES.get(command.name):
        if pull is not None and (ours is None or ours["rollback"]):
            why = "the agent did not write this pull request for a request, so it cannot revise it; push to its branch"
            return (answered(here, event, why),)
        request = from_issue(here, issue, actor=event.actor.login, trigger=trigger, comment=event.comment_id)
        raced = not event.on_pull_request and request.sha256 != digest_of(
            event.title, event.issue_body, *request.answers
        )
        if request.status == "accepted" and raced:
            label = here.settings.request_label
            why = f"issue #{issue} was changed after this command was written; put the label {label} on again"
            return (answered(here, event, why),)
        return with_situation(_confirmed(request, event, here) if trigger == "confirm" else request, here)
    return (_steered(here, event, command, issue=issue, pull=pull),)


def _plan_again(
    event: events.IssueComment,
    command: commands.Command,
    here: Surroundings,
    *,
    issue: int,
    pull: read.PullView | None,
) -> tuple[Document, ...]:
    target = pull or read.open_pull(here.connection, f"agent/{event.number}")
    if target is None or target.state != "open":
        why = "there is no open pull request of this request to plan; `/agent revise …` or the label starts one"
        return (answered(here, event, why),)
    if target.head_repository != here.connection.name:
        why = "a fork's code gets the gate and the static checks only; it is never planned with a credential"
        return (answered(here, event, why),)
    commit = _commit_of(command) or target.head_sha
    if commit != target.head_sha:
        why = f"the pull request stands at {target.head_sha[:7]}, not at {commit[:7]}; read its plan and name that"
        return (answered(here, event, why),)
    trigger: Trigger = "review" if command.name == "review" else "plan"
    return from_pull(
        here, target.number, actor=event.actor.login, trigger=trigger, comment=event.comment_id, issue=issue
    )


def _sets_aside_review(command: commands.Command) -> bool:
    """Whether it overrides a reviewer's findings: the change stands then, and only its verdict is made anew."""
    return command.name == "override" and command.text.startswith(REVIEW)


def _commit_of(command: commands.Command) -> str:
    """The commit that a command is for; empty when it is for whatever stands."""
    if command.name == "approve-destroy":
        return command.text.split(maxsplit=1)[0]
    return to_override(command)[1] if _sets_aside_review(command) else ""


def _which(rule: str) -> str:
    """How to say what of `rule` is set aside."""
    if rule.startswith(REVIEW):
        return f"name the commit that was reviewed, the pull request's head: `/agent override {rule}=<40-hex> <reason>`"
    return (
        f"an override is of one value, and counts for no other: `/agent override {rule}=<value> <reason>`, as the "
        "status comment shows it to copy"
    )


def _rollback(
    event: events.IssueComment, here: Surroundings, *, issue: int, pull: read.PullView | None
) -> tuple[Document, ...]:
    merged = pull or read.newest_pull(here.connection, f"agent/{issue}")
    if merged is None or not merged.merged or merged.base_branch != here.branch:
        why = "there is no merged pull request of this request to take back; comment on the merged pull request itself"
        return (answered(here, event, why),)
    try:
        change = taken_back(here.repo, here.remote, here.connection, merged, base=here.base)
    except UserError as error:
        return (answered(here, event, str(error)),)
    request = answered(here, event).model_copy(
        update={
            "status": "accepted",
            "trigger": "rollback",
            "number": issue,
            "title": change.summary,
            "requester": event.actor.login,
            "also_asked": (read.issue(here.connection, issue).author,),
            # Whoever asks for exactly these files back has understood what is written.
            "confirmed_by": event.actor.login,
            "branch": f"agent/{issue}-rollback",
            "sha256": digest_of(change.summary, merged.merge_commit or ""),
        }
    )
    return request, change


def _confirmed(request: Request, event: events.IssueComment, here: Surroundings) -> Request:
    """A confirmation counts for the request as our status comment showed it, and for no other."""
    if request.status != "accepted" or request.confirmed_by:
        return request
    why = (
        "there is nothing to confirm that still stands: the request was changed, answered or labelled since it was "
        "understood, or the status comment does not show an understanding that waits for it, or somebody edited that "
        f"comment; put the label {here.settings.request_label} on again"
    )
    return answered(here, event, why)


def _steered(
    here: Surroundings,
    event: events.IssueComment,
    command: commands.Command,
    *,
    issue: int,
    pull: read.PullView | None,
) -> Request:
    """A command that one job answers, where it was written."""
    found = pull or read.newest_pull(here.connection, f"agent/{issue}")
    trigger: Any = command.name
    return answered(here, event).model_copy(
        update={
            "status": "accepted",
            "trigger": trigger,
            "number": issue,
            "place": event.number,
            "argument": clean(command.text, limit=LONGEST_NOTE).text.strip(),
            "title": clean(event.title).text,
            "branch": found.branch if found else f"agent/{issue}",
            "pull_request": found.number if found else None,
            "head_sha": found.head_sha if found else None,
        }
    )


def _not_allowed(command: commands.Command, event: events.IssueComment, here: Surroundings) -> str:
    """Why somebody who may write may not give this command (now); empty when they may."""
    actor = event.actor.login
    trigger = "plan" if command.name == "approve-destroy" else command.name
    if trigger in ROUTES and (
        why := too_often(
            here.rights, here.settings.request_label, login=actor, number=event.number, comment=event.comment_id,
            now=here.now,
        )
    ):  # fmt: skip
        return why
    if command.name == "unlock":
        return here.rights.why_no_unlock(actor)
    if command.name == "override":
        rule, value, reason = to_override(command)
        nothing = "" if reason else "an override needs a reason that people can read"
        return here.rights.why_no_override(actor, rule) or nothing or ("" if value else _which(rule))
    return here.rights.why_no_approval(actor) if command.name == "approve-destroy" else ""
