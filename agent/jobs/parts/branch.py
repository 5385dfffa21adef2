"""The request's branch as it stands, and the files to write -> the commit to push, or why nobody's work may be lost."""

from collections.abc import Collection, Sequence
from datetime import datetime

import git

from agent.domain import File
from agent.errors import UserError
from agent.repo import EMAIL, Remote, changed, commit_files, history, merge_base, read, remote_head


def next_commit(
    repo: git.Repo,
    remote: Remote,
    files: Sequence[File],
    *,
    branch: str,
    base: str,
    message: str,
    when: datetime,
    begun_from: str | None = None,
    rewritten: Collection[str] = (),
) -> tuple[str, str | None]:
    """The commit that `branch` should stand on, and the one it stands on now (None: there is no such branch).

    While only the agent has written to the branch, the commit holds exactly `files` on top of where it left `base`: a
    unit that is no longer asked for goes. Commits of people are kept. Raises UserError when `files` would undo what
    people changed, or when the branch holds anything outside infra/.

    `rewritten` are paths whose author had what stood at `begun_from` before it: while that is still the branch's head,
    they undo nothing that was not seen.
    """
    stands = remote_head(repo, remote, branch)
    if stands is None:
        return commit_files(repo, base, files, message=message, when=when), None
    fork = merge_base(repo, remote, base, stands)
    outside = [path for path in changed(repo, fork, stands) if not path.startswith("infra/")]
    if outside:
        raise UserError(
            f"the branch {branch} also changes {_listed(outside)}; take that out of it, or delete the branch"
        )
    authors = history(repo, fork, stands)
    if all(email == EMAIL for _, email in authors):
        return commit_files(repo, stands, files, message=message, when=when, root=fork), stands
    ours = next((commit for commit, email in authors if email == EMAIL), fork)
    edited = set(changed(repo, ours, stands))
    seen = set(rewritten) if begun_from == stands else set()
    lost = [file.path for file in files if file.path in edited - seen and _differs(repo, stands, file)]
    if seen:  # all of the change was written anew, so what it no longer holds goes; but nothing that people made
        held = {file.path for file in files}
        left = [path for path in sorted(edited - held) if read(repo, fork, path) != read(repo, stands, path)]
        lost += left
    if lost:
        raise UserError(
            f"people changed {_listed(lost)} on {branch}, and this would undo it; push the further change yourself, "
            "or take theirs back and ask again"
        )
    return commit_files(repo, stands, files, message=message, when=when, root=fork if seen else None), stands


def _differs(repo: git.Repo, commit: str, file: File) -> bool:
    data = read(repo, commit, file.path)
    return data != (file.content.encode() if file.content is not None else None)


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
