"""Who moved a branch from where to where: written as it happens, and GitHub's list of it (REST) out."""

import base64
import binascii
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import invalid
from agent.sandbox.forge.http import API, DEFAULT_PAGE, MAX_PAGE, Answer, Call, Route
from agent.sandbox.forge.shapes.people import node_id, user
from agent.sandbox.forge.store import Row, now

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

TYPES = ("push", "force_push", "branch_creation", "branch_deletion", "pr_merge", "merge_queue_merge")
DAYS: Mapping[str, int] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def record(
    forge: "Forge", repo: Row, actor_id: int, *, ref: str, before: str, after: str, merging: bool = False
) -> None:
    """Write down that a branch moved. Call inside the transaction of the move, after git's ref has moved; a branch that
    is deleted keeps what was written of it.
    """
    if before == git.ZERO:
        kind = "branch_creation"
    elif after == git.ZERO:
        kind = "branch_deletion"
    elif merging:
        kind = "pr_merge"
    else:
        kind = "push" if git.is_ancestor(forge.git_dir(repo), before, after) else "force_push"
    forge.db.run(
        "INSERT INTO activities (repo_id, actor_id, ref, before_sha, after_sha, kind, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        repo["id"], actor_id, ref, before, after, kind, now(),
    )  # fmt: skip


def listed(call: Call) -> Answer:
    """One page, newest first unless `direction` is `asc`. Pages are told by a cursor in the Link header, as GitHub's
    are. Raises ApiError 422 for a filter that is none.
    """
    query = call.query
    ref = f"refs/heads/{query['ref'].removeprefix('refs/heads/')}" if query.get("ref") else ""
    kind, period = _one_of(query, "activity_type", TYPES), _one_of(query, "time_period", DAYS)
    since = (datetime.now(UTC) - timedelta(days=DAYS[period])).strftime("%Y-%m-%dT%H:%M:%SZ") if period else ""
    later = 1 if _one_of(query, "direction", ("asc", "desc")) == "asc" else -1
    rows = call.forge.db.all(
        "SELECT a.* FROM activities a JOIN users u ON u.id = a.actor_id WHERE a.repo_id = ?"
        " AND ? IN ('', a.ref) AND ? IN ('', u.login) AND ? IN ('', a.kind) AND a.created_at >= ? ORDER BY a.id",
        call.repo["id"], ref, query.get("actor", ""), kind, since,
    )  # fmt: skip
    return _page(call, rows[::later], later=later)


def _page(call: Call, rows: list[Row], *, later: int) -> Answer:
    """The rows behind the cursor `after`, or those in front of `before`. `later` is -1 where ids fall, else 1."""
    size = min(max(_number(call.query.get("per_page", ""), DEFAULT_PAGE), 1), MAX_PAGE)
    after, before = _id(call.query.get("after", "")), _id(call.query.get("before", ""))
    if after:
        rows = [row for row in rows if later * row["id"] > later * after]
    if before:
        rows = [row for row in rows if later * row["id"] < later * before]
    shown = rows[-size:] if before and not after else rows[:size]
    plain = {name: value for name, value in call.query.items() if name not in ("after", "before")}
    links = []
    if shown and shown[-1] is not rows[-1]:
        links.append(("next", "after", shown[-1]["id"]))
    if shown and (after or before or shown[0] is not rows[0]):
        links.append(("prev", "before", shown[0]["id"]))
    told = ", ".join(
        f'<{call.forge.url}{API}{call.path}?{urlencode({**plain, cursor: _cursor(number)})}>; rel="{relation}"'
        for relation, cursor, number in links
    )
    return Answer([_shape(call, row) for row in shown], headers={"Link": told} if told else {})


def _shape(call: Call, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "node_id": node_id("PushActivity", row["id"]),
        "before": row["before_sha"],
        "after": row["after_sha"],
        "ref": row["ref"],
        "timestamp": row["created_at"],
        "activity_type": row["kind"],
        "actor": user(call.forge, row["actor_id"]),
    }


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"activity:{number}".encode()).decode()


def _id(cursor: str) -> int:
    """The activity that a cursor names; 0 without one. Raises ApiError 422 for one that is none."""
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid("Activity", "after", "invalid") from error
    if cursor and not (kind == "activity" and number.isdecimal()):
        raise invalid("Activity", "after", "invalid")
    return int(number or 0)


def _number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() else default


def _one_of(query: Mapping[str, str], name: str, known: Container[str]) -> str:
    value = query.get(name, "")
    if value and value not in known:
        raise invalid("Activity", name, "invalid")
    return value


ROUTES = (Route("GET", "/repos/<owner>/<repo>/activity", listed, "read", ("contents:read",)),)
