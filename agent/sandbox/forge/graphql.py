"""GraphQL: the few operations that the agent uses. Any other query is an error, as a wrong one is on GitHub."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import flask

from agent.sandbox.forge import kept
from agent.sandbox.forge.access import at_least, may, role_of
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.forge.http import current_actor
from agent.sandbox.forge.protection import PROTECTION
from agent.sandbox.forge.shapes.pull import find as find_pull
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

PATH = "/api/graphql"
CLASSIFIERS = ("ABUSE", "DUPLICATE", "LOW_QUALITY", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM")
COMMENT = re.compile(r"0:IssueComment(\d+)")


class _Refused(Exception):
    """An error in GraphQL's way: the answer is a 200 all the same."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def blueprint(forge: "Forge") -> flask.Blueprint:
    """POST /api/graphql, where GitHub Enterprise Server has it and GITHUB_GRAPHQL_URL points."""
    made = flask.Blueprint("graphql", __name__)

    @made.post(PATH)
    def answer() -> flask.Response:
        actor = current_actor(forge)
        if actor is None:
            raise ApiError(401, "This endpoint requires you to be authenticated.")
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise ApiError(400, "A query attribute must be specified and must be a string.")
        query = " ".join(body["query"].split())
        try:
            operation = next((run for shape, run in OPERATIONS if re.fullmatch(shape, query)), None)
            if operation is None:
                raise _Refused("undefinedField", "this sandbox knows no such query")
            return flask.jsonify({"data": operation(forge, actor, body.get("variables") or {})})
        except _Refused as error:
            return flask.jsonify({"data": None, "errors": [{"type": error.kind, "message": str(error)}]})

    return made


def _minimize(forge: "Forge", actor: Actor, variables: Mapping[str, Any]) -> dict[str, Any]:
    given = variables.get("input") or {}
    if set(given) - {"subjectId", "classifier", "clientMutationId"} or given.get("classifier") not in CLASSIFIERS:
        raise _Refused("argumentNotAccepted", "Variable $input of type MinimizeCommentInput! has an invalid value")
    row = _comment(forge, str(given.get("subjectId")))
    repo = forge.db.get("SELECT * FROM repositories WHERE id = ?", row["repo_id"])
    if not may(forge.db, repo, actor, role="write", needs=("issues:write", "pull_requests:write")):
        raise _Refused("FORBIDDEN", "Resource not accessible by integration")
    forge.db.run("INSERT OR REPLACE INTO minimized VALUES (?, ?)", row["id"], given["classifier"])
    return {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}


def _comment(forge: "Forge", node: str) -> Row:
    try:
        found = COMMENT.fullmatch(base64.b64decode(node, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        found = None
    row = forge.db.one("SELECT * FROM comments WHERE id = ?", int(found[1])) if found else None
    if row is None:
        raise _Refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")
    return row


def _editor(forge: "Forge", actor: Actor, variables: Mapping[str, Any]) -> dict[str, Any]:
    row = _comment(forge, str(variables.get("id")))
    repo = forge.db.get("SELECT * FROM repositories WHERE id = ?", row["repo_id"])
    if not may(forge.db, repo, actor, role="read", needs=("issues:read", "pull_requests:read")):
        raise _Refused("FORBIDDEN", "Resource not accessible by integration")
    edit = forge.db.one("SELECT * FROM comment_editors WHERE comment_id = ?", row["id"])
    if edit is None:
        return {"node": {"lastEditedAt": None, "editor": None}}
    who = forge.user_row(edit["user_id"])
    # GraphQL names an App's account without the suffix that REST gives it.
    editor = {"__typename": who["kind"], "login": who["login"].removesuffix("[bot]")}
    return {"node": {"lastEditedAt": edit["edited_at"], "editor": editor}}


def _decision(forge: "Forge", actor: Actor, variables: Mapping[str, Any]) -> dict[str, Any]:
    name, number = f"{variables.get('owner')}/{variables.get('name')}", variables.get("number")
    repo = forge.repository_row(name)
    if repo is None or not may(forge.db, repo, actor, role="read", needs=("pull_requests:read",)):
        raise _Refused("NOT_FOUND", f"Could not resolve to a Repository with the name '{name}'.")
    row = find_pull(forge, repo, number) if isinstance(number, int) else None
    if row is None:
        raise _Refused("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return {"repository": {"pullRequest": {"reviewDecision": _decided(forge, repo, row)}}}


def _decided(forge: "Forge", repo: Row, pull: Row) -> str | None:
    """What the last yes or no of each reviewer makes together, under the protection of the base branch; null where
    that asks for no review and nobody said no.
    """
    said: dict[int, Row] = {}
    sql = "SELECT * FROM reviews WHERE issue_id = ? AND state IN ('APPROVED', 'CHANGES_REQUESTED', 'DISMISSED')"
    for review in forge.db.all(f"{sql} ORDER BY id", pull["issue_id"]):
        if at_least(role_of(forge.db, repo, review["user_id"]), "write"):
            said[review["user_id"]] = review
    if any(review["state"] == "CHANGES_REQUESTED" for review in said.values()):
        return "CHANGES_REQUESTED"
    found = kept.one(forge, repo, PROTECTION, pull["base_ref"])
    asked = found.value["required_pull_request_reviews"] if found else None
    if asked is None:
        return None
    fresh = bool(asked.get("dismiss_stale_reviews"))
    approved = [
        review
        for review in said.values()
        if review["state"] == "APPROVED" and (not fresh or review["commit_id"] == pull["head_sha"])
    ]
    needed = int(asked.get("required_approving_review_count", 1))
    return "APPROVED" if len(approved) >= needed else "REVIEW_REQUIRED"


Operation = Callable[["Forge", Actor, Mapping[str, Any]], dict[str, Any]]
OPERATIONS: tuple[tuple[str, Operation], ...] = (
    (
        r"mutation \w+\(\$input: MinimizeCommentInput!\) "
        r"\{ minimizeComment\(input: \$input\) \{ minimizedComment \{ isMinimized \} \} \}",
        _minimize,
    ),
    (
        r"query ?\w*\(\$id: ID!\) "
        r"\{ node\(id: \$id\) \{ \.\.\. on IssueComment \{ lastEditedAt editor \{ __typename login \} \} \} \}",
        _editor,
    ),
    (
        r"query ?\w*\(\$owner: String!, \$name: String!, \$number: Int!\) "
        r"\{ repository\(owner: \$owner, name: \$name\) "
        r"\{ pullRequest\(number: \$number\) \{ reviewDecision \} \} \}",
        _decision,
    ),
)
