"""A template and values in, a whole page out: header, counts, who acts, and the words for a refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import flask
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from agent.sandbox.forge import Forge
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.pages import inside
from agent.sandbox.pages.markdown import render as markdown
from agent.sandbox.pages.people import Acting, acting

if TYPE_CHECKING:
    from agent.sandbox.runner.records import Run


class Runs(Protocol):
    """What the pages ask the runner; changes go through its REST API."""

    def run(self, run_id: int) -> "Run":
        """Raises KeyError."""

    def runs(self, repo: str) -> "list[Run]": ...


@dataclass(frozen=True)
class Site:
    """What the pages are made from."""

    forge: Forge
    runner: Runs | None


@dataclass(frozen=True)
class Place:
    """One request's repository ("owner/name"), person, and the part of the site it is in."""

    site: Site
    repo: str
    tab: str
    who: Acting

    @property
    def api(self) -> str:
        return f"/repos/{self.repo}"

    def get(self, path: str, **query: str | int) -> Any:
        """A GET below the repository. Raises ApiError."""
        return inside.call(self.site.forge, "GET", self.api + path, login=self.who.login, query=query)

    def every(self, path: str, *, wrap: str = "", **query: str | int) -> list[Any]:
        """All items of a list below the repository. Raises ApiError."""
        return inside.every(self.site.forge, self.api + path, login=self.who.login, wrap=wrap, query=query)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A change as the person who acts. Raises ApiError with the API's own refusal."""
        return inside.call(self.site.forge, method, self.api + path, login=self.who.login, body=body or {})

    def link(self, path: str = "") -> str:
        return f"/{self.repo}{path}"

    def markdown(self, text: str | None, *, base: str = "", breaks: bool = True) -> Markup:
        return markdown(text or "", repo=self.repo, base=self._local(base), breaks=breaks)

    def _local(self, base: str) -> str:
        return self.link(base) if base else ""

    def local(self, url: str | None) -> str:
        """An address of the forge as a path, so that pages work under `localhost` too; others stay as they are."""
        if url and self.site.forge.url and url.startswith(self.site.forge.url + "/"):
            return url.removeprefix(self.site.forge.url)
        return url if url and urlsplit(url).scheme in ("http", "https") else ""


def place(site: Site, owner: str, repo: str, tab: str, *, maintains: bool = False) -> Place:
    """Raises ApiError 404 for a repository that is not there."""
    row = site.forge.repository_row(f"{owner}/{repo}")
    if row is None:
        raise ApiError(404, f"There is no repository {owner}/{repo} in this sandbox.")
    name = f"{row['owner']}/{row['name']}"
    return Place(site, name, tab, acting(site.forge, name, maintains=maintains))


def show(here: Place, name: str, /, *, status: int = 200, **values: Any) -> flask.Response:
    """A page of the repository."""
    issues = here.every("/issues", state="open")
    pulls = sum("pull_request" in issue for issue in issues)
    html = flask.render_template(
        name,
        here=here,
        repo=here.repo,
        who=here.who,
        counts={"issues": len(issues) - pulls, "pulls": pulls},
        markdown=here.markdown,
        local=here.local,
        back=flask.request.full_path.rstrip("?") if flask.request.method == "GET" else flask.request.path,
        **values,
    )
    return flask.Response(html, status=status, mimetype="text/html")


def explain(error: ApiError) -> str:
    """The API's refusal as a sentence or two: its message and what it says of each field."""
    details = []
    for problem in error.errors:
        if isinstance(problem, str):
            details.append(problem)
        else:
            known = problem.get("message")
            details.append(str(known or f"{problem.get('field', '')} {problem.get('code', '')}".strip()))
    return f"{error.message.rstrip('.')}: {'; '.join(details)}" if details else error.message


def attempt(do: Callable[[], str], again: Callable[[str, int], flask.Response]) -> flask.typing.ResponseReturnValue:
    """Do it and go where it says; when the API refuses, show the page `again` with the refusal and its status."""
    try:
        target = do()
    except ApiError as error:
        return again(explain(error), error.status)
    return flask.redirect(target, code=303)


def failures(pages: flask.Blueprint) -> None:
    """What a page looks like when there is none."""

    @pages.errorhandler(ApiError)
    def refused(error: ApiError) -> tuple[str, int]:
        return flask.render_template("error.html", title=f"{error.status}", text=explain(error)), error.status

    @pages.errorhandler(NotFound)
    def missing(error: NotFound) -> tuple[str, int]:
        return flask.render_template("error.html", title="404", text="There is no such page in this sandbox."), 404
