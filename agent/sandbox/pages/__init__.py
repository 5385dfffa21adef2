"""The forge and the runner in, a blueprint out that shows them at GitHub's own addresses."""

import flask

from agent.sandbox.forge import Forge
from agent.sandbox.pages import actions, code, issues, pulls, writing
from agent.sandbox.pages.conversation import reactions
from agent.sandbox.pages.filters import FILTERS
from agent.sandbox.pages.guard import protect
from agent.sandbox.pages.mermaid import script
from agent.sandbox.pages.site import Runs, Site, failures

__all__ = ["pages"]


def pages(forge: Forge, runner: Runs | None) -> flask.Blueprint:
    """The pages of every repository of `forge`; without a runner there are no pages for runs.

    They act as the person chosen in the header and go through the REST API's own handlers, so that nothing is allowed
    here which is refused there. Only requests to 127.0.0.1 or localhost, and forms of these pages, are let in.
    """
    made = flask.Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/_pages"
    )
    site = Site(forge, runner)
    protect(made)
    failures(made)
    for part in (code, issues, pulls, actions, writing):
        part.add(made, site)

    @made.get("/_pages/mermaid.js")
    def mermaid() -> flask.typing.ResponseReturnValue:
        path = script()
        return flask.send_file(path, mimetype="text/javascript", max_age=86_400) if path else ("", 404)

    @made.record_once
    def words(state: flask.blueprints.BlueprintSetupState) -> None:
        state.app.jinja_env.filters.update(FILTERS)
        state.app.jinja_env.globals.update({"reactions_of": reactions, "has_mermaid": script() is not None})

    return made
