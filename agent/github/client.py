"""A call of GitHub's API in, its answer out: counted, kept within GitHub's limits, repeated where that is safe."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import github
import requests
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass, Requester

from agent.errors import ToolError
from agent.github.moods import ATTEMPTS, LOST, again

SECONDS_A_CALL = 20
# How long one job may wait for GitHub altogether: the jobs that write have ten minutes.
PATIENCE = 240.0
# What GitHub takes of one token: content-creating calls within so many seconds.
# Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
WINDOWS = ((80, 60.0), (500, 3600.0))
READS = ("GET", "HEAD")


@dataclass
class Usage:
    """What one job asked of GitHub. `left` is what GitHub said is left of the hour, `resets` its end as an epoch
    second; both are None before the first answer.
    """

    calls: int = 0
    writes: int = 0
    repeated: int = 0
    waited: float = 0.0
    left: int | None = None
    resets: float | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOWS[-1][0]))


class Client(Requester):
    """PyGithub's requester with GitHub's moods in it. Waits are bounded by `patience` seconds altogether."""

    def __init__(
        self,
        *,
        auth: github.Auth.Auth,
        api_url: str,
        usage: Usage,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], object] = sys.stderr.write,
    ) -> None:
        super().__init__(
            auth=auth,
            base_url=api_url,
            timeout=SECONDS_A_CALL,
            user_agent="infra-agent",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,
        )
        self._usage = usage
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._say = say

    def requestJson(
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002  # PyGithub's name
        cnx: HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        """One call with its repetitions. Raises ToolError when GitHub's limits leave no time for it."""
        path, failure = urlsplit(url).path, None
        for attempt in range(ATTEMPTS):
            self._make_room(verb)
            status, answered, body = LOST, dict[str, Any](), ""
            try:
                status, answered, body = super().requestJson(
                    verb, url, parameters, dict(headers or {}), input, cnx, follow_302_redirect
                )
                failure = None
            except (requests.RequestException, OSError) as error:
                failure = error
            self._learn(answered)
            asked = again(
                verb, path, status=status, headers=answered, message=_message(body), attempt=attempt, now=self._clock()
            )
            if asked is None or attempt == ATTEMPTS - 1:
                break
            self._wait(asked.seconds, f"{verb} {path}: {asked.reason}")
            self._usage.repeated += 1
        if failure is not None:
            raise failure
        return status, answered, body

    def _make_room(self, verb: str) -> None:
        """Wait until the call is within the limits that are known, then count it."""
        usage, now = self._usage, self._clock()
        if usage.left == 0 and usage.resets is not None and usage.resets > now:
            self._wait(usage.resets - now + 1, "the calls of this hour are used up")
        if verb not in READS:
            for most, seconds in WINDOWS:
                if len(usage.recent) >= most and (free := usage.recent[-most] + seconds) > self._clock():
                    self._wait(free - self._clock(), f"{most} writes within {seconds:.0f} s are all that GitHub takes")
            usage.recent.append(self._clock())
            usage.writes += 1
        usage.calls += 1

    def _learn(self, headers: dict[str, Any]) -> None:
        if headers.get("x-ratelimit-resource", "core") != "core":
            return  # search and GraphQL are counted apart
        left, resets = str(headers.get("x-ratelimit-remaining", "")), str(headers.get("x-ratelimit-reset", ""))
        if left.isdigit() and resets.isdigit():
            self._usage.left, self._usage.resets = int(left), float(resets)

    def _wait(self, seconds: float, reason: str) -> None:
        if self._usage.waited + seconds > self._patience:
            at = datetime.fromtimestamp(self._clock() + seconds, UTC).strftime("%H:%M:%S")
            raise ToolError(
                f"GitHub's API: {reason}; to go on means to wait {seconds:.0f} s, and this job waits no longer than"
                f" {self._patience:.0f} s altogether. Run the job again after {at} UTC: what is done is not done twice"
            )
        if seconds >= 1:
            self._say(f"GitHub's API: {reason}; waiting {seconds:.0f} s\n")
        self._usage.waited += seconds
        self._sleep(seconds)


def _message(body: str) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
