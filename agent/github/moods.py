"""One answer of GitHub's API in, whether and when the same call may be made again out. Pure.

GitHub refuses what is over a limit before it does anything, so such a call may be repeated whatever it was. After any
other failure nobody knows whether it was done, so only a call that does the same thing twice may be repeated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

LOST = 0  # the status of a call whose answer never came
ATTEMPTS = 5
FIRST_PAUSE = 0.5
LIMIT_PAUSE = 60.0  # GitHub: at least a minute, then longer each time, when the answer names no time
ADDS_UP = re.compile(r"/check-runs/\d+$")  # a PATCH here appends annotations
OF_A_REF = re.compile(r"/git/refs/")  # somebody else may have made the ref again meanwhile: a lock


@dataclass(frozen=True)
class Again:
    """Make the call again after `seconds`. `reason` is for the log."""

    seconds: float
    reason: str


def again(
    verb: str, path: str, *, status: int, headers: Mapping[str, str], message: str, attempt: int, now: float
) -> Again | None:
    """What to do about an answer; None when it stands. `headers` in lower case, `attempt` counts from 0, `now` is an
    epoch second.
    """
    if limited(status, headers, message):
        return Again(
            _until(headers, attempt, now), "a secondary rate limit" if _secondary(headers) else "its rate limit"
        )
    if (status == LOST or status >= 500) and repeatable(verb, path):
        what = "no answer" if status == LOST else f"an answer {status}"
        return Again(FIRST_PAUSE * 2**attempt, what)
    return None


def repeatable(verb: str, path: str) -> bool:
    """Whether the call does the same thing when it is made twice. A POST never does: it would comment twice."""
    if verb in ("GET", "HEAD", "PUT"):
        return True
    if verb == "PATCH":
        return not ADDS_UP.search(path)
    return verb == "DELETE" and not OF_A_REF.search(path)


def limited(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether GitHub refused because of a limit, primary or secondary."""
    if status == 429:
        return True
    said = message.lower()
    return status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in said
        or "abuse detection" in said
    )


def _secondary(headers: Mapping[str, str]) -> bool:
    return headers.get("x-ratelimit-remaining") != "0"


def _until(headers: Mapping[str, str], attempt: int, now: float) -> float:
    asked = headers.get("retry-after", "")
    if asked.isdigit():
        return float(asked)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(float(reset) - now, 0.0) + 1.0
    return float(LIMIT_PAUSE * 2**attempt)
