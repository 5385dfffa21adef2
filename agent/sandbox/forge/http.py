"""Routes as data in, a Flask blueprint below /api/v3 out: authentication, permission, body, pages, errors."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import flask

from agent.sandbox.forge.access import require
from agent.sandbox.forge.errors import ApiError, bad_credentials, no_credentials, not_found
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

API = "/api/v3"
MAX_PAGE = 100
DEFAULT_PAGE = 30


@dataclass(frozen=True)
class Answer:
    """What a handler gives back; `data` None means an empty body."""

    data: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass(frozen=True)
class Call:
    """One request that was let in. `path` is below /api/v3."""

    forge: "Forge"
    actor: Actor | None
    found: Row | None
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    accept: str = ""
    bearer: str | None = None

    @property
    def repo(self) -> Row:
        assert self.found is not None, "the route has no repository in its path"
        return self.found

    @property
    def who(self) -> Actor:
        """The caller. Raises ApiError 401 for an anonymous one."""
        if self.actor is None:
            raise no_credentials()
        return self.actor


Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Route:
    """`role` is what a person needs on the repository ("none": nobody has to sign in, "account": any account).

    `needs` are the alternatives for a job's token, each "permission:level"; no alternative means that a job's token
    never may. Source of the permissions: GitHub's table for server-to-server tokens (github/docs).
    """

    method: str
    path: str
    handler: Handler
    role: str
    needs: tuple[str, ...] = ()


def blueprint(forge: "Forge", name: str, routes: Iterable[Route]) -> flask.Blueprint:
    """The routes as a blueprint. A `<owner>/<repo>` in a path must exist, else 404."""
    made = flask.Blueprint(name, __name__, url_prefix=API)
    for number, route in enumerate(routes):
        made.add_url_rule(
            route.path,
            endpoint=f"{number}-{route.handler.__name__}",
            view_func=_view(forge, route),
            methods=[route.method],
        )
    return made


def _view(forge: "Forge", route: Route) -> Callable[..., flask.Response]:
    def view(**arguments: Any) -> flask.Response:
        owner, name = arguments.pop("owner", None), arguments.pop("repo", None)
        caller = current_actor(forge)
        found = None
        if owner is not None and name is not None:
            found = forge.repository_row(f"{owner}/{name}")
            if found is None:
                raise not_found()
            require(forge.db, found, caller, role=route.role, needs=route.needs)
        elif route.role != "none" and caller is None:
            raise no_credentials()
        answer = route.handler(
            Call(
                forge=forge,
                actor=caller,
                found=found,
                path=flask.request.path.removeprefix(API),
                query=dict(flask.request.args),
                body=_body() if route.method in ("POST", "PUT", "PATCH", "DELETE") else {},
                accept=flask.request.headers.get("Accept", ""),
                bearer=token_of(flask.request.headers.get("Authorization", "")),
            ),
            **arguments,
        )
        return render(answer)

    return view


def render(answer: Answer) -> flask.Response:
    if answer.raw is not None:
        made = flask.Response(answer.raw, status=answer.status)
    elif answer.data is None:
        made = flask.Response(b"", status=answer.status)
        made.headers.pop("Content-Type", None)
    else:
        made = flask.jsonify(answer.data)
        made.status_code = answer.status
        made.headers["Content-Type"] = "application/json; charset=utf-8"
    made.headers.extend(dict(answer.headers))
    return made


def current_actor(forge: "Forge") -> Actor | None:
    """The holder of the request's token; None when there is none. Raises ApiError 401 for one that is no good."""
    if "forge_actor" not in flask.g:
        token = token_of(flask.request.headers.get("Authorization", ""))
        # an App's own signed token is no account's; who signed it, its endpoints find out
        signed = token is not None and token.count(".") == 2
        flask.g.forge_actor = None if token is None or signed else forge.actor(token)
    found: Actor | None = flask.g.forge_actor
    return found


def token_of(header: str) -> str | None:
    """The token in an Authorization header: `token`, `Bearer`, or `Basic` with the token as the password."""
    scheme, _, value = header.strip().partition(" ")
    if not scheme:
        return None
    if scheme.lower() in ("token", "bearer"):
        return value.strip()
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise bad_credentials() from error
        return password or name  # git's users put it in either place
    raise bad_credentials()


def page(call: Call, rows: Sequence[Any], shape: Callable[[Any], Any], *, wrap: str = "") -> Answer:
    """One page of `rows`, shaped, with GitHub's Link header. `wrap` puts the list under that key beside a count."""
    size = min(max(_number(call, "per_page", DEFAULT_PAGE), 1), MAX_PAGE)
    wanted = max(_number(call, "page", 1), 1)
    last = max((len(rows) + size - 1) // size, 1)
    shown = [shape(row) for row in rows[(wanted - 1) * size : wanted * size]]
    links: dict[str, int] = {}
    if wanted > 1:
        links |= {"first": 1, "prev": min(wanted - 1, last)}
    if wanted < last:
        links |= {"next": wanted + 1, "last": last}
    headers = {}
    if links:
        headers["Link"] = ", ".join(
            f'<{call.forge.url}{API}{call.path}?{urlencode({**call.query, "page": number})}>; rel="{relation}"'
            for relation, number in links.items()
        )
    return Answer({"total_count": len(rows), wrap: shown} if wrap else shown, headers=headers)


def _number(call: Call, name: str, default: int) -> int:
    try:
        return int(call.query.get(name, default))
    except ValueError:
        return default


def _body() -> Mapping[str, Any]:
    data = flask.request.get_data()
    if not data:
        return {}
    answer = flask.request.get_json(force=True, silent=True)
    if answer is None:
        raise ApiError(400, "Problems parsing JSON")
    if not isinstance(answer, dict):
        return {"": answer}
    return answer
