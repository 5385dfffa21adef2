"""What is on GitHub -> frozen values. Only reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from github.CheckRun import CheckRun
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest

from agent.errors import Denied, ToolError
from agent.github.connect import Connection, explained

MAY_WRITE = ("write", "maintain", "admin")
EDITOR = """
query($id: ID!) {
  node(id: $id) { ... on IssueComment { lastEditedAt editor { __typename login } } }
}
"""


@dataclass(frozen=True)
class IssueView:
    number: int
    title: str
    body: str
    author: str
    state: str
    url: str
    labels: tuple[str, ...]
    is_pull_request: bool


@dataclass(frozen=True)
class CommentView:
    """A comment. With `edited` its text is not, or not for certain, what its author wrote; `by_person` says whether
    that is the account of a person, and `node` is its name in GraphQL.
    """

    id: int
    author: str
    body: str
    created_at: datetime
    url: str
    edited: bool
    by_person: bool
    updated_at: datetime
    node: str


@dataclass(frozen=True)
class Labelled:
    """A label that a person put on an issue."""

    id: int
    number: int
    label: str
    actor: str
    at: datetime


@dataclass(frozen=True)
class PullView:
    """A pull request. `head_repository` is None when the fork is gone; `merged_by` is empty until merged, and
    `merged_by_person` says whether that is the account of a person.
    """

    number: int
    title: str
    body: str
    author: str
    state: str
    url: str
    branch: str
    head_sha: str
    base_branch: str
    base_sha: str
    head_repository: str | None
    merged: bool
    merged_at: datetime | None
    merge_commit: str | None
    merged_by: str
    merged_by_person: bool
    draft: bool = False
    labels: tuple[str, ...] = ()


def permission(connection: Connection, login: str) -> str:
    """What the API says `login` may do here: `none read triage write maintain admin`.

    Raises Denied when it does not say: without an answer nobody is allowed anything.
    """
    try:
        with explained(f"the permission of {login}"):
            return connection.repository.get_collaborator_permission(login)
    except ToolError as error:
        raise Denied(f"{error}. Without an answer {login} counts as not allowed; run the workflow again") from error


def maintains(connection: Connection, login: str) -> bool:
    """Whether the role of `login` is `maintain` or `admin`: GitHub's word for the permission does not tell `maintain`
    from `write`. Raises Denied when the API does not say.
    """
    try:
        with explained(f"the role of {login}"):
            return connection.repository.get_collaborator_role_name(login) in ("maintain", "admin")
    except ToolError as error:
        raise Denied(f"{error}. Without an answer {login} counts as not allowed; run the workflow again") from error


def in_team(connection: Connection, login: str, team: str) -> bool:
    """Whether `login` is an active member of `team` (`organisation/team`, or a team of the repository's owner).

    Whatever is not a clear yes is a no: the token of a CI job, for one, is not allowed to read teams.
    """
    organisation, slug = team.split("/") if "/" in team else (connection.name.split("/")[0], team)
    path = f"/orgs/{quote(organisation)}/teams/{quote(slug)}/memberships/{quote(login)}"
    try:
        with explained(f"the membership of {login} in {team}"):
            _, answer = connection.repository.requester.requestJsonAndCheck("GET", path)
    except ToolError:
        return False
    return isinstance(answer, dict) and answer.get("state") == "active"


def issue(connection: Connection, number: int) -> IssueView:
    with explained(f"issue #{number}"):
        found = connection.repository.get_issue(number)
        return IssueView(
            number=found.number,
            title=found.title or "",
            body=found.body or "",
            author=_login(found.user),
            state=found.state,
            url=found.html_url,
            labels=tuple(label.name for label in found.labels),
            is_pull_request=found.pull_request is not None,
        )


def comments(connection: Connection, number: int) -> tuple[CommentView, ...]:
    """All comments of an issue or pull request, oldest first, on all pages."""
    with explained(f"the comments of #{number}"):
        listing = _issue(connection, number).get_comments()
        return tuple(_comment(found) for found in listing)


def edited_by_others(connection: Connection, comment: CommentView) -> bool:
    """Whether the text of a comment of ours, as it stands, was last edited by somebody else. REST does not say who did.

    Raises ToolError when GitHub does not say.
    """
    with explained(f"who edited the comment {comment.url}"):
        _, answer = connection.repository.requester.graphql_query(EDITOR, {"id": comment.node})
    try:
        found = answer["data"]["node"]
        editor, edited_at = found["editor"], found["lastEditedAt"]
        ours = editor is not None and editor["__typename"] == "Bot" and f"{editor['login']}[bot]" == connection.bot
    except (KeyError, TypeError) as error:
        raise ToolError(f"who edited the comment {comment.url}: GitHub's answer does not say") from error
    return not (ours or (editor is None and edited_at is None))


def pull(connection: Connection, number: int) -> PullView:
    with explained(f"pull request #{number}"):
        return _pull(connection.repository.get_pull(number))


def open_pull(connection: Connection, branch: str) -> PullView | None:
    """The open pull request whose head is `branch` of this repository itself."""
    owner = connection.name.split("/")[0]
    with explained(f"the pull requests of {branch}"):
        for found in connection.repository.get_pulls(state="open", head=f"{owner}:{branch}"):
            if (
                found.head.ref == branch
                and found.head.repo is not None
                and found.head.repo.full_name == connection.name
            ):
                return _pull(found)
    return None


def newest_pull(connection: Connection, branch: str) -> PullView | None:
    """The newest pull request, open or not, whose head is `branch` of this repository itself."""
    owner = connection.name.split("/")[0]
    with explained(f"the pull requests of {branch}"):
        listing = connection.repository.get_pulls(
            state="all", head=f"{owner}:{branch}", sort="created", direction="desc"
        )
        for found in listing:
            ours = found.head.repo is None or found.head.repo.full_name == connection.name
            if found.head.ref == branch and ours:
                return _pull(connection.repository.get_pull(found.number))
    return None


def open_pulls(connection: Connection, base: str) -> tuple[PullView, ...]:
    """Every open pull request into the branch `base`, forks' included; one call for a hundred of them."""
    with explained("the open pull requests"):
        return tuple(_pull(found) for found in connection.repository.get_pulls(state="open", base=base))


def changed_paths(connection: Connection, number: int) -> tuple[str, ...]:
    """Paths that a pull request changes, as GitHub shows them (at most 3,000); a renamed file counts under both names.
    One call for a hundred of them.
    """
    with explained(f"the files of pull request #{number}"):
        files = PullRequest(
            connection.repository.requester, url=f"{connection.repository.url}/pulls/{number}", completed=False
        ).get_files()
        names = [name for found in files for name in (found.filename, found.previous_filename) if name]
    return tuple(dict.fromkeys(names))


def merged_pulls(connection: Connection, commit: str) -> tuple[PullView, ...]:
    """The merged pull requests whose merge made `commit`."""
    with explained(f"the pull requests of commit {commit[:7]}"):
        numbers = [found.number for found in connection.repository.get_commit(commit).get_pulls()]
        views = [_pull(connection.repository.get_pull(number)) for number in numbers]
    return tuple(view for view in views if view.merged and view.merge_commit == commit)


def check_output(connection: Connection, *, commit: str, check: str, until: datetime | None) -> str | None:
    """Text of the newest check run `check` on `commit` that our own App had ended by `until`, when it succeeded.

    What was posted later is no part of what a person saw when they merged.
    """
    ours = [
        run
        for run in ended_checks(connection, commit=commit, check=check)
        if until is None or (run.completed_at is not None and run.completed_at <= until)
    ]
    if not ours:
        return None
    newest = max(ours, key=lambda run: run.id)
    return newest.output.text if newest.conclusion == "success" else None


def ended_checks(connection: Connection, *, commit: str, check: str) -> list[CheckRun]:
    """Every check run `check` on `commit` that our own App posted and ended."""
    with explained(f"the check {check} of {commit[:7]}"):
        runs = connection.repository.get_commit(commit).get_check_runs(check_name=check, filter="all")
        return [run for run in runs if run.app is not None and run.app.id == connection.app_id and run.completed_at]


def labels_since(connection: Connection, since: datetime) -> Iterator[Labelled]:
    """Every label that a person put on an issue here since then, newest first; one call for a hundred events."""
    with explained("the events of the repository"):
        for event in connection.repository.get_issues_events():
            if event.created_at < since:
                return
            person = event.actor is not None and event.actor.type == "User"
            if event.event == "labeled" and event.label is not None and person:
                yield Labelled(event.id, event.issue.number, event.label.name, event.actor.login, event.created_at)


def comments_since(connection: Connection, since: datetime) -> Iterator[CommentView]:
    """Every comment here that was written or edited since then, newest first; one call for a hundred of them."""
    with explained("the comments of the repository"):
        for found in connection.repository.get_issues_comments(sort="created", direction="desc", since=since):
            yield _comment(found)


def labelled_at(connection: Connection, number: int, label: str) -> datetime | None:
    """When `label` was last put on the issue, or None."""
    with explained(f"the events of #{number}"):
        times = [
            event.created_at
            for event in _issue(connection, number).get_events()
            if event.event == "labeled" and event.label is not None and event.label.name == label
        ]
    return max(times, default=None)


def _issue(connection: Connection, number: int) -> Issue:
    return Issue(connection.repository.requester, url=f"{connection.repository.url}/issues/{number}", completed=False)


def _login(user: NamedUser | Organization | None) -> str:
    """A deleted account is null; GitHub shows it as "ghost"."""
    return user.login if user is not None else "ghost"


def _comment(found: IssueComment) -> CommentView:
    return CommentView(
        found.id,
        _login(found.user),
        found.body or "",
        found.created_at,
        found.html_url,
        found.updated_at != found.created_at,
        found.user is not None and found.user.type == "User",
        found.updated_at,
        found.node_id,
    )


def _pull(found: PullRequest) -> PullView:
    merger = found.merged_by if found.merged_at else None
    return PullView(
        number=found.number,
        title=found.title,
        body=found.body or "",
        author=_login(found.user),
        state=found.state,
        url=found.html_url,
        branch=found.head.ref,
        head_sha=found.head.sha,
        base_branch=found.base.ref,
        base_sha=found.base.sha,
        head_repository=found.head.repo.full_name if found.head.repo is not None else None,
        merged=bool(found.merged_at),
        merged_at=found.merged_at,
        merge_commit=found.merge_commit_sha,
        merged_by=merger.login if merger else "",
        merged_by_person=merger is not None and merger.type == "User",
        draft=bool(found.draft),
        labels=tuple(label.name for label in found.labels),
    )
