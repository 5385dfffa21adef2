"""Text for people and states -> GitHub. A text is redacted and cut to size here, on its only way out."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, TypeVar

import github
from github.GithubObject import NotSet
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.PullRequest import PullRequest

from agent.domain import Finding
from agent.errors import ToolError
from agent.github.connect import Connection, explained
from agent.github.read import PullView, open_pull
from agent.render.limits import fit
from agent.render.records import inert_json
from agent.render.redact import redact

T = TypeVar("T")
Conclusion = Literal["success", "failure", "neutral", "action_required"]
Reaction = Literal["eyes", "rocket", "confused"]
NEEDS_HUMAN = "agent:needs-human"
STATES = ("agent:working", "agent:needs-info", NEEDS_HUMAN, "agent:ready", "agent:applied", "agent:failed")
ANNOTATIONS_A_CALL = 50
TITLE = 256
UNPROCESSABLE = 422


def outgoing(text: str, *, log_url: str = "") -> str:
    """The one exit: secrets out, then cut to what GitHub accepts."""
    return fit(redact(text), more=log_url)


def upsert_comment(connection: Connection, number: int, *, marker: str, body: str, log_url: str = "") -> str:
    """Write or edit the one comment of ours on `number` that starts with `marker`; returns its address.

    Ours is decided by author and marker, on all pages: somebody else's copy of the marker is never edited or trusted.
    """
    text = outgoing(body if body.startswith(marker) else f"{marker}\n{body}", log_url=log_url)
    found = _find(connection, number, marker)
    if found is None:
        issue = _issue(connection, number)
        found = _once(
            f"a comment on #{number}",
            lambda: issue.create_comment(text),
            lambda: _find(connection, number, marker),
        )
    elif found.body != text:
        with explained(f"the comment {found.html_url}"):
            found.edit(text)
    return found.html_url


def update_comment(connection: Connection, number: int, *, marker: str, body: str) -> None:
    """Edit the one comment of ours on `number` that starts with `marker`, when there is one."""
    text = outgoing(body if body.startswith(marker) else f"{marker}\n{body}")
    found = _find(connection, number, marker)
    if found is not None and found.body != text:
        with explained(f"the comment {found.html_url}"):
            found.edit(text)


def outdate(connection: Connection, number: int, *, marker: str, keep: str) -> None:
    """Fold our comments on `number` that start with `marker` as outdated, but for the one at the address `keep`.

    Only how a page reads, so the first hundred comments will do: a GitHub that does not do it, or not for this token,
    changes nothing about the outcome.
    """
    requester = connection.repository.requester
    with suppress(ToolError), explained(f"the older comments of #{number}"):
        # as plain JSON: PyGithub asks for each comment once more before it shows a field that it does not know
        _, found = requester.requestJsonAndCheck(
            "GET", f"{connection.repository.url}/issues/{number}/comments", parameters={"per_page": 100}
        )
        for one in found if isinstance(found, list) else ():
            ours = (one["user"] or {}).get("login") == connection.bot and (one.get("body") or "").startswith(marker)
            if ours and one["html_url"] != keep and not one.get("minimized"):
                IssueComment(requester, attributes=one).minimize("OUTDATED")


def ensure_pull(
    connection: Connection, *, branch: str, base: str, title: str, body: str, unfinished: bool = False
) -> PullView:
    """The open pull request of `branch`, made when there is none; title and body are brought up to date.

    An `unfinished` one is made as a draft, where the repository has drafts, and has the label for people's work either
    way; one that is not loses that label.
    """
    title, body = _headline(title), outgoing(body)
    found = open_pull(connection, branch)
    if found is None:
        found = _once(
            f"a pull request for {branch}",
            lambda: _create_pull(connection, branch=branch, base=base, title=title, body=body, draft=unfinished),
            lambda: open_pull(connection, branch),
        )
        if unfinished:
            _mark(connection, found, unfinished=True)
        return found
    _mark(connection, found, unfinished=unfinished)
    if (found.title, found.body) != (title, body):
        with explained(f"pull request #{found.number}"):
            connection.repository.get_pull(found.number).edit(title=title, body=body)
    return found


def set_state(connection: Connection, number: int, state: str, *, drop: Sequence[str] = ()) -> None:
    """Give the issue exactly one of our state labels and take off those that `drop` names."""
    with explained(f"the labels of #{number}"):
        issue = connection.repository.get_issue(number)
        names = {label.name for label in issue.labels}
        # One by one: to set the whole list would take off a label that somebody puts on meanwhile.
        if state not in names:
            issue.add_to_labels(state)
        for name in sorted(names & {*STATES, *drop} - {state}):
            with suppress(github.UnknownObjectException):  # somebody took it off meanwhile
                issue.remove_from_labels(name)


def react(connection: Connection, comment_id: int, reaction: Reaction) -> None:
    with explained(f"a reaction to comment {comment_id}"):
        IssueComment(
            connection.repository.requester,
            url=f"{connection.repository.url}/issues/comments/{comment_id}",
            completed=False,
        ).create_reaction(reaction)


def close(connection: Connection, number: int) -> None:
    """Close an issue as completed; closing a closed one changes nothing."""
    with explained(f"closing #{number}"):
        issue = connection.repository.get_issue(number)
        if issue.state != "closed":
            issue.edit(state="closed", state_reason="completed")


def drop_branch(connection: Connection, branch: str, *, commit: str) -> bool:
    """Delete `branch` of the repository; False when it does not stand at `commit`, or is gone."""
    name = f"refs/heads/{branch}"
    with explained(f"the branch {branch}"):
        refs = connection.repository.get_git_matching_refs(f"heads/{branch}")
        found = next((one for one in refs if one.ref == name and one.object.sha == commit), None)
        if found is None:
            return False
        with suppress(github.UnknownObjectException):  # somebody deleted it meanwhile
            found.delete()
    return True


def check_run(
    connection: Connection,
    *,
    name: str,
    commit: str,
    conclusion: Conclusion,
    title: str,
    summary: str,
    text: str = "",
    record: str = "",
    findings: Sequence[Finding] = (),
    details_url: str = "",
) -> None:
    """Post one ended check run on `commit`, findings as line annotations (50 a call, as GitHub takes them).

    `record` takes the place of `text`: JSON of hashes and names that is read back, made inert and otherwise kept.
    """
    annotations = [annotation(finding) for finding in findings if finding.path and finding.line]
    output: dict[str, str | list[dict[str, str | int]]] = {"title": outgoing(title), "summary": outgoing(summary)}
    if record or text:
        output["text"] = inert_json(record) if record else outgoing(text)
    first, rest = annotations[:ANNOTATIONS_A_CALL], annotations[ANNOTATIONS_A_CALL:]
    with explained(f"the check {name} of {commit[:7]}"):
        run = connection.repository.create_check_run(
            name,
            commit,
            status="completed",
            conclusion=conclusion,
            output={**output, "annotations": first} if first else output,
            details_url=details_url or NotSet,
        )
        while rest:
            run.edit(output={**output, "annotations": rest[:ANNOTATIONS_A_CALL]})
            rest = rest[ANNOTATIONS_A_CALL:]


def review(
    connection: Connection, number: int, *, commit: str, marker: str, note: str, findings: Sequence[Finding]
) -> bool:
    """Post one review of ours that comments on `commit`, each finding beside its line, once however often this runs.

    It neither approves nor asks for changes. Returns False when GitHub does not take it, as for a line that its own
    diff does not show: what it would say stands in the section on the pull request as well.
    """
    pull = PullRequest(
        connection.repository.requester, url=f"{connection.repository.url}/pulls/{number}", completed=False
    )
    given = {
        "commit_id": commit,
        "event": "COMMENT",
        "body": outgoing(f"{marker}\n{note}"),
        "comments": [
            {"path": one.path, "line": one.line, "side": "RIGHT", "body": outgoing(one.message)} for one in findings
        ],
    }

    def create() -> bool:
        try:
            connection.repository.requester.requestJsonAndCheck("POST", f"{pull.url}/reviews", input=given)
        except github.GithubException as error:
            if error.status != UNPROCESSABLE:
                raise
            return False
        return True

    def find() -> bool | None:
        with explained(f"the reviews of pull request #{number}"):
            ours = (one for one in pull.get_reviews() if one.user is not None and one.user.login == connection.bot)
            return any(one.commit_id == commit and (one.body or "").startswith(marker) for one in ours) or None

    return find() or _once(f"a review of pull request #{number}", create, find)


def annotation(finding: Finding) -> dict[str, str | int]:
    """A finding as GitHub's check-run annotation."""
    level = {"critical": "failure", "high": "failure", "medium": "warning"}.get(finding.severity, "notice")
    return {
        "path": finding.path,
        "start_line": finding.line,
        "end_line": finding.line,
        "annotation_level": level,
        "title": redact(finding.rule)[:255],
        "message": outgoing(finding.message),
    }


def _headline(title: str) -> str:
    """One line that GitHub takes for a title."""
    line = " ".join(outgoing(title).split())
    return line if len(line) <= TITLE else f"{line[: TITLE - 1]}…"


def _issue(connection: Connection, number: int) -> Issue:
    return Issue(connection.repository.requester, url=f"{connection.repository.url}/issues/{number}", completed=False)


def _find(connection: Connection, number: int, marker: str) -> IssueComment | None:
    with explained(f"the comments of #{number}"):
        for comment in _issue(connection, number).get_comments():
            if comment.user and comment.user.login == connection.bot and (comment.body or "").startswith(marker):
                return comment
    return None


def _mark(connection: Connection, pull: PullView, *, unfinished: bool) -> None:
    """Put the label for people's work on, or take it off."""
    if unfinished == (NEEDS_HUMAN in pull.labels):
        return
    with explained(f"the labels of #{pull.number}"):
        issue = _issue(connection, pull.number)
        if unfinished:
            issue.add_to_labels(NEEDS_HUMAN)
            return
        with suppress(github.UnknownObjectException):  # somebody took it off meanwhile
            issue.remove_from_labels(NEEDS_HUMAN)


def _create_pull(connection: Connection, *, branch: str, base: str, title: str, body: str, draft: bool) -> PullView:
    try:
        connection.repository.create_pull(base=base, head=branch, title=title, body=body, draft=draft)
    except github.GithubException as error:
        # Not every plan of GitHub has drafts in private repositories; the label says the same.
        if not (draft and error.status == 422 and "draft" in str(error.data).lower()):
            raise
        connection.repository.create_pull(base=base, head=branch, title=title, body=body)
    found = open_pull(connection, branch)
    if found is None:
        raise ToolError(f"the pull request for {branch} was made, but GitHub does not list it")
    return found


def _once(what: str, create: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Create a thing; when the answer is an error or lost, look whether it was made before giving up."""
    try:
        with explained(what):
            return create()
    except ToolError:
        made = find()
        if made is None:
            raise
        return made
