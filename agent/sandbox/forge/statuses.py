"""REST: commit statuses."""

from typing import Any

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError, invalid
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.shapes.check import combined, status
from agent.sandbox.forge.shapes.git import commit
from agent.sandbox.forge.store import Row, now

STATES = ("error", "failure", "pending", "success")
MAX_DESCRIPTION = 140
READ, WRITE = ("statuses:read",), ("statuses:write",)


def _sha(call: Call, ref: str) -> str:
    sha = git.resolve(call.forge.git_dir(call.repo), ref)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    return sha


def _rows(call: Call, sha: str, *, newest_first: bool) -> list[Row]:
    rows = call.forge.db.all("SELECT * FROM statuses WHERE repo_id = ? AND sha = ? ORDER BY id", call.repo["id"], sha)
    return rows[::-1] if newest_first else rows


def create(call: Call, sha: str) -> Answer:
    body, found, who = call.body, _sha(call, sha), call.who
    if body.get("state") not in STATES:
        raise invalid("Status", "state", "invalid" if body.get("state") else "missing_field")
    if len(body.get("description") or "") > MAX_DESCRIPTION:
        raise invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
    with call.forge.db.write():
        made = call.forge.db.run(
            "INSERT INTO statuses (repo_id, sha, state, context, description, target_url, user_id, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            call.repo["id"], found, body["state"], body.get("context") or "default", body.get("description"),
            body.get("target_url"), who.id, now(),
        )  # fmt: skip
        row = call.forge.db.get("SELECT * FROM statuses WHERE id = ?", made)
        shape = status(call.forge, call.repo, row)
        fields = ("id", "state", "description", "target_url", "context", "created_at", "updated_at")
        of_commit = _without_verified_at(
            commit(call.forge, call.repo, git.commit(call.forge.git_dir(call.repo), found))
        )
        emit(
            call.forge, call.repo, who, "status",
            extra={
                **{field: shape[field] for field in fields},
                "sha": found,
                "name": f"{call.repo['owner']}/{call.repo['name']}",
                "avatar_url": shape["avatar_url"],
                "commit": of_commit,
                "branches": [],
            },
        )  # fmt: skip
    return Answer(shape, 201, {"Location": shape["url"]})


def _without_verified_at(shape: dict[str, Any]) -> dict[str, Any]:
    """GitHub's status event is older than this field of a commit."""
    inner = shape["commit"]
    verification = {name: value for name, value in inner["verification"].items() if name != "verified_at"}
    return {**shape, "commit": {**inner, "verification": verification}}


def of_ref(call: Call, ref: str) -> Answer:
    return page(call, _rows(call, _sha(call, ref), newest_first=True), lambda row: status(call.forge, call.repo, row))


def combined_of_ref(call: Call, ref: str) -> Answer:
    sha = _sha(call, ref)
    return Answer(combined(call.forge, call.repo, sha, _rows(call, sha, newest_first=False)))


REPO = "/repos/<owner>/<repo>"
ROUTES = (
    Route("POST", f"{REPO}/statuses/<sha>", create, "write", WRITE),
    Route("GET", f"{REPO}/statuses/<path:ref>", of_ref, "read", READ),
    Route("GET", f"{REPO}/commits/<path:ref>/statuses", of_ref, "read", READ),
    Route("GET", f"{REPO}/commits/<path:ref>/status", combined_of_ref, "read", READ),
)
