"""A repository as a killed process left it in, its pull requests in step with git's refs out.

git's refs and the database cannot change in one transaction; git is the truth.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.sandbox.forge import git
from agent.sandbox.forge.shapes.pull import SELECT, head_repository
from agent.sandbox.forge.store import Row, now

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge


def recover(forge: "Forge", repo: Row) -> None:
    """Bring heads and merges of open pull requests up to date. Emits nothing: nobody did anything just now."""
    where = forge.git_dir(repo)
    heads = git.refs(where, "refs/heads")
    for row in forge.db.all(f"{SELECT} WHERE i.repo_id = ? AND i.state = 'open'", repo["id"]):
        base = heads.get(f"refs/heads/{row['base_ref']}")
        holder = head_repository(forge, repo, row)
        head = git.ref(forge.git_dir(holder), f"refs/heads/{row['head_ref']}") if holder else None
        merge = _merge_of(where, row["head_sha"], base) if base else None
        if merge:
            moment = now()
            forge.db.run(
                "UPDATE pulls SET merged_at = ?, merged_by = ?, merge_sha = ? WHERE issue_id = ?",
                moment, row["user_id"], merge, row["id"],
            )  # fmt: skip
            forge.db.run(
                "UPDATE issues SET state = 'closed', closed_at = ?, updated_at = ? WHERE id = ?",
                moment,
                moment,
                row["id"],
            )
        elif head and head != row["head_sha"]:
            forge.db.run(
                "UPDATE pulls SET head_sha = ?, base_sha = ? WHERE issue_id = ?",
                head,
                base or row["base_sha"],
                row["id"],
            )
            if holder is not None and holder["id"] != repo["id"]:
                git.bring(where, head, source=forge.git_dir(holder))
            name = f"refs/pull/{row['number']}/head"
            git.update_ref(where, name, head, git.ref(where, name) or git.ZERO)


def _merge_of(where: Path, head: str, base: str) -> str | None:
    """The first commit of `base` that holds `head`, or None."""
    if not git.is_ancestor(where, head, base):
        return None
    path = git.git(where, "rev-list", "--first-parent", "--reverse", "--ancestry-path", f"{head}..{base}").split()
    return path[0] if path else base
