"""The comments on a request -> what people who may have said: answers, overrides, approvals, a confirmation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent import commands, permit, preflight
from agent.clean import LIMIT, clean
from agent.domain import Approval, Override
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.render.answers import asked_of
from agent.render.page import find_marker
from agent.scope import STATEFUL

# Characters of all answers together that are read: those of two issues.
LONGEST = 2 * LIMIT
# One address of several: a key in quotes may hold spaces.
ADDRESS = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')


@dataclass(frozen=True)
class Steering:
    """In the order in which it was said; of overrides of one rule, and approvals of one address, the last counts.

    `confirmed_by` confirmed after the last answer; `shown` is the hash of the request that our status comment shows.
    `answered_by` gave the answers that are read; `left_out` counts answers that are too long, together with those after
    them, to be read.
    """

    answers: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    approvals: tuple[Approval, ...] = ()
    confirmed_by: str = ""
    shown: str = ""
    left_out: int = 0
    answered_by: tuple[str, ...] = ()


class Rights:
    """Who may say what, asked of the API at most once a person. No answer is a no, or a Denied."""

    def __init__(self, connection: Connection, guardrails: Guardrails) -> None:
        self.connection = connection
        self.guardrails = guardrails
        self._permissions: dict[str, str] = {connection.bot: "none"}
        self._roles: dict[str, bool] = {}
        self._teams: dict[tuple[str, str], bool] = {}

    def permission(self, login: str) -> str:
        if login not in self._permissions:
            self._permissions[login] = read.permission(self.connection, login)
        return self._permissions[login]

    def may_write(self, login: str) -> bool:
        return self.permission(login) in read.MAY_WRITE

    def why_no_override(self, login: str, rule: str) -> str:
        """Why `login` may not override `rule`; empty when they may."""
        if why := preflight.never(rule):
            return why
        return "" if self._is_named(login, rule) else f"{rule} is not yours to override: {self._who(rule)}"

    def why_no_approval(self, login: str) -> str:
        """Why `login` may not approve a destroy; empty when they may."""
        if self.may_write(login) and (self._maintains(login) or self._is_named(login, STATEFUL)):
            return ""
        who = self._who(STATEFUL, others="people with maintain permission")
        return f"{login} may not approve a destroy: {who}"

    def why_no_unlock(self, login: str) -> str:
        """Why `login` may not release a lock; empty when they may."""
        if self.may_write(login) and self._maintains(login):
            return ""
        return f"{login} may not release a lock: people with maintain permission can"

    def _is_named(self, login: str, rule: str) -> bool:
        if not self.may_write(login):
            return False
        if permit.may_override(self.guardrails, rule, login, ()):
            return True
        teams = {
            team for name in permit.overriders(self.guardrails, rule) if (team := name.removeprefix("team ")) != name
        }
        return any(
            permit.may_override(self.guardrails, rule, login, (team,))
            for team in sorted(teams)
            if self._in_team(login, team)
        )

    def _maintains(self, login: str) -> bool:
        if login not in self._roles:
            self._roles[login] = read.maintains(self.connection, login)
        return self._roles[login]

    def _in_team(self, login: str, team: str) -> bool:
        if (login, team) not in self._teams:
            self._teams[login, team] = read.in_team(self.connection, login, team)
        return self._teams[login, team]

    def _who(self, rule: str, *, others: str = "") -> str:
        who = [*([others] if others else []), *permit.overriders(self.guardrails, rule)]
        return f"{', '.join(who)} can" if who else "policies/guardrails.yml names nobody who can"


def steering(
    connection: Connection, places: Iterable[int], *, rights: Rights, label: str, until: int | None
) -> Steering:
    """What was said on the issue (the first of `places`) and on its pull request, up to the comment `until`.

    The label starts afresh: whoever edits the form and labels again means the form, so answers and overrides count
    since then. An approval names the commit that it is for. A comment that was edited counts for nothing: anybody who
    may write can edit those of others.
    """
    places = tuple(dict.fromkeys(places))
    since = read.labelled_at(connection, places[0], label)
    found = [comment for place in places for comment in read.comments(connection, place)]
    answers: list[str] = []
    answered_by: list[str] = []
    overrides: dict[str, Override] = {}
    approvals: dict[tuple[str, str], Approval] = {}
    confirmed_by = shown = ""
    for comment in sorted(found, key=lambda comment: comment.id):
        if comment.author == connection.bot and find_marker(comment.body) == "status":
            shown = asked_of(comment.body)
            continue
        command = commands.parse(comment.body)
        late = until is not None and comment.id > until
        if late or comment.edited or not comment.by_person or not isinstance(command, commands.Command):
            continue
        stale = since is not None and comment.created_at < since
        match command.name:
            case "revise" if not stale and rights.may_write(comment.author):
                answers.append(clean(command.text).text)
                answered_by.append(comment.author)
                confirmed_by = ""
                # What is written anew is reviewed anew.
                overrides = {rule: one for rule, one in overrides.items() if not rule.startswith(preflight.REVIEW)}
            case "confirm" if not stale and rights.may_write(comment.author):
                confirmed_by = comment.author
            case "override" if not stale:
                rule, reason = command.text.split(maxsplit=1)
                seen = clean(reason).text.strip()
                if seen and not rights.why_no_override(comment.author, rule):
                    overrides.pop(rule, None)
                    overrides[rule] = Override(rule=rule, reason=seen, by=comment.author, comment_id=comment.id)
            case "approve-destroy":
                commit, addresses = command.text.split(maxsplit=1)
                for address in ADDRESS.findall(addresses) if not rights.why_no_approval(comment.author) else ():
                    approvals[commit, address] = Approval(
                        commit=commit, address=address, by=comment.author, comment_id=comment.id
                    )
    kept = _newest(answers)
    return Steering(
        kept,
        tuple(overrides.values()),
        tuple(approvals.values()),
        confirmed_by,
        shown,
        len(answers) - len(kept),
        tuple(dict.fromkeys(answered_by[len(answers) - len(kept) :])),
    )


def _newest(answers: Sequence[str]) -> tuple[str, ...]:
    """The newest answers that are LONGEST characters together; of two, the later one counts anyway."""
    kept: list[str] = []
    left = LONGEST
    for answer in reversed(answers):
        left -= len(answer)
        if left < 0:
            break
        kept.insert(0, answer)
    return tuple(kept)
