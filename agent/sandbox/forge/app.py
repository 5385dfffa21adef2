"""A forge in, the Flask app that serves its REST and git out: ordered failures, the log of calls, errors as JSON."""

import time
from typing import TYPE_CHECKING

import flask
from werkzeug.exceptions import HTTPException

from agent.sandbox.forge import (
    activity,
    apps,
    checks,
    comments,
    commits,
    contents,
    environments,
    faults,
    forks,
    git_data,
    graphql,
    issues,
    labels,
    protection,
    pulls,
    reactions,
    repositories,
    reviews,
    search,
    statuses,
)
from agent.sandbox.forge.errors import ApiError, not_found
from agent.sandbox.forge.http import API, Answer, Route, blueprint, current_actor, render
from agent.sandbox.forge.limits import headers as limit_headers
from agent.sandbox.forge.limits import limits
from agent.sandbox.forge.smart_http import smart_http

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

ROUTES: tuple[Route, ...] = (
    *repositories.ROUTES, *issues.ROUTES, *comments.ROUTES, *labels.ROUTES, *reactions.ROUTES, *pulls.ROUTES,
    *reviews.ROUTES, *checks.ROUTES, *statuses.ROUTES, *git_data.ROUTES, *protection.ROUTES, *commits.ROUTES,
    *contents.ROUTES, *search.ROUTES, *environments.ROUTES, *forks.ROUTES, *apps.ROUTES,
    *activity.ROUTES,
)  # fmt: skip


def make_app(forge: "Forge") -> flask.Flask:
    app = flask.Flask("forge", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # flask types the default provider as its base class
    app.register_blueprint(blueprint(forge, "api", ROUTES))
    app.register_blueprint(graphql.blueprint(forge))
    app.register_blueprint(smart_http(forge))

    @app.before_request
    def begin() -> flask.Response | None:
        flask.g.forge_started = time.time()
        fault = forge.faults.take(flask.request.method, flask.request.path)
        flask.g.forge_fault = fault
        if fault is None or fault.status == "cut after":
            return None
        if fault.status == "cut":
            faults.cut()
            return flask.Response(status=500)
        return faults.answer(fault)

    @app.after_request
    def end(response: flask.Response) -> flask.Response:
        if flask.request.path == graphql.PATH or flask.request.path.startswith(API + "/"):
            _account_for(forge, response)
        fault = flask.g.get("forge_fault")
        if fault is not None and fault.status == "cut after":
            faults.cut()
        return response

    @app.errorhandler(ApiError)
    def refuse(error: ApiError) -> flask.Response:
        return render(Answer(error.body(), error.status))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> flask.Response | HTTPException:
        if flask.request.path != graphql.PATH and not flask.request.path.startswith(API + "/"):
            return error
        status = 404 if error.code == 405 else error.code or 500
        body = not_found().body() if status == 404 else ApiError(status, error.name).body()
        return render(Answer(body, status))

    return app


def _account_for(forge: "Forge", response: flask.Response) -> None:
    """Write the call into the log and the rate-limit figures into the answer."""
    at = flask.g.forge_started
    try:
        actor = current_actor(forge)
    except ApiError:
        actor = None
    login = actor.login if actor else ""
    forge.count_call(login, at)
    forge.db.run(
        "INSERT INTO api_calls (at, method, path, status, actor, run_id) VALUES (?, ?, ?, ?, ?, ?)",
        at, flask.request.method, flask.request.path.removeprefix(API), response.status_code, login,
        actor.run_id if actor else None,
    )  # fmt: skip
    for name, value in limit_headers(limits(forge, actor, at)).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-GitHub-Media-Type", "github.v3; format=json")
