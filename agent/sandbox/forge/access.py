"""Who calls and what an endpoint needs in, nothing or a refusal out."""

from agent.sandbox.forge.errors import no_credentials, not_found, not_granted, role_missing
from agent.sandbox.forge.store import Row, Store
from agent.sandbox.forge.tokens import Actor

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
DEFAULT_ROLE = "read"  # the repositories are public: whoever has an account may read, file issues and comment


def role_of(store: Store, repo: Row, user_id: int) -> str:
    """One of ROLES."""
    if user_id == repo["owner_id"]:
        return "admin"
    row = store.one("SELECT role FROM roles WHERE repo_id = ? AND user_id = ?", repo["id"], user_id)
    return str(row["role"]) if row else DEFAULT_ROLE


def at_least(role: str, wanted: str) -> bool:
    return ROLES.index(role) >= ROLES.index(wanted)


def may(store: Store, repo: Row, actor: Actor, *, role: str, needs: tuple[str, ...]) -> bool:
    """Whether a person's role, or a job token's grants, are enough. `needs` are alternatives; one will do."""
    if actor.limited:
        return actor.covers(repo) and any(actor.granted(need) for need in needs)
    return at_least(role_of(store, repo, actor.id), role)


def require(store: Store, repo: Row, actor: Actor | None, *, role: str, needs: tuple[str, ...]) -> None:
    """Raises ApiError: 401 for nobody (reading needs no account), 404 where the repository is hidden, else 403."""
    if actor is None:
        if role not in ("none", "read"):
            raise no_credentials()
        return
    if actor.limited:
        if not actor.covers(repo) or not any(actor.granted(need) for need in needs):
            raise not_granted()
        return
    held = role_of(store, repo, actor.id)
    if held == "none":
        raise not_found()
    if not at_least(held, role):
        raise role_missing()
