"""REST: GitHub Apps. A signed token of the App in, a short-lived token of one of its installations out."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import jwt

from agent.sandbox.forge import tokens
from agent.sandbox.forge.errors import ApiError, not_found, unprocessable
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.shapes.people import app as app_shape
from agent.sandbox.forge.shapes.people import user
from agent.sandbox.forge.shapes.repository import repository
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import LEVELS

SECONDS = 3600
LONGEST = 600  # GitHub takes a signed token that is good for ten minutes at most
DRIFT = 60


def signed_by(call: Call) -> Row:
    """The App that signed the request's JSON web token. Raises ApiError 401, in GitHub's words."""
    token = call.bearer
    if token is None or token.count(".") != 2:
        raise ApiError(401, "A JSON web token could not be decoded")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        row = call.forge.db.one("SELECT * FROM apps WHERE id = ?", int(claims["iss"]))
        if row is None:
            raise ApiError(404, "Integration not found")
        claims = jwt.decode(token, row["public_key"], algorithms=["RS256"], options={"verify_iat": False})
        issued, ends = claims["iat"], claims["exp"]
    except jwt.ExpiredSignatureError as error:
        raise ApiError(401, "'Expiration time' claim ('exp') must be a numeric value in the future") from error
    except (jwt.PyJWTError, KeyError, ValueError) as error:
        raise ApiError(401, "A JSON web token could not be decoded") from error
    if not isinstance(issued, int) or issued > time.time() + DRIFT:
        raise ApiError(401, "'Issued at' claim ('iat') must be an Integer representing the time of the assertion")
    if ends - time.time() > LONGEST + DRIFT:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return row


def me(call: Call) -> Answer:
    row = signed_by(call)
    count = call.forge.db.get("SELECT COUNT(*) AS n FROM installations WHERE app_id = ?", row["id"])["n"]
    return Answer({**app_shape(call.forge, row["id"]), "installations_count": count})


def public(call: Call, slug: str) -> Answer:
    row = call.forge.db.one("SELECT * FROM apps WHERE slug = ?", slug)
    if row is None:
        raise not_found()
    return Answer(app_shape(call.forge, row["id"]))


def installations(call: Call) -> Answer:
    row = signed_by(call)
    rows = call.forge.db.all("SELECT * FROM installations WHERE app_id = ? ORDER BY id", row["id"])
    return page(call, rows, lambda found: _installation(call, row, found))


def of_repository(call: Call, account: str, name: str) -> Answer:
    row, repo = signed_by(call), call.forge.repository_row(f"{account}/{name}")
    found = repo and call.forge.db.one(
        "SELECT * FROM installations WHERE app_id = ? AND owner_id = ?", row["id"], repo["owner_id"]
    )
    if not found:
        raise not_found()
    return Answer(_installation(call, row, found))


def create_token(call: Call, number: int) -> Answer:
    """A token with the permissions and for the repository that were asked for, which the installation must hold."""
    row = signed_by(call)
    found = call.forge.db.one("SELECT * FROM installations WHERE id = ? AND app_id = ?", number, row["id"])
    if found is None:
        raise not_found()
    held = json.loads(row["permissions"])
    asked = call.body.get("permissions") or held
    for name, level in asked.items():
        if level not in LEVELS[1:] or LEVELS.index(held.get(name, "none")) < LEVELS.index(level):
            raise unprocessable("The permissions requested are not granted to this installation.")
    repo_id, shapes = None, list[dict[str, Any]]()
    if "repositories" in call.body:
        names = call.body["repositories"]
        rows = [_repository(call, found, name) for name in names]
        if len(rows) != 1:
            raise unprocessable("This sandbox scopes a token to one repository or to all of an installation.")
        repo_id, shapes = rows[0]["id"], [repository(call.forge, rows[0])]
    ends = datetime.fromtimestamp(time.time() + SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    permissions = {"metadata": "read", **asked}
    token = tokens.new_installation(
        call.forge.db,
        app=row,
        owner_id=found["owner_id"],
        repo_id=repo_id,
        permissions=permissions,
        expires_at=ends,
    )
    shape = {"token": token, "expires_at": ends, "permissions": permissions}
    selection = {"repository_selection": "selected", "repositories": shapes} if shapes else {}
    return Answer({**shape, "repository_selection": "all", **selection}, 201)


def _repository(call: Call, installation: Row, name: Any) -> Row:
    owner = call.forge.user_row(installation["owner_id"])["login"]
    row = call.forge.repository_row(f"{owner}/{name}") if re.fullmatch(r"[\w.-]+", str(name)) else None
    if row is None:
        raise unprocessable("There is at least one repository that does not exist or is not accessible")
    return row


def revoke(call: Call) -> Answer:
    """The token that is shown ends here."""
    if call.who.installed is None or call.bearer is None:
        raise ApiError(403, "Resource not accessible by integration")
    tokens.revoke(call.forge.db, call.bearer)
    return Answer(None, 204)


def _installation(call: Call, app: Row, row: Row) -> dict[str, Any]:
    url = f"{call.forge.api}/app/installations/{row['id']}"
    return {
        "id": row["id"],
        "account": user(call.forge, row["owner_id"]),
        "repository_selection": "all",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{call.forge.api}/installation/repositories",
        "html_url": f"{call.forge.url}/settings/installations/{row['id']}",
        "app_id": app["id"],
        "app_slug": app["slug"],
        "target_id": row["owner_id"],
        "target_type": call.forge.user_row(row["owner_id"])["kind"],
        "permissions": json.loads(app["permissions"]),
        "events": [],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


ROUTES = (
    Route("GET", "/app", me, "none"),
    Route("GET", "/apps/<slug>", public, "none"),
    Route("GET", "/app/installations", installations, "none"),
    Route("POST", "/app/installations/<int:number>/access_tokens", create_token, "none"),
    # not <owner>/<repo>: a signed token is of no repository, so the usual question of who may does not arise
    Route("GET", "/repos/<account>/<name>/installation", of_repository, "none"),
    Route("DELETE", "/installation/token", revoke, "account"),
)
