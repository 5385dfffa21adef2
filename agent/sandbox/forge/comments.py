"""REST: comments on issues and pull requests."""

from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import not_found, role_missing
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.issues import EITHER, MAX_BODY, READ_EITHER, find, text_of
from agent.sandbox.forge.shapes.issue import comment, issue
from agent.sandbox.forge.store import Row, now

SELECT = "SELECT c.*, i.number, i.is_pull FROM comments c JOIN issues i ON i.id = c.issue_id"


def _find(call: Call, comment_id: int) -> Row:
    row = call.forge.db.one(f"{SELECT} WHERE c.repo_id = ? AND c.id = ?", call.repo["id"], comment_id)
    if row is None:
        raise not_found()
    return row


def _body(call: Call) -> str:
    return text_of(call, "body", resource="IssueComment", limit=MAX_BODY, required=True) or ""


def _emit(call: Call, row: Row, action: str, **extra: object) -> None:
    forge, repo = call.forge, call.repo
    emit(
        forge, repo, call.who, "issue_comment", action,
        extra={
            "issue": issue(forge, repo, forge.issue_row(repo, row["number"])),
            "comment": comment(forge, repo, row),
            **extra,
        },
    )  # fmt: skip


def create(call: Call, number: int) -> Answer:
    who, on, body, moment = call.who, find(call, number), _body(call), now()
    with call.forge.db.write():
        made = call.forge.db.run(
            "INSERT INTO comments (repo_id, issue_id, user_id, by_app, body, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            call.repo["id"], on["id"], who.id, who.app_id if who.limited else 0, body, moment, moment,
        )  # fmt: skip
        call.forge.db.run("UPDATE issues SET updated_at = ? WHERE id = ?", moment, on["id"])
        row = _find(call, made)
        _emit(call, row, "created")
        shape = comment(call.forge, call.repo, row)
    return Answer(shape, 201, {"Location": shape["url"]})


def of_issue(call: Call, number: int) -> Answer:
    on, since = find(call, number), call.query.get("since", "")
    rows = call.forge.db.all(f"{SELECT} WHERE c.issue_id = ? AND c.updated_at >= ? ORDER BY c.id", on["id"], since)
    return page(call, rows, lambda row: comment(call.forge, call.repo, row))


def of_repository(call: Call) -> Answer:
    since = call.query.get("since", "")
    column = "c.updated_at" if call.query.get("sort") == "updated" else "c.created_at"
    direction = "DESC" if call.query.get("direction") == "desc" else "ASC"
    rows = call.forge.db.all(
        f"{SELECT} WHERE c.repo_id = ? AND c.updated_at >= ? ORDER BY {column} {direction}, c.id {direction}",
        call.repo["id"],
        since,
    )
    return page(call, rows, lambda row: comment(call.forge, call.repo, row))


def get(call: Call, comment_id: int) -> Answer:
    return Answer(comment(call.forge, call.repo, _find(call, comment_id)))


def edit(call: Call, comment_id: int) -> Answer:
    row, body = _find(call, comment_id), _body(call)
    _require_own(call, row)
    with call.forge.db.write():
        moment = now()
        call.forge.db.run("UPDATE comments SET body = ?, updated_at = ? WHERE id = ?", body, moment, comment_id)
        call.forge.db.run("INSERT OR REPLACE INTO comment_editors VALUES (?, ?, ?)", comment_id, call.who.id, moment)
        new = _find(call, comment_id)
        _emit(call, new, "edited", changes={"body": {"from": row["body"]}})
        shape = comment(call.forge, call.repo, new)
    return Answer(shape)


def delete(call: Call, comment_id: int) -> Answer:
    row = _find(call, comment_id)
    _require_own(call, row)
    with call.forge.db.write():
        _emit(call, row, "deleted")
        call.forge.db.run("DELETE FROM comments WHERE id = ?", comment_id)
        call.forge.db.run("DELETE FROM reactions WHERE subject = 'comment' AND subject_id = ?", comment_id)
    return Answer(None, 204)


def _require_own(call: Call, row: Row) -> None:
    """One's own comment, or write permission. Raises ApiError 403."""
    own = row["user_id"] == call.who.id and not call.who.limited
    if not own and not may(call.forge.db, call.repo, call.who, role="write", needs=EITHER):
        raise role_missing()


ROUTES = (
    Route("POST", "/repos/<owner>/<repo>/issues/<int:number>/comments", create, "read", EITHER),
    Route("GET", "/repos/<owner>/<repo>/issues/<int:number>/comments", of_issue, "read", READ_EITHER),
    Route("GET", "/repos/<owner>/<repo>/issues/comments", of_repository, "read", READ_EITHER),
    Route("GET", "/repos/<owner>/<repo>/issues/comments/<int:comment_id>", get, "read", READ_EITHER),
    Route("PATCH", "/repos/<owner>/<repo>/issues/comments/<int:comment_id>", edit, "read", EITHER),
    Route("DELETE", "/repos/<owner>/<repo>/issues/comments/<int:comment_id>", delete, "read", EITHER),
)
