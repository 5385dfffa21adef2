"""REST: reactions on issues, comments and review comments."""

from agent.sandbox.forge.errors import invalid, not_found, role_missing
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.issues import find
from agent.sandbox.forge.shapes.issue import REACTIONS, reaction
from agent.sandbox.forge.store import now

ISSUES_READ, ISSUES_WRITE = ("issues:read",), ("issues:write",)
PULLS_READ, PULLS_WRITE = ("pull_requests:read",), ("pull_requests:write",)
SELECTS = {
    "comment": "SELECT 1 FROM comments WHERE repo_id = ? AND id = ?",
    "review_comment": "SELECT 1 FROM review_comments WHERE repo_id = ? AND id = ?",
}


def _subject(call: Call, kind: str, number: int) -> int:
    """Row id of the thing reacted to. Raises ApiError 404."""
    if kind == "issue":
        return int(find(call, number)["id"])
    if call.forge.db.one(SELECTS[kind], call.repo["id"], number) is None:
        raise not_found()
    return number


def _create(call: Call, kind: str, number: int) -> Answer:
    content, who = call.body.get("content"), call.who
    if content not in REACTIONS:
        raise invalid("Reaction", "content", "invalid")
    subject = _subject(call, kind, number)
    sql = "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? AND user_id = ? AND content = ?"
    with call.forge.db.write():
        row = call.forge.db.one(sql, kind, subject, who.id, str(content))
        status = 200 if row else 201
        if row is None:
            call.forge.db.run(
                "INSERT INTO reactions (subject, subject_id, user_id, content, created_at) VALUES (?, ?, ?, ?, ?)",
                kind, subject, who.id, str(content), now(),
            )  # fmt: skip
        shape = reaction(call.forge, call.forge.db.get(sql, kind, subject, who.id, str(content)))
    return Answer(shape, status)


def _listed(call: Call, kind: str, number: int) -> Answer:
    rows = call.forge.db.all(
        "SELECT * FROM reactions WHERE subject = ? AND subject_id = ? ORDER BY id", kind, _subject(call, kind, number)
    )
    wanted = call.query.get("content")
    return page(call, [row for row in rows if wanted in (None, row["content"])], lambda row: reaction(call.forge, row))


def _delete(call: Call, kind: str, number: int, reaction_id: int) -> Answer:
    subject = _subject(call, kind, number)
    with call.forge.db.write():
        row = call.forge.db.one(
            "SELECT * FROM reactions WHERE id = ? AND subject = ? AND subject_id = ?", reaction_id, kind, subject
        )
        if row is None:
            raise not_found()
        if row["user_id"] != call.who.id:
            raise role_missing()
        call.forge.db.run("DELETE FROM reactions WHERE id = ?", reaction_id)
    return Answer(None, 204)


def create_on_issue(call: Call, number: int) -> Answer:
    return _create(call, "issue", number)


def of_issue(call: Call, number: int) -> Answer:
    return _listed(call, "issue", number)


def delete_of_issue(call: Call, number: int, reaction_id: int) -> Answer:
    return _delete(call, "issue", number, reaction_id)


def create_on_comment(call: Call, comment_id: int) -> Answer:
    return _create(call, "comment", comment_id)


def of_comment(call: Call, comment_id: int) -> Answer:
    return _listed(call, "comment", comment_id)


def delete_of_comment(call: Call, comment_id: int, reaction_id: int) -> Answer:
    return _delete(call, "comment", comment_id, reaction_id)


def create_on_review_comment(call: Call, comment_id: int) -> Answer:
    return _create(call, "review_comment", comment_id)


def of_review_comment(call: Call, comment_id: int) -> Answer:
    return _listed(call, "review_comment", comment_id)


ISSUE = "/repos/<owner>/<repo>/issues/<int:number>/reactions"
COMMENT = "/repos/<owner>/<repo>/issues/comments/<int:comment_id>/reactions"
REVIEW_COMMENT = "/repos/<owner>/<repo>/pulls/comments/<int:comment_id>/reactions"
ROUTES = (
    Route("POST", ISSUE, create_on_issue, "read", ISSUES_WRITE),
    Route("GET", ISSUE, of_issue, "read", ISSUES_READ),
    Route("DELETE", f"{ISSUE}/<int:reaction_id>", delete_of_issue, "read", ISSUES_WRITE),
    Route("POST", COMMENT, create_on_comment, "read", ISSUES_WRITE),
    Route("GET", COMMENT, of_comment, "read", ISSUES_READ),
    Route("DELETE", f"{COMMENT}/<int:reaction_id>", delete_of_comment, "read", ISSUES_WRITE),
    Route("POST", REVIEW_COMMENT, create_on_review_comment, "read", PULLS_WRITE),
    Route("GET", REVIEW_COMMENT, of_review_comment, "read", PULLS_READ),
)
