"""REST: check runs, which only an App may write."""

import re
from typing import Any

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError, invalid, not_found, unprocessable
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.shapes.check import annotation, check_run, check_suite
from agent.sandbox.forge.store import Row, now

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")
LEVELS = ("notice", "warning", "failure")
MAX_ANNOTATIONS = 50
MAX_TEXT = 65_535
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
READ, WRITE = ("checks:read",), ("checks:write",)


def _app(call: Call) -> int:
    app_id = call.who.app_id
    if app_id is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return app_id


def _find(call: Call, check_run_id: int) -> Row:
    row = call.forge.db.one("SELECT * FROM check_runs WHERE repo_id = ? AND id = ?", call.repo["id"], check_run_id)
    if row is None:
        raise not_found()
    return row


def create(call: Call) -> Answer:
    app_id, body = _app(call), call.body
    name, sha = body.get("name"), body.get("head_sha")
    if not isinstance(name, str) or not name:
        raise invalid("CheckRun", "name", "missing_field")
    if not isinstance(sha, str) or not sha:
        raise invalid("CheckRun", "head_sha", "missing_field")
    if git.resolve(call.forge.git_dir(call.repo), sha) != sha:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    with call.forge.db.write():
        suite = _suite(call, sha, app_id)
        made = call.forge.db.run(
            "INSERT INTO check_runs (repo_id, suite_id, head_sha, app_id, name, status, started_at)"
            " VALUES (?, ?, ?, ?, ?, 'queued', ?)",
            call.repo["id"], suite, sha, app_id, name, _moment(body.get("started_at")) or now(),
        )  # fmt: skip
        _apply(call, _find(call, made))
        shape = _emit(call, made, "created")
        if shape["status"] == "completed":
            _emit(call, made, "completed")
    return Answer(shape, 201, {"Location": shape["url"]})


def _suite(call: Call, sha: str, app_id: int) -> int:
    key = (call.repo["id"], sha, app_id)
    call.forge.db.run(
        "INSERT OR IGNORE INTO check_suites (repo_id, head_sha, app_id, created_at) VALUES (?, ?, ?, ?)", *key, now()
    )
    sql = "SELECT id FROM check_suites WHERE repo_id = ? AND head_sha = ? AND app_id = ?"
    return int(call.forge.db.get(sql, *key)["id"])


def update(call: Call, check_run_id: int) -> Answer:
    row = _find(call, check_run_id)
    if row["app_id"] != _app(call):
        raise ApiError(403, "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it."
                       .format(row["app_id"]))  # fmt: skip
    with call.forge.db.write():
        _apply(call, row)
        done = row["status"] != "completed" and _find(call, check_run_id)["status"] == "completed"
        shape = _emit(call, check_run_id, "completed") if done else check_run(
            call.forge, call.repo, _find(call, check_run_id)
        )  # fmt: skip
    return Answer(shape)


def _apply(call: Call, row: Row) -> None:
    """Write what the request says over the row. A conclusion completes; annotations are added, never replaced."""
    body = call.body
    status, conclusion = body.get("status", row["status"]), body.get("conclusion", row["conclusion"])
    if status not in STATUSES:
        raise invalid("CheckRun", "status", "invalid")
    if body.get("conclusion") is not None:
        status = "completed"
    if status == "completed" and conclusion not in CONCLUSIONS:
        raise invalid("CheckRun", "conclusion", "missing_field" if conclusion is None else "invalid")
    output = body.get("output") or {}
    if output and not (isinstance(output, dict) and isinstance(output.get("summary"), str)):
        raise ApiError(422, 'Invalid request.\n\n"summary" wasn\'t supplied.')
    for field in ("summary", "text"):
        if len((output.get(field) or "").encode()) > MAX_TEXT:
            raise invalid("CheckRun", field, "custom", f"{field} exceeds a maximum bytesize of {MAX_TEXT}")
    done = _moment(body.get("completed_at")) or row["completed_at"] or now()
    call.forge.db.run(
        "UPDATE check_runs SET name = ?, status = ?, conclusion = ?, started_at = ?, completed_at = ?,"
        " external_id = ?, details_url = ?, title = ?, summary = ?, text = ? WHERE id = ?",
        body.get("name", row["name"]), status, conclusion if status == "completed" else None,
        _moment(body.get("started_at")) or row["started_at"], done if status == "completed" else None,
        body.get("external_id", row["external_id"]), body.get("details_url", row["details_url"]),
        output.get("title", row["title"]), output.get("summary", row["summary"]), output.get("text", row["text"]),
        row["id"],
    )  # fmt: skip
    _annotate(call, row["id"], output.get("annotations") or [])


def _annotate(call: Call, check_run_id: int, given: list[Any]) -> None:
    if len(given) > MAX_ANNOTATIONS:
        raise ApiError(422, "Invalid request.\n\nNo more than 50 items are allowed; "
                       f"{len(given)} were supplied.")  # fmt: skip
    for item in given:
        fields = ("path", "start_line", "end_line", "annotation_level", "message")
        absent = [field for field in fields if not isinstance(item, dict) or item.get(field) in (None, "")]
        if absent:
            raise unprocessable("Invalid request.\n\n" + "\n".join(f'"{field}" wasn\'t supplied.' for field in absent))
        if item["annotation_level"] not in LEVELS:
            raise invalid("CheckAnnotation", "annotation_level", "invalid")
        call.forge.db.run(
            "INSERT INTO annotations (check_run_id, path, start_line, end_line, start_column, end_column,"
            " annotation_level, title, message, raw_details) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            check_run_id, item["path"], item["start_line"], item["end_line"], item.get("start_column"),
            item.get("end_column"), item["annotation_level"], item.get("title"), item["message"],
            item.get("raw_details"),
        )  # fmt: skip


def _emit(call: Call, check_run_id: int, action: str) -> dict[str, Any]:
    row = _find(call, check_run_id)
    shape = check_run(call.forge, call.repo, row)
    suite = check_suite(call.forge, call.repo, row, shape)
    emit(call.forge, call.repo, call.who, "check_run", action, extra={"check_run": {**shape, "check_suite": suite}})
    return shape


def get(call: Call, check_run_id: int) -> Answer:
    return Answer(check_run(call.forge, call.repo, _find(call, check_run_id)))


def annotations(call: Call, check_run_id: int) -> Answer:
    run = _find(call, check_run_id)
    rows = call.forge.db.all("SELECT * FROM annotations WHERE check_run_id = ? ORDER BY id", check_run_id)
    return page(call, rows, lambda row: annotation(call.forge, call.repo, row, run["head_sha"]))


def of_ref(call: Call, ref: str) -> Answer:
    """Newest first. `filter=latest` (the default) keeps the newest of each name and App."""
    sha = git.resolve(call.forge.git_dir(call.repo), ref)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {ref}")
    query = call.query
    rows = call.forge.db.all(
        "SELECT * FROM check_runs WHERE repo_id = ? AND head_sha = ? ORDER BY id DESC", call.repo["id"], sha
    )
    for field, column in (("check_name", "name"), ("status", "status"), ("app_id", "app_id")):
        if field in query:
            rows = [row for row in rows if str(row[column]) == query[field]]
    if query.get("filter", "latest") == "latest":
        latest: dict[tuple[int, str], Row] = {}
        for row in rows:
            latest.setdefault((row["app_id"], row["name"]), row)
        rows = list(latest.values())
    return page(call, rows, lambda row: check_run(call.forge, call.repo, row), wrap="check_runs")


def _moment(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise invalid("CheckRun", "started_at", "invalid")
    return value


ROUTES = (
    Route("POST", "/repos/<owner>/<repo>/check-runs", create, "read", WRITE),
    Route("GET", "/repos/<owner>/<repo>/check-runs/<int:check_run_id>", get, "read", READ),
    Route("PATCH", "/repos/<owner>/<repo>/check-runs/<int:check_run_id>", update, "read", WRITE),
    Route("GET", "/repos/<owner>/<repo>/check-runs/<int:check_run_id>/annotations", annotations, "read", READ),
    Route("GET", "/repos/<owner>/<repo>/commits/<path:ref>/check-runs", of_ref, "read", READ),
)
