"""REST: reviews of pull requests and their inline comments."""

from typing import Any

from agent.sandbox.forge import diffs, git
from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import invalid, not_found, role_missing, unprocessable
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.issues import MAX_BODY, text_of
from agent.sandbox.forge.pulls import READ, WRITE, find
from agent.sandbox.forge.shapes.pull import changed_files, pull, review, review_comment
from agent.sandbox.forge.store import Row, now

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def create(call: Call, number: int) -> Answer:
    """A review with its inline comments in one go. Without `event` GitHub keeps it pending; so do we."""
    row, who = find(call, number), call.who
    event = call.body.get("event")
    if event is not None and event not in STATES:
        raise invalid("PullRequestReview", "event", "invalid")
    body = text_of(call, "body", resource="PullRequestReview", limit=MAX_BODY) or ""
    _refuse_own(call, row, event)
    inline = call.body.get("comments") or []
    if event in ("REQUEST_CHANGES", "COMMENT") and not body and not inline:
        raise unprocessable("Unprocessable Entity", "Review body can't be blank")
    commit_id = _commit(call, row)
    with call.forge.db.write():
        review_id = call.forge.db.run(
            "INSERT INTO reviews (issue_id, user_id, state, body, commit_id, submitted_at) VALUES (?, ?, ?, ?, ?, ?)",
            row["id"], who.id, STATES.get(event or "", "PENDING"), body, commit_id, now() if event else None,
        )  # fmt: skip
        for comment in inline:
            _insert(call, row, comment, review_id=review_id, commit_id=commit_id)
        if event:
            _submitted(call, row, review_id)
        shape = review(call.forge, call.repo, _review(call, row, review_id), number)
    return Answer(shape)


def _refuse_own(call: Call, row: Row, event: str | None) -> None:
    if row["user_id"] == call.who.id and event in ("APPROVE", "REQUEST_CHANGES"):
        what = "approve" if event == "APPROVE" else "request changes on"
        raise unprocessable("Unprocessable Entity", f"Can not {what} your own pull request")


def _commit(call: Call, row: Row) -> str:
    sha = call.body.get("commit_id") or row["head_sha"]
    if not isinstance(sha, str) or git.resolve(call.forge.git_dir(call.repo), sha) != sha:
        raise invalid("PullRequestReview", "commit_id", "invalid")
    return sha


def _insert(call: Call, row: Row, given: Any, *, review_id: int, commit_id: str) -> int:
    """Write one inline comment. Raises ApiError 422 when the diff does not show its path or line."""
    if not isinstance(given, dict) or not isinstance(given.get("body"), str) or not given["body"]:
        raise invalid("PullRequestReviewComment", "body", "missing_field")
    if len(given["body"]) > MAX_BODY:
        raise invalid("PullRequestReviewComment", "body", "custom", "body is too long")
    changed = {change.path: change for change in changed_files(call.forge, call.repo, row)}
    change = changed.get(str(given.get("path")))
    if change is None:
        raise unprocessable("Unprocessable Entity", "Path could not be resolved")
    where: diffs.Place | None = None
    line, start = given.get("line"), given.get("start_line")
    side = str(given.get("side") or "RIGHT")
    start_side = str(given.get("start_side") or side)
    if given.get("position") is not None and line is None:
        line, side = diffs.at_position(change.patch or "", int(given["position"])) or (None, side)
    if given.get("subject_type") != "file":
        where = diffs.place(change.patch or "", line=int(line), side=side) if isinstance(line, int) else None
        if where is None:
            raise unprocessable("Unprocessable Entity", "Line could not be resolved")
        if start is not None and diffs.place(change.patch or "", line=start, side=start_side) is None:
            raise unprocessable("Unprocessable Entity", "Start line could not be resolved")
    moment = now()
    return call.forge.db.run(
        "INSERT INTO review_comments (repo_id, issue_id, review_id, user_id, body, path, commit_id,"
        " original_commit_id, diff_hunk, position, line, side, start_line, start_side, in_reply_to, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        call.repo["id"], row["id"], review_id, call.who.id, given["body"], change.path, commit_id, commit_id,
        where.hunk if where else "", where.position if where else None, line, side,
        start, start_side if start else None, given.get("in_reply_to"), moment, moment,
    )  # fmt: skip


def _submitted(call: Call, row: Row, review_id: int) -> None:
    """Emit the review and each of its comments."""
    forge, repo, number = call.forge, call.repo, row["number"]
    place = _place(call, row)
    found = _review(call, row, review_id)
    shape = review(forge, repo, found, number)
    extra = {"pull_request": pull(forge, repo, row)}
    emit(
        forge, repo, call.who, "pull_request_review", "submitted", **place,
        extra={"review": {**shape, "state": shape["state"].lower()}, **extra},
    )  # fmt: skip
    for comment in forge.db.all("SELECT * FROM review_comments WHERE review_id = ? ORDER BY id", review_id):
        emit(
            forge, repo, call.who, "pull_request_review_comment", "created", **place,
            extra={"comment": review_comment(forge, repo, comment, number), **extra},
        )  # fmt: skip


def _place(call: Call, row: Row) -> dict[str, str]:
    ref = f"refs/pull/{row['number']}/merge"
    return {"ref": ref, "sha": git.ref(call.forge.git_dir(call.repo), ref) or row["head_sha"]}


def _review(call: Call, row: Row, review_id: int) -> Row:
    found = call.forge.db.one("SELECT * FROM reviews WHERE issue_id = ? AND id = ?", row["id"], review_id)
    if found is None:
        raise not_found()
    return found


def listed(call: Call, number: int) -> Answer:
    rows = call.forge.db.all("SELECT * FROM reviews WHERE issue_id = ? ORDER BY id", find(call, number)["id"])
    me = call.actor.id if call.actor else 0
    shown = [row for row in rows if row["state"] != "PENDING" or row["user_id"] == me]
    return page(call, shown, lambda row: review(call.forge, call.repo, row, number))


def get(call: Call, number: int, review_id: int) -> Answer:
    return Answer(review(call.forge, call.repo, _review(call, find(call, number), review_id), number))


def submit(call: Call, number: int, review_id: int) -> Answer:
    row = find(call, number)
    found, event = _review(call, row, review_id), call.body.get("event")
    if found["state"] != "PENDING" or found["user_id"] != call.who.id or event not in STATES:
        raise unprocessable("Unprocessable Entity", "Could not submit the pull request review.")
    _refuse_own(call, row, event)
    with call.forge.db.write():
        call.forge.db.run(
            "UPDATE reviews SET state = ?, body = ?, submitted_at = ? WHERE id = ?",
            STATES[event], call.body.get("body") or found["body"], now(), review_id,
        )  # fmt: skip
        _submitted(call, row, review_id)
    return get(call, number, review_id)


def dismiss(call: Call, number: int, review_id: int) -> Answer:
    row = find(call, number)
    found = _review(call, row, review_id)
    if found["state"] not in ("APPROVED", "CHANGES_REQUESTED"):
        raise unprocessable("Unprocessable Entity", "Can not dismiss a commented pull request review")
    if not call.body.get("message"):
        raise invalid("PullRequestReview", "message", "missing_field")
    with call.forge.db.write():
        call.forge.db.run("UPDATE reviews SET state = 'DISMISSED' WHERE id = ?", review_id)
        shape = review(call.forge, call.repo, _review(call, row, review_id), number)
        emit(
            call.forge, call.repo, call.who, "pull_request_review", "dismissed", **_place(call, row),
            extra={
                "review": {**shape, "state": "dismissed"},
                "pull_request": pull(call.forge, call.repo, row),
            },
        )  # fmt: skip
    return Answer(shape)


def comments_of_review(call: Call, number: int, review_id: int) -> Answer:
    found = _review(call, find(call, number), review_id)
    rows = call.forge.db.all("SELECT * FROM review_comments WHERE review_id = ? ORDER BY id", found["id"])
    return page(call, rows, lambda row: review_comment(call.forge, call.repo, row, number))


def comments(call: Call, number: int) -> Answer:
    rows = call.forge.db.all("SELECT * FROM review_comments WHERE issue_id = ? ORDER BY id", find(call, number)["id"])
    return page(call, rows, lambda row: review_comment(call.forge, call.repo, row, number))


def create_comment(call: Call, number: int) -> Answer:
    """One inline comment, which is a review of its own."""
    row, commit_id = find(call, number), _commit(call, find(call, number))
    return _comment(call, row, dict(call.body), commit_id)


def reply(call: Call, number: int, comment_id: int) -> Answer:
    row, parent = find(call, number), _comment_row(call, comment_id)
    same = {name: parent[name] for name in ("path", "line", "side")}
    return _comment(call, row, {**same, "body": call.body.get("body"), "in_reply_to": comment_id}, parent["commit_id"])


def _comment(call: Call, row: Row, given: dict[str, Any], commit_id: str) -> Answer:
    with call.forge.db.write():
        review_id = call.forge.db.run(
            "INSERT INTO reviews (issue_id, user_id, state, body, commit_id, submitted_at)"
            " VALUES (?, ?, 'COMMENTED', '', ?, ?)",
            row["id"], call.who.id, commit_id, now(),
        )  # fmt: skip
        made = _insert(call, row, given, review_id=review_id, commit_id=commit_id)
        _submitted(call, row, review_id)
        shape = review_comment(call.forge, call.repo, _comment_row(call, made), row["number"])
    return Answer(shape, 201, {"Location": shape["url"]})


def _comment_row(call: Call, comment_id: int) -> Row:
    row = call.forge.db.one(
        "SELECT c.*, i.number FROM review_comments c JOIN issues i ON i.id = c.issue_id"
        " WHERE c.repo_id = ? AND c.id = ?",
        call.repo["id"], comment_id,
    )  # fmt: skip
    if row is None:
        raise not_found()
    return row


def get_comment(call: Call, comment_id: int) -> Answer:
    row = _comment_row(call, comment_id)
    return Answer(review_comment(call.forge, call.repo, row, row["number"]))


def edit_comment(call: Call, comment_id: int) -> Answer:
    row = _own_comment(call, comment_id)
    body = text_of(call, "body", resource="PullRequestReviewComment", limit=MAX_BODY, required=True)
    call.forge.db.run("UPDATE review_comments SET body = ?, updated_at = ? WHERE id = ?", body, now(), row["id"])
    return get_comment(call, comment_id)


def delete_comment(call: Call, comment_id: int) -> Answer:
    call.forge.db.run("DELETE FROM review_comments WHERE id = ?", _own_comment(call, comment_id)["id"])
    return Answer(None, 204)


def _own_comment(call: Call, comment_id: int) -> Row:
    row = _comment_row(call, comment_id)
    own = row["user_id"] == call.who.id and not call.who.limited
    if not own and not may(call.forge.db, call.repo, call.who, role="write", needs=WRITE):
        raise role_missing()
    return row


PULL = "/repos/<owner>/<repo>/pulls/<int:number>"
REVIEW = f"{PULL}/reviews/<int:review_id>"
COMMENT = "/repos/<owner>/<repo>/pulls/comments/<int:comment_id>"
ROUTES = (
    Route("POST", f"{PULL}/reviews", create, "read", WRITE),
    Route("GET", f"{PULL}/reviews", listed, "read", READ),
    Route("GET", REVIEW, get, "read", READ),
    Route("POST", f"{REVIEW}/events", submit, "read", WRITE),
    Route("PUT", f"{REVIEW}/dismissals", dismiss, "write", WRITE),
    Route("GET", f"{REVIEW}/comments", comments_of_review, "read", READ),
    Route("GET", f"{PULL}/comments", comments, "read", READ),
    Route("POST", f"{PULL}/comments", create_comment, "read", WRITE),
    Route("POST", f"{PULL}/comments/<int:comment_id>/replies", reply, "read", WRITE),
    Route("GET", COMMENT, get_comment, "read", READ),
    Route("PATCH", COMMENT, edit_comment, "read", WRITE),
    Route("DELETE", COMMENT, delete_comment, "read", WRITE),
)
