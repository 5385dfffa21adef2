"""How a repository on GitHub is set up -> answers as they came; and the labels that are made when they are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import github
import requests

from agent.errors import ToolError
from agent.github.connect import Connection, explained
from agent.github.write import outgoing

PAGES = 20
PER_PAGE = 100
# Without the right to look, GitHub says one of these, for some things the last one.
REFUSED = (401, 403, 404)


@dataclass(frozen=True)
class Answer:
    """What GitHub answered: `data` when `status` is 200, else `message` says why not."""

    status: int
    data: Any = None
    message: str = ""

    @property
    def known(self) -> bool:
        return self.status == 200


def look(connection: Connection, path: str) -> Answer:
    """GET `/repos/<owner>/<name>/<path>`, or `path` itself when it starts with a slash. A refusal is an answer too.

    Raises ToolError for anything else that is no answer: GitHub could not be reached, or failed.
    """
    url = path if path.startswith("/") else f"/repos/{connection.name}/{path}".rstrip("/")
    try:
        _, data = connection.repository.requester.requestJsonAndCheck("GET", url)
    except github.GithubException as error:
        if error.status not in REFUSED:
            raise ToolError(f"{url}: GitHub answered {error.status}: {error.message or 'no message'}") from error
        said = error.data.get("message", "") if isinstance(error.data, dict) else ""
        return Answer(error.status, message=str(said or error.message or "no message"))
    except (requests.RequestException, OSError) as error:
        raise ToolError(f"{url}: GitHub could not be reached: {error}") from error
    return Answer(200, data)


def look_all(connection: Connection, path: str, *, inside: str = "") -> Answer:
    """As `look`, for a list on all its pages; `inside` names the field that holds it."""
    found: list[Any] = []
    for number in range(1, PAGES + 1):
        answer = look(connection, f"{path}?per_page={PER_PAGE}&page={number}")
        if not answer.known:
            return answer
        part = answer.data[inside] if inside else answer.data
        found += part
        if len(part) < PER_PAGE:
            return Answer(200, found)
    raise ToolError(f"{path}: more than {PAGES * PER_PAGE} entries; not read")


def make_labels(connection: Connection, wanted: Mapping[str, tuple[str, str]]) -> tuple[str, ...]:
    """Make those of `wanted` (name -> colour, description) that are missing; returns them. Others stay as they are."""
    there = look_all(connection, "labels")
    if not there.known:
        raise ToolError(f"the labels of {connection.name}: GitHub answered {there.status}: {there.message}")
    names = {str(label["name"]).lower() for label in there.data}
    missing = [name for name in wanted if name.lower() not in names]
    for name in missing:
        colour, text = wanted[name]
        with explained(f"making the label {name}"):
            connection.repository.create_label(outgoing(name), colour, outgoing(text))
    return tuple(missing)
