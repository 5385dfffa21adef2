"""The forge's users and a request's cookie -> the person as whom the pages act."""

from dataclasses import dataclass

import flask

from agent.sandbox.forge import Forge
from agent.sandbox.forge.access import ROLES, role_of

COOKIE = "acting_as"


@dataclass(frozen=True)
class Acting:
    """Who acts on this page, who else could, and whether that was chosen or is the page's default."""

    login: str
    chosen: bool
    people: tuple[str, ...]


def people(forge: Forge) -> list[str]:
    """Logins of the people (not the bots), oldest first."""
    return [str(row["login"]) for row in forge.db.all("SELECT login FROM users WHERE kind = 'User' ORDER BY id")]


def acting(forge: Forge, repo: str, *, maintains: bool) -> Acting:
    """The cookie's person, else the page's default: who maintains the repository, or who merely asks for things."""
    logins = people(forge)
    wanted = flask.request.cookies.get(COOKIE, "")
    if wanted in logins:
        return Acting(wanted, True, tuple(logins))
    row = forge.repository_row(repo) if repo else None
    if row is None or not logins:
        return Acting(logins[0] if logins else "", False, tuple(logins))
    ranks = {login: ROLES.index(role_of(forge.db, row, forge.account(login).id)) for login in logins}
    candidates = {login: rank for login, rank in ranks.items() if login.lower() != repo.partition("/")[0].lower()}
    best = (max if maintains else min)(candidates or ranks, key=lambda login: ranks[login])
    return Acting(best, False, tuple(logins))
