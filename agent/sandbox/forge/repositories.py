"""REST: repositories, their collaborators and variables, accounts, the rate limit."""

import re
import time
from urllib.parse import unquote

from agent.sandbox.forge.access import role_of
from agent.sandbox.forge.errors import ApiError, invalid, not_found
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.limits import limits
from agent.sandbox.forge.shapes.people import full_user, node_id, user
from agent.sandbox.forge.shapes.repository import full, permissions
from agent.sandbox.forge.store import Row, now
from agent.sandbox.forge.tokens import ACTIONS_APP_ID

COARSE = {"triage": "read", "maintain": "write"}
METADATA = ("metadata:read",)
VARIABLE = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*", re.IGNORECASE)


def get(call: Call) -> Answer:
    return Answer(full(call.forge, call.repo, call.actor))


def _account(call: Call, login: str) -> Row:
    row = call.forge.db.one("SELECT * FROM users WHERE login = ?", unquote(login))
    if row is None:
        raise not_found()
    return row


def permission(call: Call, login: str) -> Answer:
    """`permission` is GitHub's old four-valued word, `role_name` the role itself."""
    row = _account(call, login)
    if row["kind"] != "User":
        raise ApiError(404, f"{row['login']} is not a user")
    role = role_of(call.forge.db, call.repo, row["id"])
    shape = {
        **user(call.forge, row["id"]),
        "permissions": permissions(call.forge, call.repo, row["id"]),
        "role_name": role,
    }
    return Answer({"permission": COARSE.get(role, role), "user": shape, "role_name": role})


def is_collaborator(call: Call, login: str) -> Answer:
    row = _account(call, login)
    known = call.forge.db.one(
        "SELECT 1 FROM roles WHERE repo_id = ? AND user_id = ? AND role != 'none'", call.repo["id"], row["id"]
    )
    if known is None and row["id"] != call.repo["owner_id"]:
        raise not_found()
    return Answer(None, 204)


def collaborators(call: Call) -> Answer:
    rows = call.forge.db.all(
        "SELECT u.id FROM users u WHERE u.id = ? OR u.id IN"
        " (SELECT user_id FROM roles WHERE repo_id = ? AND role != 'none') ORDER BY u.id",
        call.repo["owner_id"], call.repo["id"],
    )  # fmt: skip
    return page(
        call,
        rows,
        lambda row: {
            **user(call.forge, row["id"]),
            "permissions": permissions(call.forge, call.repo, row["id"]),
            "role_name": role_of(call.forge.db, call.repo, row["id"]),
        },
    )


def me(call: Call) -> Answer:
    if call.who.limited:
        raise ApiError(403, "Resource not accessible by integration")
    return Answer(full_user(call.forge, call.who.id))


def account(call: Call, login: str) -> Answer:
    return Answer(full_user(call.forge, _account(call, login)["id"]))


def rate_limit(call: Call) -> Answer:
    found = limits(call.forge, call.actor, time.time())
    core = {"limit": found.limit, "used": found.used, "remaining": found.remaining, "reset": found.reset}
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": int(time.time()) + 60}
    graphql = {"limit": 5000, "used": 0, "remaining": 5000, "reset": found.reset}
    return Answer({"resources": {"core": core, "search": search, "graphql": graphql}, "rate": core})


def dispatch(call: Call) -> Answer:
    """repository_dispatch: the one event (beside workflow_dispatch) that starts workflows from a job's token too."""
    event_type, payload = call.body.get("event_type"), call.body.get("client_payload") or {}
    if not isinstance(event_type, str) or not 0 < len(event_type) <= 100:
        raise invalid("RepositoryDispatch", "event_type", "invalid" if event_type else "missing_field")
    if not isinstance(payload, dict) or len(payload) > 10:
        raise ApiError(422, "Invalid request.\n\nNo more than 10 properties are allowed.")
    with call.forge.db.write():
        emit(
            call.forge, call.repo, call.who, "repository_dispatch", event_type,
            extra={
                "branch": call.repo["default_branch"],
                "client_payload": payload,
                "installation": {"id": ACTIONS_APP_ID, "node_id": node_id("Integration", ACTIONS_APP_ID)},
            },
        )  # fmt: skip
    return Answer(None, 204)


def _variable(row: Row) -> dict[str, str]:
    return {name: row[name] for name in ("name", "value", "created_at", "updated_at")}


def variables(call: Call) -> Answer:
    rows = call.forge.db.all("SELECT * FROM variables WHERE repo_id = ? ORDER BY name", call.repo["id"])
    return page(call, rows, _variable, wrap="variables")


def get_variable(call: Call, name: str) -> Answer:
    row = call.forge.db.one("SELECT * FROM variables WHERE repo_id = ? AND name = ?", call.repo["id"], name.upper())
    if row is None:
        raise not_found()
    return Answer(_variable(row))


def create_variable(call: Call) -> Answer:
    name, value = call.body.get("name"), call.body.get("value")
    if not isinstance(name, str) or not VARIABLE.fullmatch(name):
        raise invalid("Variable", "name", "invalid")
    if not isinstance(value, str):
        raise invalid("Variable", "value", "missing_field")
    with call.forge.db.write():
        if call.forge.db.one("SELECT 1 FROM variables WHERE repo_id = ? AND name = ?", call.repo["id"], name.upper()):
            raise ApiError(409, "Already exists - Variable already exists")
        call.forge.db.run(
            "INSERT INTO variables VALUES (?, ?, ?, ?, ?)", call.repo["id"], name.upper(), value, now(), now()
        )
    return Answer({}, 201)


def update_variable(call: Call, name: str) -> Answer:
    row = get_variable(call, name).data
    call.forge.db.run(
        "UPDATE variables SET name = ?, value = ?, updated_at = ? WHERE repo_id = ? AND name = ?",
        str(call.body.get("name") or row["name"]).upper(), str(call.body.get("value", row["value"])), now(),
        call.repo["id"], row["name"],
    )  # fmt: skip
    return Answer(None, 204)


def delete_variable(call: Call, name: str) -> Answer:
    row = get_variable(call, name).data
    call.forge.db.run("DELETE FROM variables WHERE repo_id = ? AND name = ?", call.repo["id"], row["name"])
    return Answer(None, 204)


REPO = "/repos/<owner>/<repo>"
VARIABLES = f"{REPO}/actions/variables"
ROUTES = (
    Route("GET", REPO, get, "read", METADATA),
    Route("GET", f"{REPO}/collaborators", collaborators, "write", METADATA),
    Route("GET", f"{REPO}/collaborators/<login>/permission", permission, "read", METADATA),
    Route("GET", f"{REPO}/collaborators/<login>", is_collaborator, "write", METADATA),
    Route("POST", f"{REPO}/dispatches", dispatch, "write", ("contents:write",)),
    # no permission of a workflow file reaches variables, so no alternative for a job's token
    Route("GET", VARIABLES, variables, "write"),
    Route("POST", VARIABLES, create_variable, "write"),
    Route("GET", f"{VARIABLES}/<name>", get_variable, "write"),
    Route("PATCH", f"{VARIABLES}/<name>", update_variable, "write"),
    Route("DELETE", f"{VARIABLES}/<name>", delete_variable, "write"),
    Route("GET", "/user", me, "account"),
    Route("GET", "/users/<login>", account, "none"),
    Route("GET", "/rate_limit", rate_limit, "none"),
)
