"""Units and open pull requests -> those that change the same units."""

from collections.abc import Sequence

import git

from agent.domain import OpenChange
from agent.errors import ToolError
from agent.github import read as github
from agent.github.connect import Connection
from agent.repo import Remote, fetch_all, tree
from agent.targets.terraform_files import unit_of


def open_changes(
    repo: git.Repo, remote: Remote, connection: Connection, *, base: str, into: str, own: str, units: Sequence[str]
) -> tuple[OpenChange, ...]:
    """The open pull requests into the branch `into` that change one of `units`, the one of our branch `own` left out.

    Costs one call, and one more for each pull request that most likely is in the way: git says which ones have another
    tree there than `base`, and GitHub's list of files says whether the pull request itself made it so.
    """
    pulls = [
        pull
        for pull in github.open_pulls(connection, into)
        if not (pull.branch == own and pull.head_repository == connection.name)
    ]
    found = []
    for pull in _suspects(repo, remote, pulls, base=base, units=units):
        touched = {unit for path in github.changed_paths(connection, pull.number) if (unit := unit_of(path))}
        if mine := tuple(sorted(touched & set(units))):
            found.append(OpenChange(number=pull.number, url=pull.url, units=mine))
    return tuple(found)


def _suspects(
    repo: git.Repo, remote: Remote, pulls: Sequence[github.PullView], *, base: str, units: Sequence[str]
) -> list[github.PullView]:
    try:
        fetch_all(repo, remote, (pull.head_sha for pull in pulls))
    except ToolError:
        return list(pulls)  # one of them went meanwhile: ask GitHub about each
    standing = {unit: tree(repo, base, unit) for unit in units}
    return [
        pull for pull in pulls if any(tree(repo, pull.head_sha, unit) != stands for unit, stands in standing.items())
    ]
