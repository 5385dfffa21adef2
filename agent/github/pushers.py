"""A pull request's branch -> the accounts whose code stands there, as GitHub records it. Only reads."""

from itertools import islice
from typing import Any

from github.GithubObject import NonCompletableGithubObject
from github.PaginatedList import PaginatedList
from github.PullRequest import PullRequest

from agent.errors import ToolError
from agent.github import read
from agent.github.connect import Connection, explained

# Of all branches together that one pull request took its code from.
MOST_ACTIVITIES = 1000
MOST_BRANCHES = 20
# GitHub lists no more commits of a pull request.
MOST_COMMITS = 250
TAKES_AWAY = "branch_deletion"
MERGES = ("pr_merge", "merge_queue_merge")


class _Activity(NonCompletableGithubObject):
    """One move of a branch, as plain JSON: PyGithub knows none."""

    def _initAttributes(self) -> None:
        pass

    def _useAttributes(self, attributes: dict[str, Any]) -> None:
        pass


def pushed_by(connection: Connection, *, branch: str, commit: str) -> frozenset[str]:
    """The logins of everybody who ever put something on the repository's `branch`, which stood at `commit` once: by a
    push, forced or not, a write through the API, "Update branch", making or restoring the branch, or a pull request
    into it, whose author and whose branch's pushers count too.

    It is GitHub's own record, which no pusher writes and which outlives the branch: what was pushed and replaced since
    counts as well, for a rebase by somebody else keeps the code. Raises ToolError when GitHub does not say all of it.
    """
    found: set[str] = set()
    waiting, seen, left = [branch], {branch}, MOST_ACTIVITIES
    while waiting:
        name = waiting.pop()
        moves = _moves(connection, name, most=left)
        left -= len(moves)
        if name == branch and commit not in {after for _, _, after in moves}:
            raise ToolError(f"the pushes to {branch}: {commit[:7]} is not among them")
        found |= {login for kind, login, _ in moves if kind != TAKES_AWAY}
        for merged in (after for kind, _, after in moves if kind in MERGES):
            for pull in _merged_by(connection, name, merged):
                found.add(pull.author)
                if pull.branch not in seen:
                    seen.add(pull.branch)
                    waiting.append(pull.branch)
        if len(seen) > MOST_BRANCHES:
            raise ToolError(
                f"the pushes to {branch}: it took in more than {MOST_BRANCHES} branches, so not all are read"
            )
    return frozenset(found)


def made_by(connection: Connection, number: int) -> frozenset[str]:
    """The logins of authors and committers of every commit of a pull request, as far as GitHub knows them.

    Raises ToolError when it has more commits than GitHub lists.
    """
    pull = PullRequest(
        connection.repository.requester, url=f"{connection.repository.url}/pulls/{number}", completed=False
    )
    with explained(f"the commits of pull request #{number}"):
        commits = list(islice(pull.get_commits(), MOST_COMMITS))
        names = {user.login for one in commits for user in (one.author, one.committer) if user is not None}
    if len(commits) == MOST_COMMITS:
        raise ToolError(f"the commits of pull request #{number}: {MOST_COMMITS} or more, of which GitHub lists no more")
    return frozenset(name for name in names if name)


def head_of(connection: Connection, branch: str) -> str | None:
    """The commit at which `branch` of the repository itself stands; None when there is no such branch."""
    with explained(f"the branch {branch}"):
        refs = connection.repository.get_git_matching_refs(f"heads/{branch}")
        return next((one.object.sha for one in refs if one.ref == f"refs/heads/{branch}"), None)


def _moves(connection: Connection, branch: str, *, most: int) -> list[tuple[str, str, str]]:
    """Of every move of `branch`: its kind, who did it, and where the branch stood then."""
    activities: PaginatedList[_Activity] = PaginatedList(
        _Activity,
        connection.repository.requester,
        f"{connection.repository.url}/activity",
        {"ref": f"refs/heads/{branch}"},
    )
    with explained(f"the pushes to {branch}"):
        listed = [one.raw_data for one in islice(activities, most + 1)]
    if len(listed) > most:
        raise ToolError(f"the pushes to {branch}: more than {MOST_ACTIVITIES}, so not all are read")
    try:
        return [(str(one["activity_type"]), str(one["actor"]["login"]), str(one["after"])) for one in listed]
    except (KeyError, TypeError) as error:
        raise ToolError(f"the pushes to {branch}: GitHub's answer does not name the account") from error


def _merged_by(connection: Connection, branch: str, commit: str) -> tuple[read.PullView, ...]:
    """The pull requests that were merged into `branch` as `commit`. Raises ToolError unless all their code is known."""
    pulls = tuple(pull for pull in read.merged_pulls(connection, commit) if pull.base_branch == branch)
    if not pulls:
        raise ToolError(f"the pushes to {branch}: GitHub does not say which pull request was merged as {commit[:7]}")
    for pull in pulls:
        if pull.head_repository != connection.name:
            raise ToolError(f"the pushes to {branch}: it took in pull request #{pull.number} of another repository")
    return pulls
