"""What people said to a pull request, and what a check run of ours holds -> frozen values. Only reads."""

from dataclasses import dataclass
from datetime import datetime

from github.PullRequest import PullRequest

from agent.errors import ToolError
from agent.github import read
from agent.github.connect import Connection, explained

DECISION = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviewDecision } }
}
"""
DECISIONS = ("", "APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED")


@dataclass(frozen=True)
class ReviewView:
    """A review that approves `commit`; `by_person` says whether that is the account of a person."""

    author: str
    by_person: bool
    commit: str
    url: str


@dataclass(frozen=True)
class Record:
    """The text that a check run of ours holds, and when it was posted."""

    text: str
    at: datetime


def decision(connection: Connection, number: int) -> str:
    """GitHub's own word on a pull request's reviews: `APPROVED CHANGES_REQUESTED REVIEW_REQUIRED`, or nothing.

    Code owners and the rules of the branch are in it. Raises ToolError when GitHub does not say.
    """
    owner, name = connection.name.split("/")
    variables = {"owner": owner, "name": name, "number": number}
    with explained(f"the review decision of pull request #{number}"):
        _, answer = connection.repository.requester.graphql_query(DECISION, variables)
    try:
        found = answer["data"]["repository"]["pullRequest"]["reviewDecision"] or ""
    except (KeyError, TypeError) as error:
        raise ToolError(f"the review decision of pull request #{number}: GitHub's answer holds none") from error
    if found not in DECISIONS:
        raise ToolError(f"the review decision of pull request #{number}: {found[:60]!r} is not known here")
    return str(found)


def approving(connection: Connection, number: int, commit: str) -> tuple[ReviewView, ...]:
    """The reviews that approve exactly `commit`, of each person the last one that says yes or no."""
    pull = PullRequest(
        connection.repository.requester, url=f"{connection.repository.url}/pulls/{number}", completed=False
    )
    last: dict[str, tuple[str, ReviewView]] = {}
    with explained(f"the reviews of pull request #{number}"):
        for review in pull.get_reviews():
            if review.user is not None and review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
                person = review.user.type == "User"
                view = ReviewView(review.user.login, person, review.commit_id or "", review.html_url)
                last[review.user.login] = (review.state, view)
    return tuple(view for state, view in last.values() if state == "APPROVED" and view.commit == commit)


def record(connection: Connection, *, commit: str, check: str) -> Record | None:
    """The text of the newest ended check run `check` of our own App on `commit` that holds one, however it ended."""
    ours = [run for run in read.ended_checks(connection, commit=commit, check=check) if run.output.text]
    if not ours:
        return None
    newest = max(ours, key=lambda run: run.id)
    assert newest.completed_at is not None
    return Record(newest.output.text, newest.completed_at)
