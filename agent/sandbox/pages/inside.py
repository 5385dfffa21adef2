"""A path of the REST API and a person in, the API's own answer out: the same handlers and rules, without a socket."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import flask

from agent.sandbox.forge import Forge
from agent.sandbox.forge.http import API, Call
from agent.sandbox.forge.labels import find, put_labels

PAGE = 100
MAX_PAGES = 20


def call(
    forge: Forge,
    method: str,
    path: str,
    *,
    login: str,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, str | int] | None = None,
) -> Any:
    """The answer's JSON (None for an empty one). Raises ApiError as the handler does, werkzeug's NotFound for no route.

    Only the handler runs, not the hooks around a request: what a page reads is no API call of the pipeline's.
    """
    target = f"{API}{path}" + (f"?{urlencode(query)}" if query else "")
    with forge.app.app_context(), forge.app.test_request_context(target, method=method, json=body):
        flask.g.forge_actor = forge.account(login)
        made = forge.app.make_response(forge.app.dispatch_request())
        return made.get_json(silent=True) if made.data else None


def every(
    forge: Forge, path: str, *, login: str, wrap: str = "", query: Mapping[str, str | int] | None = None
) -> list[Any]:
    """All items of a paged list, at most PAGE * MAX_PAGES. `wrap` is the key under which the list stands."""
    found: list[Any] = []
    for number in range(1, MAX_PAGES + 1):
        answer = call(forge, "GET", path, login=login, query={**(query or {}), "per_page": PAGE, "page": number})
        items = answer[wrap] if wrap else answer
        found.extend(items)
        if len(items) < PAGE:
            break
    return found


def label_by_form(forge: Forge, repo: str, number: int, *, login: str, labels: Sequence[str]) -> None:
    """Put an issue form's labels on the issue just filed with it, as GitHub does for whoever files it.

    A person who may not label gets them all the same: the form, not the person, chose them. Labels that the repository
    does not have are left out.
    """
    row = forge.repository_row(repo)
    assert row is not None, "the issue was made in this repository"
    issue = forge.db.get("SELECT * FROM issues WHERE repo_id = ? AND number = ?", row["id"], number)
    made = Call(forge=forge, actor=forge.account(login), found=row, path="", query={}, body={})
    with forge.db.write():
        put_labels(made, issue, add=[name for name in labels if find(forge, row, name) is not None])
