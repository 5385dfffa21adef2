"""A path of the REST API and a person in, the API's own answer out: the same handlers and rules, without a socket."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import flask

from agent.sandbox.forge.forge import Forge
from agent.sandbox.forge.http import API
from agent.sandbox.pages.people import actor

PAGE = 100
MAX_PAGES = 20


def call(
    forge: Forge, method: str, path: str, *, login: str, body: Mapping[str, Any] | None = None, **query: str | int
) -> Any:
    """The answer's JSON (None for an empty one). Raises ApiError as the handler does, werkzeug's NotFound for no route.

    Only the handler runs, not the hooks around a request: what a page reads is no API call of the pipeline's.
    """
    target = f"{API}{path}" + (f"?{urlencode(query)}" if query else "")
    with forge.app.app_context(), forge.app.test_request_context(target, method=method, json=body):
        flask.g.forge_actor = actor(forge, login)
        made = forge.app.make_response(forge.app.dispatch_request())
        return made.get_json(silent=True) if made.data else None


def every(forge: Forge, path: str, *, login: str, wrap: str = "", **query: str | int) -> list[Any]:
    """All items of a paged list, at most PAGE * MAX_PAGES. `wrap` is the key under which the list stands."""
    found: list[Any] = []
    for number in range(1, MAX_PAGES + 1):
        answer = call(forge, "GET", path, login=login, per_page=PAGE, page=number, **query)
        items = answer[wrap] if wrap else answer
        found.extend(items)
        if len(items) < PAGE:
            break
    return found
