"""The comments on a request -> what people who may have said: answers, overrides, approvals, a confirmation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent import commands, permit, preflight
from agent.clean import LIMIT, clean
from agent.domain import Approval, Confirmed, Override
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.confirmed import decoded
from agent.render.answers import asked_of
from agent.render.page import find_marker
from agent.scope import STATEFUL

# Characters of all answers together that are read: those of two issues.
LONGEST = 2 * LIMIT
# One address of several: a key in quotes may hold spaces.
ADDRESS = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')


@dataclass(frozen=True)
class Steering:
    """In the order in which it was said; of overrides of one value, of approvals of one address the last counts.

    `confirmed_by` confirmed, after the last answer, the understanding `confirmed` that our status comment showed by
    then; `shown` is the hash of the request that the status comment shows. `answered_by` gave the answers that are
    read; `left_out` counts answers that are too long, together with those after them, to be read.
    """

    answers: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    approvals: tuple[Approval, ...] = ()
    confirmed_by: str = ""
    confirmed: Confirmed | None = None
    shown: str = ""
    left_out: int = 0
    answered_by: tuple[str, ...] = ()


def to_override(command: commands.Command) -> tuple[str, str, str]:
    """Rule, value and reason that `/agent override` names; value and reason are empty when it names none."""
    named, reason = command.text.split(maxsplit=1)
    rule, _, value = named.partition("=")
    return rule, clean(value).text.strip(), clean(reason).text.strip()


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
    overrides: dict[tuple[str, str], Override] = {}
    approvals: dict[tuple[str, str], Approval] = {}
    confirms: list[read.CommentView] = []
    status: read.CommentView | None = None
    for comment in sorted(found, key=lambda comment: comment.id):
        if comment.author == connection.bot and find_marker(comment.body) == "status":
            status = comment
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
                confirms = []
                # What is written anew is reviewed anew.
                overrides = {key: one for key, one in overrides.items() if not one.rule.startswith(preflight.REVIEW)}
            case "confirm" if not stale and rights.may_write(comment.author):
                confirms.append(comment)
            case "override" if not stale:
                rule, value, seen = to_override(command)
                if value and seen and not rights.why_no_override(comment.author, rule):
                    overrides.pop((rule, value), None)
                    overrides[rule, value] = Override(
                        rule=rule, value=value, reason=seen, by=comment.author, comment_id=comment.id
                    )
            case "approve-destroy":
                commit, addresses = command.text.split(maxsplit=1)
                for address in ADDRESS.findall(addresses) if not rights.why_no_approval(comment.author) else ():
                    approvals[commit, address] = Approval(
                        commit=commit, address=address, by=comment.author, comment_id=comment.id
                    )
    kept = _newest(answers)
    confirmed_by, confirmed = _confirmation(connection, status, confirms)
    return Steering(
        answers=kept,
        overrides=tuple(overrides.values()),
        approvals=tuple(approvals.values()),
        confirmed_by=confirmed_by,
        confirmed=confirmed,
        shown=asked_of(status.body)[0] if status else "",
        left_out=len(answers) - len(kept),
        answered_by=tuple(dict.fromkeys(answered_by[len(answers) - len(kept) :])),
    )


def _confirmation(
    connection: Connection, status: read.CommentView | None, confirms: Sequence[read.CommentView]
) -> tuple[str, Confirmed | None]:
    """Who confirmed the understanding that `status` shows, and that understanding; else nobody and nothing.

    It counts for what stood there when it was given: what was shown later has to be confirmed anew. Nobody else may
    have written what stands there: whoever may write can edit the comments of others.
    """
    bounds = decoded(asked_of(status.body)[1]) if status else None
    if status is None or bounds is None:
        return "", None
    fitting = [one for one in confirms if counts_for(one, bounds, shown_at=status.updated_at)]
    if not fitting or read.edited_by_others(connection, status):
        return "", None
    return fitting[-1].author, bounds.model_copy(update={"comment": fitting[-1].id})


def counts_for(confirm: read.CommentView, bounds: Confirmed, *, shown_at: datetime) -> bool:
    """Whether a `/agent confirm` is one of `bounds`, which the status comment shows since `shown_at`.

    GitHub's times are whole seconds, so what was written before that is told by its number too.
    """
    if bounds.comment:  # the status comment was brought up to date since, and names the one that counted
        return confirm.id == bounds.comment
    return confirm.id > bounds.after and confirm.created_at >= shown_at


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
