"""Rows of pull requests, reviews and review comments in, GitHub's objects out."""

from typing import TYPE_CHECKING, Any

from agent.sandbox.forge import diffs, git
from agent.sandbox.forge.shapes.issue import assignees, labels, reactions
from agent.sandbox.forge.shapes.people import association, node_id, user
from agent.sandbox.forge.shapes.repository import api_url, html_url, repository
from agent.sandbox.forge.store import Row

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

# `head_repo_id` is the fork that the head is in, NULL when it is in the repository itself.
SELECT = (
    "SELECT i.*, p.*, h.head_repo_id FROM issues i JOIN pulls p ON p.issue_id = i.id"
    " LEFT JOIN pull_heads h ON h.issue_id = i.id"
)


def find(forge: "Forge", repo: Row, number: int) -> Row | None:
    return forge.db.one(f"{SELECT} WHERE i.repo_id = ? AND i.number = ?", repo["id"], number)


def head_repository(forge: "Forge", repo: Row, row: Row) -> Row | None:
    """The repository that holds the head: `repo`, or a fork of it, or None when that is gone. `row` is from SELECT."""
    if row["head_repo_id"] is None:
        return repo
    return forge.db.one("SELECT * FROM repositories WHERE id = ?", row["head_repo_id"])


def changed_files(forge: "Forge", repo: Row, row: Row) -> list[diffs.FileChange]:
    """What the pull request changes against the point where it left the base."""
    where = forge.git_dir(repo)
    base = git.merge_base(where, row["base_sha"], row["head_sha"]) or git.EMPTY_TREE
    return diffs.files(where, base, row["head_sha"])


def own_commits(forge: "Forge", repo: Row, row: Row) -> list[git.Commit]:
    """The commits of the pull request, oldest first."""
    return git.commits(forge.git_dir(repo), "--reverse", "--topo-order", f"{row['base_sha']}..{row['head_sha']}")


def pull(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """GitHub's simple pull request, as in lists. `row` is from SELECT."""
    api = api_url(forge, repo, f"/pulls/{row['number']}")
    html = html_url(forge, repo, f"/pull/{row['number']}")
    issue_api = api_url(forge, repo, f"/issues/{row['number']}")
    statuses = api_url(forge, repo, f"/statuses/{row['head_sha']}")
    people = assignees(forge, row["id"])
    links = {
        "self": api,
        "html": html,
        "issue": issue_api,
        "comments": f"{issue_api}/comments",
        "review_comments": f"{api}/comments",
        "review_comment": api_url(forge, repo, "/pulls/comments{/number}"),
        "commits": f"{api}/commits",
        "statuses": statuses,
    }
    return {
        "url": api,
        "id": row["id"],
        "node_id": node_id("PullRequest", row["id"]),
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue_api,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": statuses,
        "number": row["number"],
        "state": row["state"],
        "locked": bool(row["locked"]),
        "title": row["title"],
        "user": user(forge, row["user_id"]),
        "body": row["body"],
        "labels": labels(forge, repo, row["id"]),
        "milestone": None,
        "active_lock_reason": None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "merged_at": row["merged_at"],
        "merge_commit_sha": row["merge_sha"],
        "assignee": people[0] if people else None,
        "assignees": people,
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _branch(forge, head_repository(forge, repo, row), row["head_ref"], row["head_sha"]),
        "base": _branch(forge, repo, row["base_ref"], row["base_sha"]),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": association(forge, repo, row["user_id"]),
        "auto_merge": None,
        "draft": bool(row["draft"]),
    }


def full_pull(forge: "Forge", repo: Row, row: Row, *, mergeable: bool | None) -> dict[str, Any]:
    """GitHub's pull request, as the endpoint for one and events answer."""
    changed = changed_files(forge, repo, row)
    merged = row["merged_at"] is not None

    counts = forge.db.get(
        "SELECT (SELECT COUNT(*) FROM comments WHERE issue_id = ?) AS comments,"
        " (SELECT COUNT(*) FROM review_comments WHERE issue_id = ?) AS review_comments",
        row["id"], row["id"],
    )  # fmt: skip
    return {
        **pull(forge, repo, row),
        "merged": merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": _state(row, mergeable),
        "merged_by": user(forge, row["merged_by"]) if merged else None,
        "comments": counts["comments"],
        "review_comments": counts["review_comments"],
        "maintainer_can_modify": False,
        "commits": len(own_commits(forge, repo, row)),
        "additions": sum(change.additions for change in changed),
        "deletions": sum(change.deletions for change in changed),
        "changed_files": len(changed),
    }


def _state(row: Row, mergeable: bool | None) -> str:
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    return "draft" if row["draft"] else "clean"


def _branch(forge: "Forge", repo: Row | None, ref: str, sha: str) -> dict[str, Any]:
    if repo is None:
        return {"label": f"unknown:{ref}", "ref": ref, "sha": sha, "user": None, "repo": None}
    return {
        "label": f"{repo['owner']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(forge, repo["owner_id"]),
        "repo": repository(forge, repo),
    }


def review(forge: "Forge", repo: Row, row: Row, number: int) -> dict[str, Any]:
    api = api_url(forge, repo, f"/pulls/{number}")
    html = html_url(forge, repo, f"/pull/{number}#pullrequestreview-{row['id']}")
    shape = {
        "id": row["id"],
        "node_id": node_id("PullRequestReview", row["id"]),
        "user": user(forge, row["user_id"]),
        "body": row["body"],
        "state": row["state"],
        "html_url": html,
        "pull_request_url": api,
        "_links": {"html": {"href": html}, "pull_request": {"href": api}},
        "commit_id": row["commit_id"],
        "author_association": association(forge, repo, row["user_id"]),
    }
    if row["submitted_at"]:
        shape["submitted_at"] = row["submitted_at"]
    return shape


def review_comment(forge: "Forge", repo: Row, row: Row, number: int) -> dict[str, Any]:
    api = api_url(forge, repo, f"/pulls/comments/{row['id']}")
    html = html_url(forge, repo, f"/pull/{number}#discussion_r{row['id']}")
    pull_api = api_url(forge, repo, f"/pulls/{number}")
    shape = {
        "url": api,
        "pull_request_review_id": row["review_id"],
        "id": row["id"],
        "node_id": node_id("PullRequestReviewComment", row["id"]),
        "diff_hunk": row["diff_hunk"],
        "path": row["path"],
        "position": row["position"],
        "original_position": row["position"],
        "commit_id": row["commit_id"],
        "original_commit_id": row["original_commit_id"],
        "user": user(forge, row["user_id"]),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "html_url": html,
        "pull_request_url": pull_api,
        "author_association": association(forge, repo, row["user_id"]),
        "_links": {"self": {"href": api}, "html": {"href": html}, "pull_request": {"href": pull_api}},
        "start_line": row["start_line"],
        "original_start_line": row["start_line"],
        "start_side": row["start_side"],
        "line": row["line"],
        "original_line": row["line"],
        "side": row["side"],
        "subject_type": "line" if row["line"] else "file",
        "reactions": reactions(forge, "review_comment", row["id"], api),
    }
    if row["in_reply_to"]:
        shape["in_reply_to_id"] = row["in_reply_to"]
    return shape
