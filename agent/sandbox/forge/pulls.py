"""REST: pull requests and their merge."""

from typing import Any

from agent.sandbox.forge import git
from agent.sandbox.forge.access import may
from agent.sandbox.forge.environments import workflow_permissions
from agent.sandbox.forge.errors import ApiError, invalid, not_found, role_missing
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.issues import MAX_BODY, MAX_TITLE, insert, text_of
from agent.sandbox.forge.issues import edit as edit_issue
from agent.sandbox.forge.journal import change_ref
from agent.sandbox.forge.merging import merged, test_merge
from agent.sandbox.forge.moved import Move, pull_event
from agent.sandbox.forge.shapes import pull as shapes
from agent.sandbox.forge.shapes.git import commit, file
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import ACTIONS_APP_ID

READ, WRITE = ("pull_requests:read",), ("pull_requests:write",)
METHODS = ("merge", "squash", "rebase")


def find(call: Call, number: int) -> Row:
    row = shapes.find(call.forge, call.repo, number)
    if row is None:
        raise not_found()
    return row


def full(call: Call, number: int) -> dict[str, Any]:
    mergeable, _ = test_merge(call.forge, call.repo, find(call, number))
    return shapes.full_pull(call.forge, call.repo, find(call, number), mergeable=mergeable)


def _head(call: Call) -> tuple[Row, str, str]:
    """(repository, name, SHA) of the head: `branch`, or `owner:branch` of a fork. Raises ApiError 422."""
    owner, colon, name = str(call.body.get("head") or "").rpartition(":")
    if not colon or owner.lower() == call.repo["owner"].lower():
        return (call.repo, *_branch(call, "head"))
    fork = call.forge.db.one(
        "SELECT r.* FROM forks f JOIN repositories r ON r.id = f.repo_id WHERE f.source_id = ? AND r.owner = ?",
        call.repo["id"], owner,
    )  # fmt: skip
    ref = f"refs/heads/{name}"
    sha = git.ref(call.forge.git_dir(fork), ref) if fork is not None and git.is_ref_name(ref) else None
    if fork is None or sha is None:
        raise invalid("PullRequest", "head", "invalid")
    git.bring(call.forge.git_dir(call.repo), sha, source=call.forge.git_dir(fork))
    return fork, name, sha


def _branch(call: Call, field: str) -> tuple[str, str]:
    """(name, SHA) of the branch that the request names. Raises ApiError 422 when it is not there."""
    value = call.body.get(field)
    if not isinstance(value, str) or not value:
        raise invalid("PullRequest", field, "missing_field")
    owner, colon, name = value.rpartition(":")
    if colon and owner.lower() != call.repo["owner"].lower():
        raise invalid("PullRequest", field, "invalid")
    ref = f"refs/heads/{name}"
    sha = git.ref(call.forge.git_dir(call.repo), ref) if git.is_ref_name(ref) else None
    if sha is None:
        raise invalid("PullRequest", field, "invalid")
    return name, sha


def _custom(message: str) -> ApiError:
    return ApiError(
        422, "Validation Failed", errors=[{"resource": "PullRequest", "code": "custom", "message": message}]
    )


def create(call: Call) -> Answer:
    who, repo, where = call.who, call.repo, call.forge.git_dir(call.repo)
    title = text_of(call, "title", resource="PullRequest", limit=MAX_TITLE, required=True) or ""
    body = text_of(call, "body", resource="PullRequest", limit=MAX_BODY)
    (holder, head, head_sha), (base, base_sha) = _head(call), _branch(call, "base")
    if who.app_id == ACTIONS_APP_ID and not workflow_permissions(call.forge, repo)["can_approve_pull_request_reviews"]:
        raise ApiError(403, "GitHub Actions is not permitted to create or approve pull requests.")
    if not who.limited and not may(call.forge.db, holder, who, role="write", needs=()):
        raise role_missing()
    if git.is_ancestor(where, head_sha, base_sha):
        raise _custom(f"No commits between {base} and {head}")
    with call.forge.db.write():
        twin = call.forge.db.one(
            f"{shapes.SELECT} WHERE i.repo_id = ? AND i.state = 'open' AND p.head_ref = ? AND p.base_ref = ?"
            " AND COALESCE(h.head_repo_id, i.repo_id) = ?",
            repo["id"], head, base, holder["id"],
        )  # fmt: skip
        if twin is not None:
            raise _custom(f"A pull request already exists for {holder['owner']}:{head}.")
        row = insert(call, title=title, body=body, is_pull=True)
        call.forge.db.run(
            "INSERT INTO pulls (issue_id, head_ref, head_sha, base_ref, base_sha, draft) VALUES (?, ?, ?, ?, ?, ?)",
            row["id"], head, head_sha, base, base_sha, int(bool(call.body.get("draft"))),
        )  # fmt: skip
        if holder["id"] != repo["id"]:
            call.forge.db.run("INSERT INTO pull_heads VALUES (?, ?)", row["id"], holder["id"])
        name = f"refs/pull/{row['number']}/head"
        git.update_ref(where, name, head_sha, git.ref(where, name) or git.ZERO)
        pull_event(call.forge, repo, who, row["number"], "opened")
        shape = full(call, row["number"])
    return Answer(shape, 201, {"Location": shape["url"]})


def get(call: Call, number: int) -> Answer:
    return Answer(full(call, number))


def listed(call: Call) -> Answer:
    query = call.query
    sql, values = [shapes.SELECT, "WHERE i.repo_id = ?"], [call.repo["id"]]
    state = query.get("state", "open")
    if state in ("open", "closed"):
        sql.append("AND i.state = ?")
        values.append(state)
    if query.get("base"):
        sql.append("AND p.base_ref = ?")
        values.append(query["base"])
    owner, colon, branch = query.get("head", "").partition(":")
    if colon:  # without an owner GitHub ignores the filter
        sql.append(
            "AND p.head_ref = ?"
            " AND COALESCE(h.head_repo_id, i.repo_id) IN (SELECT id FROM repositories WHERE owner = ?)"
        )
        values += [branch, owner]
    column = {"updated": "i.updated_at"}.get(query.get("sort", ""), "i.number")
    direction = "ASC" if query.get("direction") == "asc" else "DESC"
    rows = call.forge.db.all(f"{' '.join(sql)} ORDER BY {column} {direction}, i.number {direction}", *values)
    return page(call, rows, lambda row: shapes.pull(call.forge, call.repo, row))


def edit(call: Call, number: int) -> Answer:
    row = find(call, number)
    if call.body.get("base") not in (None, row["base_ref"]):
        base, sha = _branch(call, "base")
        with call.forge.db.write():
            call.forge.db.run("UPDATE pulls SET base_ref = ?, base_sha = ? WHERE issue_id = ?", base, sha, row["id"])
            changes = {"base": {"ref": {"from": row["base_ref"]}, "sha": {"from": row["base_sha"]}}}
            pull_event(call.forge, call.repo, call.who, number, "edited", changes=changes)
    edit_issue(call, number)
    return Answer(full(call, number))


def files(call: Call, number: int) -> Answer:
    row = find(call, number)
    changed = shapes.changed_files(call.forge, call.repo, row)
    return page(call, changed, lambda change: file(call.forge, call.repo, change, row["head_sha"]))


def commits(call: Call, number: int) -> Answer:
    found = shapes.own_commits(call.forge, call.repo, find(call, number))
    return page(call, found, lambda one: commit(call.forge, call.repo, one))


def is_merged(call: Call, number: int) -> Answer:
    if find(call, number)["merged_at"] is None:
        raise not_found()
    return Answer(None, 204)


def merge(call: Call, number: int) -> Answer:
    """Refuses in GitHub's order: not mergeable 405, head moved 409, conflict 405."""
    forge, repo, who = call.forge, call.repo, call.who
    method = call.body.get("merge_method", "merge")
    if method not in METHODS:
        raise invalid("PullRequest", "merge_method", "invalid")
    with forge.db.write():
        row = find(call, number)
        if row["state"] != "open" or row["merged_at"] is not None:
            raise ApiError(405, "Pull Request is not mergeable")
        if row["draft"]:
            raise ApiError(405, "Pull Request is still a draft")
        if call.body.get("sha") not in (None, row["head_sha"]):
            raise ApiError(409, "Head branch was modified. Review and try the merge again.")
        made = merged(
            forge, repo, row,
            method=method,
            who=forge.user_row(who.id),
            title=call.body.get("commit_title") or None,
            text=call.body.get("commit_message"),
        )  # fmt: skip
        if made is None:
            raise ApiError(405, "Pull Request is not mergeable")
        base, sha = made
        change_ref(forge, repo, who, Move(f"refs/heads/{row['base_ref']}", base, sha), merging=number)
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


PULLS = "/repos/<owner>/<repo>/pulls"
PULL = f"{PULLS}/<int:number>"
ROUTES = (
    Route("POST", PULLS, create, "read", WRITE),
    Route("GET", PULLS, listed, "read", READ),
    Route("GET", PULL, get, "read", (*READ, "contents:read")),
    Route("PATCH", PULL, edit, "read", WRITE),
    Route("GET", f"{PULL}/files", files, "read", READ),
    Route("GET", f"{PULL}/commits", commits, "read", READ),
    Route("GET", f"{PULL}/merge", is_merged, "read", READ),
    Route("PUT", f"{PULL}/merge", merge, "write", ("contents:write",)),
)
