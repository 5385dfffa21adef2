"""Rows of issues, labels, comments and reactions in, GitHub's objects out."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agent.sandbox.forge.shapes.people import app, association, node_id, user
from agent.sandbox.forge.shapes.repository import api_url, html_url
from agent.sandbox.forge.store import Row

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


def label(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "node_id": node_id("Label", row["id"]),
        "url": api_url(forge, repo, f"/labels/{quote(row['name'], safe='')}"),
        "name": row["name"],
        "color": row["color"],
        "default": False,
        "description": row["description"],
    }


def labels(forge: "Forge", repo: Row, issue_id: int) -> list[dict[str, Any]]:
    rows = forge.db.all(
        "SELECT l.* FROM labels l JOIN issue_labels x ON x.label_id = l.id WHERE x.issue_id = ? ORDER BY l.name",
        issue_id,
    )
    return [label(forge, repo, row) for row in rows]


def assignees(forge: "Forge", issue_id: int) -> list[dict[str, Any]]:
    rows = forge.db.all("SELECT user_id FROM issue_assignees WHERE issue_id = ? ORDER BY rowid", issue_id)
    return [user(forge, row["user_id"]) for row in rows]


def reactions(forge: "Forge", subject: str, subject_id: int, url: str) -> dict[str, Any]:
    """GitHub's reaction roll-up."""
    rows = forge.db.all(
        "SELECT content, COUNT(*) AS n FROM reactions WHERE subject = ? AND subject_id = ? GROUP BY content",
        subject,
        subject_id,
    )
    counts = {row["content"]: row["n"] for row in rows}
    return {
        "url": f"{url}/reactions",
        "total_count": sum(counts.values()),
        **{name: counts.get(name, 0) for name in REACTIONS},
    }


def reaction(forge: "Forge", row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "node_id": node_id("Reaction", row["id"]),
        "user": user(forge, row["user_id"]),
        "content": row["content"],
        "created_at": row["created_at"],
    }


def issue(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """GitHub's issue; a pull request seen as one has the key `pull_request`."""
    api = api_url(forge, repo, f"/issues/{row['number']}")
    html = html_url(forge, repo, f"/{'pull' if row['is_pull'] else 'issues'}/{row['number']}")
    people = assignees(forge, row["id"])
    count = forge.db.get("SELECT COUNT(*) AS n FROM comments WHERE issue_id = ?", row["id"])["n"]
    shape: dict[str, Any] = {
        "url": api,
        "repository_url": api_url(forge, repo),
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": html,
        "id": row["id"],
        "node_id": node_id("Issue", row["id"]),
        "number": row["number"],
        "title": row["title"],
        "user": user(forge, row["user_id"]),
        "labels": labels(forge, repo, row["id"]),
        "state": row["state"],
        "locked": bool(row["locked"]),
        "assignee": people[0] if people else None,
        "assignees": people,
        "milestone": None,
        "comments": count,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "author_association": association(forge, repo, row["user_id"]),
        "active_lock_reason": None,
        "body": row["body"],
        "reactions": reactions(forge, "issue", row["id"], api),
        "timeline_url": f"{api}/timeline",
        "performed_via_github_app": app(forge, row["by_app"]) if row["by_app"] else None,
        "state_reason": row["state_reason"],
    }
    if row["is_pull"]:
        pull = forge.db.get("SELECT draft, merged_at FROM pulls WHERE issue_id = ?", row["id"])
        url = api_url(forge, repo, f"/pulls/{row['number']}")
        shape["draft"] = bool(pull["draft"])
        shape["pull_request"] = {
            "url": url,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": pull["merged_at"],
        }
    return shape


def full_issue(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """As the endpoints for one issue answer: also who closed it."""
    return {
        **issue(forge, repo, row),
        "closed_by": user(forge, row["closed_by"]) if row["closed_by"] else None,
    }


def comment(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """GitHub's issue comment. `row` is a comment joined with its issue's `number` and `is_pull`."""
    api = api_url(forge, repo, f"/issues/comments/{row['id']}")
    kind = "pull" if row["is_pull"] else "issues"
    folded = forge.db.one("SELECT reason FROM minimized WHERE comment_id = ?", row["id"])
    return {
        "url": api,
        "html_url": html_url(forge, repo, f"/{kind}/{row['number']}#issuecomment-{row['id']}"),
        "issue_url": api_url(forge, repo, f"/issues/{row['number']}"),
        "id": row["id"],
        "node_id": node_id("IssueComment", row["id"]),
        "user": user(forge, row["user_id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "author_association": association(forge, repo, row["user_id"]),
        "body": row["body"],
        "reactions": reactions(forge, "comment", row["id"], api),
        **({"minimized": {"reason": folded["reason"].lower()}} if folded else {}),
        "performed_via_github_app": app(forge, row["by_app"]) if row["by_app"] else None,
    }


def issue_event(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """GitHub's issue event: labeled, unlabeled, closed, reopened, renamed, merged, referenced, …"""
    shape = {
        "id": row["id"],
        "node_id": node_id("IssueEvent", row["id"]),
        "url": api_url(forge, repo, f"/issues/events/{row['id']}"),
        "actor": user(forge, row["actor_id"]),
        "event": row["event"],
        "commit_id": row["commit_id"],
        "commit_url": api_url(forge, repo, f"/commits/{row['commit_id']}") if row["commit_id"] else None,
        "created_at": row["created_at"],
        "performed_via_github_app": None,
    }
    if row["label"]:
        found = forge.db.one("SELECT color FROM labels WHERE repo_id = ? AND name = ?", repo["id"], row["label"])
        shape["label"] = {"name": row["label"], "color": found["color"] if found else "ededed"}
    return shape
