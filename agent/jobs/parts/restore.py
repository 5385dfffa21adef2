"""A merged pull request -> the ChangeSet that takes exactly its infra/ files back, on top of today's default branch."""

import git

from agent.clean import clean
from agent.domain import ChangeSet, File
from agent.errors import UserError
from agent.gate.paths import PROTECTED
from agent.github import read as github
from agent.github.connect import Connection
from agent.jobs.parts.workspace import infrastructure, units_of
from agent.repo import Remote, changed, fetch, log_of, merge_base, parents, read
from agent.targets.probes import PROBES_FILE
from agent.targets.terraform_files import unit_of

FOLDER = "infra/"
MOST_COMMITS = 50
NO_PROBES = "---\nprobes: []\n"


def taken_back(
    repo: git.Repo, remote: Remote, connection: Connection, pull: github.PullView, *, base: str
) -> ChangeSet:
    """The files of `pull` as they were before its merge. `base` is the default branch's commit to write them on.

    A unit that the merge brought keeps its backend and providers: without them nothing could be planned that takes away
    what was deployed. Its probes go, because they ask for what is then gone. Raises UserError when a later change is in
    the way.
    """
    commit = pull.merge_commit
    if commit is None:
        raise UserError(f"pull request #{pull.number} names no merge commit; take it back by hand")
    fetch(repo, remote, commit)
    if merge_base(repo, remote, base, commit) != commit:
        raise UserError(
            f"{commit[:7]}, the merge of #{pull.number}, is not part of the default branch; nothing is undone"
        )
    paths = [path for path in github.changed_paths(connection, pull.number) if path.startswith(FOLDER)]
    if not paths:
        raise UserError(f"pull request #{pull.number} changed nothing below {FOLDER}; there is nothing to take back")
    before = _before(repo, commit, sorted(paths), number=pull.number)
    moved = [path for path in paths if read(repo, base, path) != read(repo, commit, path)]
    if moved:
        raise UserError(_in_the_way(repo, connection, moved, since=commit, base=base, number=pull.number))
    standing = infrastructure(repo, before)
    old = {unit for path in standing if (unit := unit_of(path))}
    files = tuple(
        file
        for path in sorted(paths)
        if (file := _taken(path, _text(repo, before, path), new=unit_of(path) not in old)) is not None
        and _text(repo, base, path) != file.content
    )
    if not files:
        raise UserError(f"what #{pull.number} merged is taken back already")
    title = clean(pull.title).text.strip().split("\n")[0]
    return ChangeSet(
        status="written",
        author=f"rollback:{pull.number}",
        summary=f"Take back pull request {pull.number}: {title}",
        files=files,
        units=units_of([file.path for file in files], infrastructure(repo, base)),
        rollback="Close this pull request; nothing was changed before its merge.",
    )


def _before(repo: git.Repo, commit: str, paths: list[str], *, number: int) -> str:
    """The commit that stood before the merge: a merge commit's first parent, else as far back as what the pull request
    changed (a squash is one commit, a rebase as many as it had).
    """
    first = parents(repo, commit)
    if len(first) > 1:
        return first[0]
    at = commit
    for _ in range(MOST_COMMITS):
        first = parents(repo, at)
        if not first:
            break
        at = first[0]
        if sorted(path for path in changed(repo, at, commit) if path.startswith(FOLDER)) == paths:
            return at
    raise UserError(f"it cannot be told what stood before #{number} was merged as {commit[:7]}; take it back by hand")


def _in_the_way(repo: git.Repo, connection: Connection, paths: list[str], *, since: str, base: str, number: int) -> str:
    later = log_of(repo, since, base, paths)
    named = []
    for commit in later[:3]:
        pulls = ", ".join(f"#{one.number}" for one in github.merged_pulls(connection, commit))
        named.append(f"{commit[:7]}{f' ({pulls})' if pulls else ''}")
    shown = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return (
        f"{shown} changed again after #{number}, by {', '.join(named) or 'a later merge'}; take that back first, or "
        "write the change by hand"
    )


def _text(repo: git.Repo, commit: str, path: str) -> str | None:
    data = read(repo, commit, path)
    try:
        return data.decode() if data is not None else None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text, so it is not taken back here; do it by hand") from error


def _taken(path: str, content: str | None, *, new: bool) -> File | None:
    """The file as it was; None when it stays although the merge brought it. `new` says that its unit is new too."""
    name = path.rpartition("/")[2]
    if content is not None or not new or name not in PROTECTED:
        return File(path=path, content=content)
    return File(path=path, content=NO_PROBES) if name == PROBES_FILE else None
