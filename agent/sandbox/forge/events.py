"""What happened in, an event with GitHub's webhook payload out, once it has been committed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agent.sandbox.forge import git
from agent.sandbox.forge.shapes.people import user
from agent.sandbox.forge.shapes.repository import full_name, repository
from agent.sandbox.forge.store import Row
from agent.sandbox.forge.tokens import Actor

if TYPE_CHECKING:
    from agent.sandbox.forge.forge import Forge


@dataclass(frozen=True)
class Event:
    """`ref` and `sha` are what GITHUB_REF and GITHUB_SHA become. `by_job_token`: such an event starts no workflow,
    dispatches excepted."""

    name: str
    action: str
    repo: str
    ref: str
    sha: str
    actor: str
    by_job_token: bool
    payload: dict[str, Any]


def emit(
    forge: "Forge",
    repo: Row,
    actor: Actor,
    name: str,
    action: str = "",
    *,
    ref: str = "",
    sha: str = "",
    extra: Mapping[str, Any],
) -> None:
    """Deliver an event after the transaction under way. Without `ref` and `sha` it is about the default branch."""
    payload = {**({"action": action} if action else {}), **extra}
    event = Event(
        name=name,
        action=action,
        repo=full_name(repo),
        ref=ref or f"refs/heads/{repo['default_branch']}",
        sha=sha or git.resolve(forge.git_dir(repo), f"refs/heads/{repo['default_branch']}") or "",
        actor=actor.login,
        by_job_token=actor.is_job,
        payload={"repository": repository(forge, repo), "sender": user(forge, actor.id), **payload},
    )
    letter = forge.db.run("INSERT INTO outbox (event) VALUES (?)", json.dumps(asdict(event)))
    forge.db.after_commit(lambda: forge.deliver(event, letter))
