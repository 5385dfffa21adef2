"""An App's id and private key in, a token of it for one repository out: short-lived, with what one job needs alone.

Source: docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import github
import jwt

from agent.errors import ToolError, UserError
from agent.github.client import Client, Usage
from agent.github.connect import Connection, explained

# What a job that writes gets of the App: the same as its `permissions:` in the workflow files. Never `workflows`.
GRANTS: Mapping[str, Mapping[str, str]] = {
    "propose": {"contents": "write", "issues": "write", "pull_requests": "write"},
    "publish": {"contents": "read", "issues": "write", "pull_requests": "write", "checks": "write"},
    "receive": {"contents": "read", "issues": "write"},
    "steer": {
        "actions": "write",
        "contents": "write",
        "issues": "write",
        "pull_requests": "write",
        "checks": "read",
    },
    "lock": {"contents": "write", "actions": "read"},
    "report": {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"},
}


@dataclass(frozen=True)
class Identity:
    """Under which App the agent writes: the login of its bot and its id."""

    bot: str
    app_id: int


def identity(app_id: str, slug: str) -> Identity:
    """The App as the repository's variables name it. Raises UserError when one of them says nothing usable."""
    if not app_id.isdigit():
        raise UserError(f"INFRA_AGENT_APP_ID must be the App's id, a number, got {app_id!r}")
    if not slug:
        raise UserError("INFRA_AGENT_APP_ID is set, so INFRA_AGENT_APP_SLUG must be too: the name in the App's address")
    return Identity(f"{slug}[bot]", int(app_id))


def app_token(*, app: Identity, key: str, api_url: str, repository: str, job: str) -> str:
    """A token for `repository` with what `job` needs and no more; three calls. It ends by itself after an hour.

    Raises UserError when the key or the variables are wrong, ToolError when GitHub does not give one.
    """
    try:
        auth = github.Auth.AppAuth(app.app_id, key)
        auth.create_jwt()  # a key that is none shows here, before a call
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise UserError(
            "INFRA_AGENT_APP_KEY is not a private key in PEM; paste the whole .pem file of the App"
        ) from error
    client = Client(auth=auth, api_url=api_url, usage=Usage())
    with explained("the App"):
        found = _object(client.requestJsonAndCheck("GET", "/app")[1])
    if (found.get("id"), f"{found.get('slug')}[bot]") != (app.app_id, app.bot):
        raise UserError(
            f"INFRA_AGENT_APP_KEY is a key of the App {found.get('slug')} ({found.get('id')}), but the variables name"
            f" {app.bot.removesuffix('[bot]')} ({app.app_id}); set INFRA_AGENT_APP_ID and INFRA_AGENT_APP_SLUG to match"
        )
    with explained(f"the App's installation on {repository}; install it there if it is not"):
        installation = _object(client.requestJsonAndCheck("GET", f"/repos/{repository}/installation")[1])
    asked = {"repositories": [repository.split("/")[1]], "permissions": dict(GRANTS[job])}
    with explained(f"a token of the App for {repository}"):
        path = f"/app/installations/{int(installation['id'])}/access_tokens"
        made = _object(client.requestJsonAndCheck("POST", path, input=asked)[1])
    token = made.get("token")
    if not isinstance(token, str) or not token:
        raise ToolError(f"a token of the App for {repository}: GitHub's answer holds none")
    if "workflows" in (made.get("permissions") or {}):
        raise ToolError("the App's token may change workflow files, which the agent must never be able to")
    return token


def end(connection: Connection) -> None:
    """Take the App's token back. Raises ToolError; then it ends by itself within the hour."""
    with explained("ending the App's token"):
        connection.repository.requester.requestJsonAndCheck("DELETE", "/installation/token")


def _object(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else {}
