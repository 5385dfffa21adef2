"""Who calls and when in, GitHub's rate-limit figures out; they are counted and never enforced."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge

HOUR = 3600
ACCOUNT, JOB, NOBODY = 5000, 15_000, 60


@dataclass(frozen=True)
class Limits:
    """Requests an hour. `reset` is the epoch second at which the hour ends."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


def limits(forge: "Forge", actor: Actor | None, at: float) -> Limits:
    start = int(at // HOUR) * HOUR
    used = forge.calls_since(actor.login if actor else "", start)
    limit = NOBODY if actor is None else (JOB if actor.limited else ACCOUNT)
    return Limits(limit, used, start + HOUR)


def headers(found: Limits) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(found.limit),
        "X-RateLimit-Remaining": str(found.remaining),
        "X-RateLimit-Used": str(found.used),
        "X-RateLimit-Reset": str(found.reset),
        "X-RateLimit-Resource": "core",
    }
