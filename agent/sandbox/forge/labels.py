"""REST: labels of a repository and of an issue."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agent.sandbox.forge.errors import ApiError, invalid, not_found
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.moved import note, pull_event
from agent.sandbox.forge.shapes.issue import issue, label, labels
from agent.sandbox.forge.store import Row, now

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

MAX_NAME = 50
COLOR = "ededed"
READ = ("issues:read", "pull_requests:read")
WRITE = ("issues:write", "pull_requests:write")


def label_names(value: Any) -> list[str]:
    """Names out of a list of names or of label objects. Raises ApiError 422 for anything else."""
    if not isinstance(value, list):
        raise invalid("Label", "labels", "invalid")
    names = [item.get("name") if isinstance(item, dict) else item for item in value]
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise invalid("Label", "name", "invalid")
    return list(dict.fromkeys(str(name) for name in names))


def find(forge: "Forge", repo: Row, name: str) -> Row | None:
    return forge.db.one("SELECT * FROM labels WHERE repo_id = ? AND name = ?", repo["id"], name)


def make(forge: "Forge", repo: Row, name: str, *, color: str = COLOR, description: str | None = None) -> Row:
    forge.db.run(
        "INSERT INTO labels (repo_id, name, color, description) VALUES (?, ?, ?, ?)",
        repo["id"], name, color, description,
    )  # fmt: skip
    found = find(forge, repo, name)
    assert found is not None
    return found


def put_labels(
    call: Call, row: Row, *, add: Sequence[str] = (), drop: Sequence[str] = (), exactly: Sequence[str] | None = None
) -> None:
    """Change an issue's labels and emit one event a change; unknown labels are made. Call inside a transaction."""
    forge, repo = call.forge, call.repo
    have = {
        found["name"].lower(): found
        for found in forge.db.all(
            "SELECT l.* FROM labels l JOIN issue_labels x ON x.label_id = l.id WHERE x.issue_id = ?", row["id"]
        )
    }
    wanted = list(add)
    if exactly is not None:
        keep = {name.lower() for name in exactly}
        drop = [found["name"] for name, found in have.items() if name not in keep]
        wanted = list(exactly)
    for name in drop:
        found = have[name.lower()]
        forge.db.run("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", row["id"], found["id"])
        _changed(call, row, found, "unlabeled")
    for name in wanted:
        if name.lower() not in have:
            found = find(forge, repo, name) or make(forge, repo, name)
            forge.db.run("INSERT INTO issue_labels VALUES (?, ?)", row["id"], found["id"])
            _changed(call, row, found, "labeled")


def _changed(call: Call, row: Row, found: Row, action: str) -> None:
    forge, repo, who = call.forge, call.repo, call.who
    forge.db.run("UPDATE issues SET updated_at = ? WHERE id = ?", now(), row["id"])
    note(forge, repo, who, row["id"], action, label=found["name"])
    shape = label(forge, repo, found)
    if row["is_pull"]:
        pull_event(forge, repo, who, row["number"], action, label=shape)
    else:
        now_issue = issue(forge, repo, forge.issue_row(repo, row["number"]))
        emit(forge, repo, who, "issues", action, extra={"issue": now_issue, "label": shape})


def _issue(call: Call, number: int) -> Row:
    row = call.forge.db.one("SELECT * FROM issues WHERE repo_id = ? AND number = ?", call.repo["id"], number)
    if row is None:
        raise not_found()
    return row


def _names(call: Call) -> list[str]:
    """The request's labels: `{"labels": [...]}` or the bare list."""
    return label_names(call.body.get("", call.body.get("labels", [])))


def of_issue(call: Call, number: int) -> Answer:
    return page(call, labels(call.forge, call.repo, _issue(call, number)["id"]), lambda shape: shape)


def add(call: Call, number: int) -> Answer:
    row, names = _issue(call, number), _names(call)
    with call.forge.db.write():
        put_labels(call, row, add=names)
        return Answer(labels(call.forge, call.repo, row["id"]))


def replace(call: Call, number: int) -> Answer:
    row, names = _issue(call, number), _names(call)
    with call.forge.db.write():
        put_labels(call, row, exactly=names)
        return Answer(labels(call.forge, call.repo, row["id"]))


def clear(call: Call, number: int) -> Answer:
    row = _issue(call, number)
    with call.forge.db.write():
        put_labels(call, row, exactly=[])
    return Answer(None, 204)


def remove(call: Call, number: int, name: str) -> Answer:
    row = _issue(call, number)
    with call.forge.db.write():
        held = {shape["name"].lower(): shape["name"] for shape in labels(call.forge, call.repo, row["id"])}
        if name.lower() not in held:
            raise ApiError(404, "Label does not exist")
        put_labels(call, row, drop=[held[name.lower()]])
        return Answer(labels(call.forge, call.repo, row["id"]))


def of_repository(call: Call) -> Answer:
    rows = call.forge.db.all("SELECT * FROM labels WHERE repo_id = ? ORDER BY id", call.repo["id"])
    return page(call, rows, lambda row: label(call.forge, call.repo, row))


def create(call: Call) -> Answer:
    name, color = call.body.get("name"), call.body.get("color", COLOR)
    if not isinstance(name, str) or not name:
        raise invalid("Label", "name", "missing_field")
    if len(name) > MAX_NAME:
        raise invalid("Label", "name", "custom", f"name is too long (maximum is {MAX_NAME} characters)")
    if not isinstance(color, str) or not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", "color", "invalid")
    with call.forge.db.write():
        if find(call.forge, call.repo, name) is not None:
            raise invalid("Label", "name", "already_exists")
        row = make(call.forge, call.repo, name, color=color.lower(), description=call.body.get("description"))
        shape = label(call.forge, call.repo, row)
    return Answer(shape, 201, {"Location": shape["url"]})


def get(call: Call, name: str) -> Answer:
    row = find(call.forge, call.repo, name)
    if row is None:
        raise not_found()
    return Answer(label(call.forge, call.repo, row))


def edit(call: Call, name: str) -> Answer:
    with call.forge.db.write():
        row = find(call.forge, call.repo, name)
        if row is None:
            raise not_found()
        new = {key: call.body.get(key, row[key]) for key in ("color", "description")}
        call.forge.db.run(
            "UPDATE labels SET name = ?, color = ?, description = ? WHERE id = ?",
            call.body.get("new_name", row["name"]), new["color"], new["description"], row["id"],
        )  # fmt: skip
        shape = label(call.forge, call.repo, call.forge.db.get("SELECT * FROM labels WHERE id = ?", row["id"]))
    return Answer(shape)


def delete(call: Call, name: str) -> Answer:
    with call.forge.db.write():
        row = find(call.forge, call.repo, name)
        if row is None:
            raise not_found()
        call.forge.db.run("DELETE FROM issue_labels WHERE label_id = ?", row["id"])
        call.forge.db.run("DELETE FROM labels WHERE id = ?", row["id"])
    return Answer(None, 204)


ROUTES = (
    Route("GET", "/repos/<owner>/<repo>/issues/<int:number>/labels", of_issue, "read", READ),
    Route("POST", "/repos/<owner>/<repo>/issues/<int:number>/labels", add, "triage", WRITE),
    Route("PUT", "/repos/<owner>/<repo>/issues/<int:number>/labels", replace, "triage", WRITE),
    Route("DELETE", "/repos/<owner>/<repo>/issues/<int:number>/labels", clear, "triage", WRITE),
    Route("DELETE", "/repos/<owner>/<repo>/issues/<int:number>/labels/<path:name>", remove, "triage", WRITE),
    Route("GET", "/repos/<owner>/<repo>/labels", of_repository, "read", READ),
    Route("POST", "/repos/<owner>/<repo>/labels", create, "write", WRITE),
    Route("GET", "/repos/<owner>/<repo>/labels/<path:name>", get, "read", READ),
    Route("PATCH", "/repos/<owner>/<repo>/labels/<path:name>", edit, "write", WRITE),
    Route("DELETE", "/repos/<owner>/<repo>/labels/<path:name>", delete, "write", WRITE),
)
