"""A pull request in, the commit that merges it out; nothing here moves a branch."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from agent.sandbox.forge import git
from agent.sandbox.forge.shapes.people import person
from agent.sandbox.forge.shapes.pull import head_repository
from agent.sandbox.forge.store import Row, now

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

GITHUB = ("GitHub", "noreply@github.com")


def test_merge(forge: "Forge", repo: Row, row: Row) -> tuple[bool | None, str]:
    """Whether the open pull request merges without a conflict, and the commit of doing so.

    Keeps `refs/pull/N/merge` on that commit, as GitHub does; without a mergeable state that ref is absent. A closed
    one answers (None, "").
    """
    if row["state"] != "open":
        return None, ""
    where = forge.git_dir(repo)
    base = git.ref(where, f"refs/heads/{row['base_ref']}")
    name = f"refs/pull/{row['number']}/merge"
    with forge.db.lock():
        known = git.ref(where, name)
        if base is None:
            return None, ""
        if (row["tested_head"], row["tested_base"]) == (row["head_sha"], base):
            return bool(row["mergeable"]), known or ""
        tree = git.merge_tree(where, base, row["head_sha"])
        sha = ""
        if tree is not None:
            github = git.Person(*GITHUB, now())
            sha = git.write_commit(
                where,
                tree=tree,
                parents=(base, row["head_sha"]),
                author=person(forge.user_row(row["user_id"])),
                committer=github,
                message=f"Merge {row['head_sha']} into {base}\n",
            )
            git.update_ref(where, name, sha, known or git.ZERO)
        elif known:
            git.update_ref(where, name, git.ZERO, known)
        forge.db.run(
            "UPDATE pulls SET tested_head = ?, tested_base = ?, mergeable = ?, merge_sha = ? WHERE issue_id = ?",
            row["head_sha"], base, int(tree is not None), sha or None, row["id"],
        )  # fmt: skip
        return tree is not None, sha


def merged(
    forge: "Forge", repo: Row, row: Row, *, method: str, who: Row, title: str | None, text: str | None
) -> tuple[str, str] | None:
    """(base before, commit to move the base to) for method merge, squash or rebase; None on a conflict."""
    where = forge.git_dir(repo)
    base = git.ref(where, f"refs/heads/{row['base_ref']}")
    if base is None:
        return None
    if method == "rebase":
        rebased = _rebase(where, base, row)
        return (base, rebased) if rebased else None
    tree = git.merge_tree(where, base, row["head_sha"])
    if tree is None:
        return None
    holder = head_repository(forge, repo, row)
    owner = holder["owner"] if holder else "unknown"
    usual = _merge_message(owner, row) if method == "merge" else _squash_message(where, row)
    message = "\n\n".join(part for part in (title or usual[0], usual[1] if text is None else text) if part)
    sha = git.write_commit(
        where,
        tree=tree,
        parents=(base, row["head_sha"]) if method == "merge" else (base,),
        author=person(who),
        committer=git.Person(*GITHUB, now()),
        message=message + "\n",
    )
    return base, sha


def _merge_message(owner: str, row: Row) -> tuple[str, str]:
    return f"Merge pull request #{row['number']} from {owner}/{row['head_ref']}", row["title"]


def _squash_message(where: Path, row: Row) -> tuple[str, str]:
    commits = git.commits(where, "--reverse", "--no-merges", f"{row['base_sha']}..{row['head_sha']}")
    title = f"{row['title']} (#{row['number']})"
    if len(commits) == 1:
        return title, commits[0].message.partition("\n")[2].strip()
    return title, "\n\n".join(f"* {commit.message}" for commit in commits)


def _rebase(where: Path, base: str, row: Row) -> str | None:
    """Replay the pull request's commits on `base` in a scratch checkout."""
    folder = Path(tempfile.mkdtemp(prefix="forge-rebase-"))
    env = {"GIT_COMMITTER_NAME": GITHUB[0], "GIT_COMMITTER_EMAIL": GITHUB[1]}
    try:
        git.git(where, "worktree", "add", "--quiet", "--detach", "--force", str(folder / "work"), base)
        code, _ = git.raw(
            folder / "work",
            "cherry-pick", "--allow-empty", f"{row['base_sha']}..{row['head_sha']}",
            env=env,
            ok=(0, 1, 128),
        )  # fmt: skip
        return git.git(folder / "work", "rev-parse", "HEAD") if code == 0 else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        git.git(where, "worktree", "prune")
