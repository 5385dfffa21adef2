"""Rows of check runs, annotations and commit statuses in, GitHub's objects out."""

from typing import TYPE_CHECKING, Any

from agent.sandbox.forge.shapes.people import app, node_id, user
from agent.sandbox.forge.shapes.pull import SELECT
from agent.sandbox.forge.shapes.repository import api_url, html_url, minimal
from agent.sandbox.forge.store import Row

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge


def check_run(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    api = api_url(forge, repo, f"/check-runs/{row['id']}")
    html = html_url(forge, repo, f"/runs/{row['id']}")
    count = forge.db.get("SELECT COUNT(*) AS n FROM annotations WHERE check_run_id = ?", row["id"])["n"]
    return {
        "id": row["id"],
        "name": row["name"],
        "node_id": node_id("CheckRun", row["id"]),
        "head_sha": row["head_sha"],
        "external_id": row["external_id"] or "",
        "url": api,
        "html_url": html,
        "details_url": row["details_url"] or html,
        "status": row["status"],
        "conclusion": row["conclusion"],
        "started_at": row["started_at"],
        "completed_at": row["completed_at"],
        "output": {
            "title": row["title"],
            "summary": row["summary"],
            "text": row["text"],
            "annotations_count": count,
            "annotations_url": f"{api}/annotations",
        },
        "check_suite": {"id": row["suite_id"]},
        "app": app(forge, row["app_id"]),
        "pull_requests": pull_links(forge, repo, row["head_sha"]),
    }


def check_suite(forge: "Forge", repo: Row, row: Row, run: dict[str, Any]) -> dict[str, Any]:
    """The suite of a check run, as in its events. `run` is the shape of the run, `row` its row."""
    suite = forge.db.get("SELECT * FROM check_suites WHERE id = ?", row["suite_id"])
    pulls = run["pull_requests"]
    return {
        "id": suite["id"],
        "node_id": node_id("CheckSuite", suite["id"]),
        "head_branch": pulls[0]["head"]["ref"] if pulls else None,
        "head_sha": suite["head_sha"],
        "status": row["status"],
        "conclusion": row["conclusion"],
        "url": api_url(forge, repo, f"/check-suites/{suite['id']}"),
        "before": None,
        "after": suite["head_sha"],
        "pull_requests": pulls,
        "app": run["app"],
        "created_at": suite["created_at"],
        "updated_at": suite["created_at"],
    }


def pull_links(forge: "Forge", repo: Row, sha: str) -> list[dict[str, Any]]:
    """The open pull requests whose head is `sha`, in short."""
    where = {"id": repo["id"], "url": api_url(forge, repo), "name": repo["name"]}
    rows = forge.db.all(
        f"{SELECT} WHERE i.repo_id = ? AND i.state = 'open' AND p.head_sha = ? ORDER BY i.number", repo["id"], sha
    )
    return [
        {
            "url": api_url(forge, repo, f"/pulls/{row['number']}"),
            "id": row["id"],
            "number": row["number"],
            "head": {"ref": row["head_ref"], "sha": row["head_sha"], "repo": where},
            "base": {"ref": row["base_ref"], "sha": row["base_sha"], "repo": where},
        }
        for row in rows
    ]


def annotation(forge: "Forge", repo: Row, row: Row, sha: str) -> dict[str, Any]:
    names = ("path", "start_line", "end_line", "start_column", "end_column", "annotation_level", "title", "message")
    return {
        **{name: row[name] for name in names},
        "raw_details": row["raw_details"],
        "blob_href": html_url(forge, repo, f"/blob/{sha}/{row['path']}"),
    }


def status(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    return {**short_status(forge, repo, row), "creator": user(forge, row["user_id"])}


def short_status(forge: "Forge", repo: Row, row: Row) -> dict[str, Any]:
    """As in the combined status: without its creator."""
    return {
        "url": api_url(forge, repo, f"/statuses/{row['sha']}"),
        "avatar_url": user(forge, row["user_id"])["avatar_url"],
        "id": row["id"],
        "node_id": node_id("StatusContext", row["id"]),
        "state": row["state"],
        "description": row["description"],
        "target_url": row["target_url"],
        "context": row["context"],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def combined(forge: "Forge", repo: Row, sha: str, rows: list[Row]) -> dict[str, Any]:
    """The newest status of each context and what they say together."""
    newest = {row["context"]: row for row in rows}
    states = {row["state"] for row in newest.values()}
    state = "pending" if not states or "pending" in states else "success"
    if states & {"failure", "error"}:
        state = "failure"
    return {
        "state": state,
        "statuses": [short_status(forge, repo, row) for row in newest.values()],
        "sha": sha,
        "total_count": len(newest),
        "repository": minimal(forge, repo),
        "commit_url": api_url(forge, repo, f"/commits/{sha}"),
        "url": api_url(forge, repo, f"/commits/{sha}/status"),
    }
