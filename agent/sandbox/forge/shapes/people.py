"""A user's row in, GitHub's user, app and commit-author objects out."""

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agent.sandbox.forge.git import Person
from agent.sandbox.forge.store import Row, now
from agent.sandbox.forge.tokens import ACTIONS_APP_ID, ACTIONS_BOT_ID

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

MAIL_HOST = "users.noreply.github.com"
GHOST_ID = 10137
APP_PERMISSIONS = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"0:{kind}{number}".encode()).decode()


def user(forge: "Forge", user_id: int) -> dict[str, Any]:
    """GitHub's simple user."""
    row = forge.user_row(user_id)
    login = quote(row["login"], safe="")
    api = f"{forge.api}/users/{login}"
    return {
        "login": row["login"],
        "id": row["id"],
        "node_id": node_id("User", row["id"]),
        "avatar_url": f"{forge.url}/avatars/u/{row['id']}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{forge.url}/{'apps/' + login if row['kind'] == 'Bot' else login}",
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": row["kind"],
        "site_admin": False,
    }


def full_user(forge: "Forge", user_id: int) -> dict[str, Any]:
    """GitHub's public user."""
    row = forge.user_row(user_id)
    nothing = ("company", "location", "email", "hireable", "bio", "twitter_username")
    return {
        **user(forge, user_id),
        **dict.fromkeys(nothing),
        "name": row["name"],
        "blog": "",
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def app(forge: "Forge", app_id: int) -> dict[str, Any]:
    """The GitHub App that writes check runs: GitHub Actions, or the App behind a bot account."""
    app_id = ACTIONS_APP_ID if app_id == 1 else app_id  # an older sandbox wrote 1 for "by GitHub Actions"
    registered = forge.db.one("SELECT * FROM apps WHERE id = ?", app_id)
    own = registered["user_id"] if registered else app_id
    row = forge.user_row(ACTIONS_BOT_ID if app_id == ACTIONS_APP_ID else own)
    slug = row["login"].removesuffix("[bot]").lower()
    return {
        "id": app_id,
        "slug": slug,
        "node_id": node_id("App", app_id),
        "owner": user(forge, row["id"]),
        "name": "GitHub Actions" if app_id == ACTIONS_APP_ID else slug,
        "description": None,
        "external_url": f"{forge.url}/apps/{slug}",
        "html_url": f"{forge.url}/apps/{slug}",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "permissions": json.loads(registered["permissions"]) if registered else APP_PERMISSIONS,
        "events": [],
    }


def person(row: Row, *, date: str = "") -> Person:
    """As whom an account signs a commit made on the web."""
    return Person(row["name"] or row["login"], email(row), date or now())


def email(row: Row) -> str:
    return f"{row['id']}+{row['login']}@{MAIL_HOST}"


def account(forge: "Forge", mail: str) -> dict[str, Any] | None:
    """The account behind a commit's address, or None."""
    name, _, host = mail.partition("@")
    if host != MAIL_HOST:
        return None
    row = forge.db.one("SELECT id FROM users WHERE login = ?", name.partition("+")[2] or name)
    return user(forge, row["id"]) if row else None


def association(forge: "Forge", repo: Row, user_id: int) -> str:
    """GitHub's author_association: a label for people to read, never a permission."""
    if user_id == repo["owner_id"]:
        return "OWNER"
    row = forge.db.one("SELECT role FROM roles WHERE repo_id = ? AND user_id = ?", repo["id"], user_id)
    if row is not None and row["role"] != "none":
        return "COLLABORATOR"
    merged = forge.db.one(
        "SELECT 1 FROM issues i JOIN pulls p ON p.issue_id = i.id"
        " WHERE i.repo_id = ? AND i.user_id = ? AND p.merged_at IS NOT NULL",
        repo["id"],
        user_id,
    )
    return "CONTRIBUTOR" if merged else "NONE"
