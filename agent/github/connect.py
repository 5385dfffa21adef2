"""A token and an API address in, a connection to one repository out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import github
import requests
from github.Repository import Repository

from agent.errors import ToolError
from agent.github.client import PATIENCE, Client, Usage

ACTIONS_BOT = "github-actions[bot]"
ACTIONS_APP_ID = 15368
# What GitHub says -> what a person has to do about it.
HINTS = {
    "not permitted to create or approve pull requests": "turn on Settings > Actions > General > Workflow permissions >"
    ' "Allow GitHub Actions to create and approve pull requests", or use an App (docs/operations.md)',
    "Resource not accessible by integration": "the job's token lacks a permission; compare `permissions:` of the job"
    " with docs/security.md",
    "Bad credentials": "the token is no good any more; a job's token ends with the job, so run the workflow again",
}


@dataclass(frozen=True)
class Connection:
    """One repository as seen with one token. `bot` is the login and `app_id` the App under which the agent writes;
    `usage` counts the calls. `seals` is false where the agent has to write under another name than the one whose seals
    count.
    """

    repository: Repository
    name: str
    bot: str
    app_id: int
    usage: Usage = field(default_factory=Usage, compare=False)
    seals: bool = True


def connect(
    *,
    token: str,
    api_url: str,
    repository: str,
    bot: str = ACTIONS_BOT,
    app_id: int = ACTIONS_APP_ID,
    seals: bool = True,
    patience: float = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
) -> Connection:
    """Connect without a call. `patience` is how many seconds all waits for GitHub may take together."""
    usage = Usage()
    client = Client(auth=github.Auth.Token(token), api_url=api_url, usage=usage, patience=patience, sleep=sleep)
    found = Repository(client, url=f"/repos/{repository}", completed=False)
    return Connection(found, repository, bot, app_id, usage, seals)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn any failure of the API into a ToolError that says what was tried, what GitHub answered and, where that is
    known, what to do about it.
    """
    try:
        yield
    except github.GithubException as error:
        data = error.data if isinstance(error.data, dict) else {}
        answer = error.message or data.get("message") or "no message"
        hint = next((f"; {hint}" for said, hint in HINTS.items() if said in str(answer)), "")
        raise ToolError(f"{what}: GitHub answered {error.status}: {answer}{hint}") from error
    except (requests.RequestException, OSError) as error:
        raise ToolError(f"{what}: GitHub could not be reached: {error}") from error
