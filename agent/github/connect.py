"""A token and an API address in, a connection to one repository out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import github
import requests
from github.GithubRetry import GithubRetry
from github.Repository import Repository

from agent.errors import ToolError

ACTIONS_BOT = "github-actions[bot]"
ACTIONS_APP_ID = 15368
SECONDS_A_CALL = 20
MAX_RATE_LIMIT_WAIT = 120.0


@dataclass(frozen=True)
class Connection:
    """One repository as seen with one token. `bot` is the login and `app_id` the App under which the token writes."""

    repository: Repository
    name: str
    bot: str
    app_id: int


def connect(
    *, token: str, api_url: str, repository: str, bot: str = ACTIONS_BOT, app_id: int = ACTIONS_APP_ID
) -> Connection:
    """Connect without a call. What may be said twice is retried; a POST is not, it would write a comment twice."""
    retry = GithubRetry(
        total=4,
        allowed_methods=frozenset({"GET", "HEAD", "PATCH", "PUT", "DELETE"}),
        max_rate_limit_wait=MAX_RATE_LIMIT_WAIT,
        backoff_factor=0.5,
    )
    api = github.Github(
        auth=github.Auth.Token(token),
        base_url=api_url,
        timeout=SECONDS_A_CALL,
        retry=retry,
        per_page=100,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
    )
    return Connection(api.get_repo(repository), repository, bot, app_id)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn any failure of the API into a ToolError that says what was tried and what GitHub answered."""
    try:
        yield
    except github.GithubException as error:
        data = error.data if isinstance(error.data, dict) else {}
        answer = error.message or data.get("message") or "no message"
        raise ToolError(f"{what}: GitHub answered {error.status}: {answer}") from error
    except (requests.RequestException, OSError) as error:
        raise ToolError(f"{what}: GitHub could not be reached: {error}") from error
