"""Refs that have just moved in, what GitHub makes of it out: pushes, pull requests' heads, closed issues."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.sandbox.forge import activity, git
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.merging import test_merge
from agent.sandbox.forge.shapes.git import pushed_commit
from agent.sandbox.forge.shapes.issue import issue
from agent.sandbox.forge.shapes.people import email
from agent.sandbox.forge.shapes.pull import SELECT, full_pull
from agent.sandbox.forge.shapes.repository import full_name, html_url, repository
from agent.sandbox.forge.store import Row, now
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

CLOSING = r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+"
MAX_COMMITS = 200


@dataclass(frozen=True)
class Move:
    """A ref that stands on `new` now and stood on `old` before; git.ZERO for "was not" or "is no more"."""

    ref: str
    old: str
    new: str


def moved(forge: "Forge", repo: Row, actor: Actor, moves: Iterable[Move], *, merging: int | None = None) -> None:
    """Call inside a transaction, after git's refs have moved. `merging` is the number of the pull request whose merge
    this is: it is left alone here."""
    for move in moves:
        if not move.ref.startswith(("refs/heads/", "refs/tags/")):
            continue
        forge.db.run("UPDATE repositories SET pushed_at = ? WHERE id = ?", now(), repo["id"])
        commits = _new_commits(forge, repo, move)
        _push_event(forge, repo, actor, move, commits)
        if not move.ref.startswith("refs/heads/"):
            continue
        activity.record(
            forge, repo, actor.id, ref=move.ref, before=move.old, after=move.new, merging=merging is not None
        )
        branch = move.ref.removeprefix("refs/heads/")
        _heads(forge, repo, actor, branch, move)
        if move.new != git.ZERO:
            _bases(forge, repo, actor, branch, move, merging)
            if branch == repo["default_branch"]:
                for commit in commits:
                    close_mentioned(forge, repo, actor, commit.message, commit.sha)


def pull_event(forge: "Forge", repo: Row, actor: Actor, number: int, action: str, **extra: Any) -> None:
    """Emit a pull_request event with the pull request as it is now."""
    row = forge.pull_row(repo, number)
    mergeable, sha = test_merge(forge, repo, row)
    row = forge.pull_row(repo, number)
    ref = f"refs/pull/{number}/merge"
    if row["merged_at"] is not None:
        ref, sha = f"refs/heads/{row['base_ref']}", row["merge_sha"]
    elif not sha:
        sha = git.ref(forge.git_dir(repo), ref) or ""
    emit(
        forge, repo, actor, "pull_request", action,
        ref=ref,
        sha=sha or row["head_sha"],
        extra={
            "number": number,
            "pull_request": full_pull(forge, repo, row, mergeable=mergeable),
            **extra,
        },
    )  # fmt: skip


def note(
    forge: "Forge",
    repo: Row,
    actor: Actor,
    issue_id: int,
    event: str,
    *,
    label: str = "",
    commit: str = "",
) -> None:
    """Write a line into the history of an issue or pull request."""
    forge.db.run(
        "INSERT INTO issue_events (repo_id, issue_id, actor_id, event, label, commit_id, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        repo["id"], issue_id, actor.id, event, label or None, commit or None, now(),
    )  # fmt: skip


def close_pull(forge: "Forge", repo: Row, actor: Actor, row: Row) -> None:
    moment = now()
    forge.db.run(
        "UPDATE issues SET state = 'closed', closed_at = ?, closed_by = ?, updated_at = ? WHERE id = ?",
        moment, actor.id, moment, row["id"],
    )  # fmt: skip
    note(forge, repo, actor, row["id"], "closed")
    pull_event(forge, repo, actor, row["number"], "closed")


def mark_merged(forge: "Forge", repo: Row, actor: Actor, row: Row, sha: str) -> None:
    """The pull request is in its base as `sha`; issues that its text closes are closed."""
    moment = now()
    forge.db.run(
        "UPDATE issues SET state = 'closed', closed_at = ?, closed_by = ?, updated_at = ? WHERE id = ?",
        moment, actor.id, moment, row["id"],
    )  # fmt: skip
    forge.db.run(
        "UPDATE pulls SET merged_at = ?, merged_by = ?, merge_sha = ? WHERE issue_id = ?",
        moment, actor.id, sha, row["id"],
    )  # fmt: skip
    where = forge.git_dir(repo)
    test = git.ref(where, f"refs/pull/{row['number']}/merge")
    if test:
        git.update_ref(where, f"refs/pull/{row['number']}/merge", git.ZERO, test)
    note(forge, repo, actor, row["id"], "merged", commit=sha)
    note(forge, repo, actor, row["id"], "closed")
    pull_event(forge, repo, actor, row["number"], "closed")
    if row["base_ref"] == repo["default_branch"]:
        close_mentioned(forge, repo, actor, row["body"] or "", None)


def close_mentioned(forge: "Forge", repo: Row, actor: Actor, text: str, commit: str | None) -> None:
    """Close the open issues of this repository that `text` closes by keyword ("Fixes #1")."""
    mine, page = re.escape(full_name(repo)), re.escape(html_url(forge, repo, "/issues/"))
    pattern = rf"{CLOSING}(?:(?:{mine})?#|{page})(\d+)\b"
    for number in dict.fromkeys(int(found) for found in re.findall(pattern, text, flags=re.IGNORECASE)):
        row = forge.db.one(
            "SELECT * FROM issues WHERE repo_id = ? AND number = ? AND state = 'open' AND NOT is_pull",
            repo["id"],
            number,
        )
        if row is not None:
            close_issue(forge, repo, actor, row, reason="completed", commit=commit or "")


def close_issue(forge: "Forge", repo: Row, actor: Actor, row: Row, *, reason: str, commit: str = "") -> None:
    moment = now()
    forge.db.run(
        "UPDATE issues SET state = 'closed', state_reason = ?, closed_at = ?, closed_by = ?, updated_at = ?"
        " WHERE id = ?",
        reason, moment, actor.id, moment, row["id"],
    )  # fmt: skip
    note(forge, repo, actor, row["id"], "closed", commit=commit)
    emit(
        forge, repo, actor, "issues", "closed",
        extra={"issue": issue(forge, repo, forge.issue_row(repo, row["number"]))},
    )  # fmt: skip


def _new_commits(forge: "Forge", repo: Row, move: Move) -> list[git.Commit]:
    """What the push brought, oldest first; a new branch brings what no other branch had."""
    if move.new == git.ZERO:
        return []
    where = forge.git_dir(repo)
    if move.old != git.ZERO:
        known = [move.old]
    else:
        known = [sha for name, sha in git.refs(where, "refs/heads").items() if name != move.ref]
    shas = git.git(
        where, "rev-list", f"--max-count={MAX_COMMITS}", "--reverse", move.new, *(f"^{sha}" for sha in known)
    )
    return git.commits(where, "--no-walk=unsorted", *shas.split()) if shas else []


def _push_event(forge: "Forge", repo: Row, actor: Actor, move: Move, commits: list[git.Commit]) -> None:
    where = forge.git_dir(repo)
    created, deleted = move.old == git.ZERO, move.new == git.ZERO
    head = None if deleted else pushed_commit(forge, repo, git.commits(where, "--max-count=1", move.new)[0])
    stamp = repository(forge, forge.fresh(repo))
    stamps = {name: int(datetime.fromisoformat(stamp[name]).timestamp()) for name in ("created_at", "pushed_at")}
    span = move.new[:12] if created else f"{move.old[:12]}...{move.new[:12]}"
    emit(
        forge, repo, actor, "push",
        ref=f"refs/heads/{repo['default_branch']}" if deleted else move.ref,
        sha="" if deleted else git.git(where, "rev-parse", f"{move.new}^{{commit}}"),
        extra={
            "ref": move.ref,
            "before": move.old,
            "after": move.new,
            "repository": {**stamp, **stamps, "master_branch": repo["default_branch"], "stargazers": 0},
            "pusher": {"name": actor.login, "email": email(forge.user_row(actor.id))},
            "created": created,
            "deleted": deleted,
            "forced": not created and not deleted and not git.is_ancestor(where, move.old, move.new),
            "base_ref": None,
            "compare": html_url(forge, repo, f"/compare/{span}"),
            "commits": [pushed_commit(forge, repo, commit) for commit in commits],
            "head_commit": head,
        },
    )  # fmt: skip


def _heads(forge: "Forge", repo: Row, actor: Actor, branch: str, move: Move) -> None:
    """The open pull requests whose head is this branch; they may be of the repository that this one is a fork of."""
    rows = forge.db.all(
        f"{SELECT} WHERE COALESCE(h.head_repo_id, i.repo_id) = ? AND i.state = 'open' AND p.head_ref = ?",
        repo["id"], branch,
    )  # fmt: skip
    for row in rows:
        base = forge.db.get("SELECT * FROM repositories WHERE id = ?", row["repo_id"])
        if move.new == git.ZERO:
            close_pull(forge, base, actor, row)
            continue
        if base["id"] != repo["id"]:
            git.bring(forge.git_dir(base), move.new, source=forge.git_dir(repo))
        set_head(forge, base, row, move.new)
        pull_event(forge, base, actor, row["number"], "synchronize", before=move.old, after=move.new)


def set_head(forge: "Forge", repo: Row, row: Row, sha: str) -> None:
    """The open pull request's head is `sha` now, and its base is what the base branch is now."""
    where = forge.git_dir(repo)
    base = git.ref(where, f"refs/heads/{row['base_ref']}") or row["base_sha"]
    forge.db.run("UPDATE pulls SET head_sha = ?, base_sha = ? WHERE issue_id = ?", sha, base, row["id"])
    forge.db.run("UPDATE issues SET updated_at = ? WHERE id = ?", now(), row["id"])
    name = f"refs/pull/{row['number']}/head"
    git.update_ref(where, name, sha, git.ref(where, name) or git.ZERO)


def _bases(forge: "Forge", repo: Row, actor: Actor, branch: str, move: Move, merging: int | None) -> None:
    """A push that brings a pull request's head into its base has merged it."""
    where = forge.git_dir(repo)
    rows = forge.db.all(f"{SELECT} WHERE i.repo_id = ? AND i.state = 'open' AND p.base_ref = ?", repo["id"], branch)
    for row in rows:
        if row["number"] != merging and git.is_ancestor(where, row["head_sha"], move.new):
            mark_merged(forge, repo, actor, row, move.new)
