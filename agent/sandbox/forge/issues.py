"""REST: issues."""

from typing import Any

from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import ApiError, invalid, not_found, role_missing
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.labels import label_names, put_labels
from agent.sandbox.forge.moved import close_issue, close_pull, note, pull_event
from agent.sandbox.forge.shapes.issue import full_issue, issue, issue_event
from agent.sandbox.forge.shapes.people import user
from agent.sandbox.forge.shapes.pull import head_repository
from agent.sandbox.forge.store import Row, now

MAX_TITLE = 256
MAX_BODY = 65_536
READ = ("issues:read",)
READ_EITHER = ("issues:read", "pull_requests:read")
WRITE = ("issues:write",)
EITHER = ("issues:write", "pull_requests:write")


def find(call: Call, number: int) -> Row:
    """The issue or pull request with that number. Raises ApiError 404."""
    row = call.forge.db.one("SELECT * FROM issues WHERE repo_id = ? AND number = ?", call.repo["id"], number)
    if row is None:
        raise not_found()
    return row


def text_of(call: Call, field: str, *, resource: str, limit: int, required: bool = False) -> str | None:
    """A text of the request's body, or None. Raises ApiError 422 for a missing, wrong or too long one."""
    value = call.body.get(field)
    if value is None or (required and value == ""):
        if required:
            raise invalid(resource, field, "missing_field")
        return None
    if not isinstance(value, str):
        raise ApiError(422, f"Invalid request.\n\nFor 'properties/{field}', {value!r} is not a string.")
    if len(value) > limit:
        raise invalid(resource, field, "custom", f"{field} is too long (maximum is {limit} characters)")
    return value


def next_number(call: Call) -> int:
    """The next number of an issue or pull request; call inside a transaction."""
    call.forge.db.run("UPDATE repositories SET last_number = last_number + 1 WHERE id = ?", call.repo["id"])
    return int(call.forge.db.get("SELECT last_number FROM repositories WHERE id = ?", call.repo["id"])["last_number"])


def insert(call: Call, *, title: str, body: str | None, is_pull: bool) -> Row:
    """Write the row of a new issue or pull request; call inside a transaction."""
    who, moment, number = call.who, now(), next_number(call)
    call.forge.db.run(
        "INSERT INTO issues (repo_id, number, is_pull, title, body, user_id, by_app, state, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)",
        call.repo["id"], number, int(is_pull), title, body, who.id, who.app_id if who.limited else 0, moment, moment,
    )  # fmt: skip
    return find(call, number)


def create(call: Call) -> Answer:
    who = call.who
    title = text_of(call, "title", resource="Issue", limit=MAX_TITLE, required=True) or ""
    body = text_of(call, "body", resource="Issue", limit=MAX_BODY)
    labels = label_names(call.body.get("labels") or [])
    with call.forge.db.write():
        row = insert(call, title=title, body=body, is_pull=False)
        emit(call.forge, call.repo, who, "issues", "opened", extra={"issue": issue(call.forge, call.repo, row)})
        if labels and may(call.forge.db, call.repo, who, role="triage", needs=WRITE):
            put_labels(call, row, add=labels)
        if call.body.get("assignees"):
            _assign(call, row, list(call.body["assignees"]))
        shape = full_issue(call.forge, call.repo, find(call, row["number"]))
    return Answer(shape, 201, {"Location": shape["url"]})


def get(call: Call, number: int) -> Answer:
    return Answer(full_issue(call.forge, call.repo, find(call, number)))


def listed(call: Call) -> Answer:
    """Issues and pull requests, newest first, filtered by state, labels, creator, assignee, since."""
    query = call.query
    sql, values = ["SELECT * FROM issues i WHERE repo_id = ?"], [call.repo["id"]]
    state = query.get("state", "open")
    if state in ("open", "closed"):
        sql.append("AND state = ?")
        values.append(state)
    for name in filter(None, query.get("labels", "").split(",")):
        sql.append(
            "AND EXISTS (SELECT 1 FROM issue_labels x JOIN labels l ON l.id = x.label_id"
            " WHERE x.issue_id = i.id AND l.name = ?)"
        )
        values.append(name)
    if query.get("creator"):
        sql.append("AND user_id = (SELECT id FROM users WHERE login = ?)")
        values.append(query["creator"])
    if query.get("assignee"):
        sql.append(
            "AND EXISTS (SELECT 1 FROM issue_assignees a JOIN users u ON u.id = a.user_id"
            " WHERE a.issue_id = i.id AND u.login = ?)"
        )
        values.append(query["assignee"])
    if query.get("since"):
        sql.append("AND updated_at >= ?")
        values.append(query["since"])
    column = {"updated": "updated_at", "comments": "id"}.get(query.get("sort", ""), "number")
    direction = "ASC" if query.get("direction") == "asc" else "DESC"
    rows = call.forge.db.all(f"{' '.join(sql)} ORDER BY {column} {direction}, number {direction}", *values)
    return page(call, rows, lambda row: issue(call.forge, call.repo, row))


def edit(call: Call, number: int) -> Answer:
    who, row = call.who, find(call, number)
    is_author = row["user_id"] == who.id and not who.limited
    may_triage = may(call.forge.db, call.repo, who, role="triage", needs=EITHER)
    if not (is_author or may_triage):
        raise role_missing()
    title = text_of(call, "title", resource="Issue", limit=MAX_TITLE)
    body = text_of(call, "body", resource="Issue", limit=MAX_BODY)
    state = call.body.get("state", row["state"])
    if state not in ("open", "closed"):
        raise invalid("Issue", "state", "invalid")
    may_write = may(call.forge.db, call.repo, who, role="write", needs=EITHER)
    if (title is not None or "body" in call.body) and not (is_author or may_write):
        raise role_missing()
    with call.forge.db.write():
        _edit_text(call, row, title=title, body=body)
        if "labels" in call.body and may_triage:
            put_labels(call, row, exactly=label_names(call.body["labels"]))
        if "assignees" in call.body and may_triage:
            call.forge.db.run("DELETE FROM issue_assignees WHERE issue_id = ?", row["id"])
            _assign(call, row, list(call.body["assignees"] or []))
        if state != row["state"]:
            _set_state(call, row, state)
        shape = full_issue(call.forge, call.repo, find(call, number))
    return Answer(shape)


def _edit_text(call: Call, row: Row, *, title: str | None, body: str | None) -> None:
    changes: dict[str, Any] = {}
    if title is not None and title != row["title"]:
        changes["title"] = {"from": row["title"]}
    if "body" in call.body and body != row["body"]:
        changes["body"] = {"from": row["body"] or ""}
    if not changes:
        return
    new_title = title if "title" in changes else row["title"]
    new_body = body if "body" in changes else row["body"]
    call.forge.db.run(
        "UPDATE issues SET title = ?, body = ?, updated_at = ? WHERE id = ?", new_title, new_body, now(), row["id"]
    )
    edited(call, row["number"], "edited", changes=changes)


def edited(call: Call, number: int, action: str, **extra: Any) -> None:
    """Emit `issues` or `pull_request` with the thing as it is now."""
    row = find(call, number)
    if row["is_pull"]:
        pull_event(call.forge, call.repo, call.who, number, action, **extra)
    else:
        shape = issue(call.forge, call.repo, row)
        emit(call.forge, call.repo, call.who, "issues", action, extra={"issue": shape, **extra})


def _set_state(call: Call, row: Row, state: str) -> None:
    if state == "closed":
        if row["is_pull"]:
            close_pull(call.forge, call.repo, call.who, row)
        else:
            reason = call.body.get("state_reason") or "completed"
            if reason not in ("completed", "not_planned", "duplicate"):
                raise invalid("Issue", "state_reason", "invalid")
            close_issue(call.forge, call.repo, call.who, row, reason=reason)
        return
    if row["is_pull"]:
        _refuse_to_reopen(call, row)
    call.forge.db.run(
        "UPDATE issues SET state = 'open', state_reason = ?, closed_at = NULL, closed_by = NULL, updated_at = ?"
        " WHERE id = ?",
        None if row["is_pull"] else "reopened", now(), row["id"],
    )  # fmt: skip
    note(call.forge, call.repo, call.who, row["id"], "reopened")
    edited(call, row["number"], "reopened")


def _refuse_to_reopen(call: Call, row: Row) -> None:
    pull = call.forge.pull_row(call.repo, row["number"])
    if pull["merged_at"] is not None:
        raise invalid("PullRequest", "state", "invalid", "state cannot be changed. The pull request is merged.")
    try:
        holder = head_repository(call.forge, call.repo, pull) or {"owner": "", "name": ""}
        call.forge.resolve(f"{holder['owner']}/{holder['name']}", f"refs/heads/{pull['head_ref']}")
    except KeyError as error:
        message = f"state cannot be changed. The {pull['head_ref']} branch has been deleted."
        raise invalid("PullRequest", "state", "invalid", message) from error


def _assign(call: Call, row: Row, logins: list[str]) -> None:
    for login in logins:
        found = call.forge.db.one("SELECT id FROM users WHERE login = ?", login)
        if found is None:
            raise invalid("Issue", "assignees", "invalid")
        call.forge.db.run("INSERT OR IGNORE INTO issue_assignees VALUES (?, ?)", row["id"], found["id"])
        edited(call, row["number"], "assigned", assignee=user(call.forge, found["id"]))


def assign(call: Call, number: int) -> Answer:
    row = find(call, number)
    with call.forge.db.write():
        _assign(call, row, list(call.body.get("assignees") or []))
    return Answer(full_issue(call.forge, call.repo, find(call, number)), 201)


def unassign(call: Call, number: int) -> Answer:
    row = find(call, number)
    with call.forge.db.write():
        for login in call.body.get("assignees") or []:
            found = call.forge.db.one("SELECT id FROM users WHERE login = ?", login)
            if found is not None:
                call.forge.db.run(
                    "DELETE FROM issue_assignees WHERE issue_id = ? AND user_id = ?", row["id"], found["id"]
                )
    return Answer(full_issue(call.forge, call.repo, find(call, number)))


def events(call: Call, number: int) -> Answer:
    rows = call.forge.db.all("SELECT * FROM issue_events WHERE issue_id = ? ORDER BY id", find(call, number)["id"])
    return page(call, rows, lambda row: issue_event(call.forge, call.repo, row))


def events_of_repository(call: Call) -> Answer:
    rows = call.forge.db.all(
        "SELECT e.*, i.number AS of_issue FROM issue_events e JOIN issues i ON i.id = e.issue_id"
        " WHERE i.repo_id = ? ORDER BY e.id DESC",
        call.repo["id"],
    )
    return page(
        call,
        rows,
        lambda row: {
            **issue_event(call.forge, call.repo, row),
            "issue": full_issue(call.forge, call.repo, find(call, row["of_issue"])),
        },
    )


ROUTES = (
    Route("GET", "/repos/<owner>/<repo>/issues/events", events_of_repository, "read", READ_EITHER),
    Route("POST", "/repos/<owner>/<repo>/issues", create, "read", WRITE),
    Route("GET", "/repos/<owner>/<repo>/issues", listed, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/issues/<int:number>", get, "read", READ),
    Route("PATCH", "/repos/<owner>/<repo>/issues/<int:number>", edit, "read", EITHER),
    Route("POST", "/repos/<owner>/<repo>/issues/<int:number>/assignees", assign, "triage", EITHER),
    Route("DELETE", "/repos/<owner>/<repo>/issues/<int:number>/assignees", unassign, "triage", EITHER),
    Route("GET", "/repos/<owner>/<repo>/issues/<int:number>/events", events, "read", READ_EITHER),
)
