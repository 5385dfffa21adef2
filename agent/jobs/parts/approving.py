"""A pull request -> who of those who approved it counts, and which plans were approved after its merge."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from agent import commands, permit, risk
from agent.approvals import needed
from agent.domain import Allowed, Approver, Change, Plan, Planned, Risk, Seal, Shown, UnitPlan
from agent.errors import ToolError
from agent.github import pushers, read, reviews
from agent.github.connect import Connection
from agent.github.read import CommentView, PullView
from agent.guardrails import RISKS, Approval, Guardrails
from agent.jobs.parts.steering import Rights
from agent.scope import DESTROYS


class Tally(NamedTuple):
    """What stands in the way of counting the approvals that there are, and those who count."""

    approvers: tuple[Approver, ...]
    against: str = ""


def tally(
    pull: PullView,
    comments: Iterable[CommentView],
    *,
    sealed_for: Collection[str],
    needs: Risk,
    rights: Rights,
    commit: str,
) -> Tally:
    """Who approved exactly `commit`, the head of `pull`, and counts: by a review, by `/agent approve <commit>`, or by
    the merge. `sealed_for` asked for the change and never count; nor do Apps, who ever pushed to the branch or made one
    of its commits (the last push may be a mere "Update branch"), who may not write to the repository, or whom the
    guardrails do not name. GitHub's own word on the reviews is asked too.

    While GitHub does not say who pushed nobody counts: a commit's author is whom its pusher named.
    """
    connection = rights.connection
    match reviews.decision(connection, pull.number):
        case "CHANGES_REQUESTED":
            return Tally((), f"a review of pull request #{pull.number} asks for changes, and was not taken back")
        case "REVIEW_REQUIRED":
            return Tally((), f"pull request #{pull.number} lacks a review that the rules of its branch ask for")
    asked = needed(rights.guardrails, needs)
    if asked is None:
        return Tally(())
    try:
        excluded = _makers(connection, pull, commit) | {login.lower() for login in sealed_for}
    except ToolError as error:
        return Tally((), f"GitHub does not say who pushed to {pull.branch}, so no approval of it counts ({error})")
    found = [
        Approver(login=view.author, how="review", url=view.url)
        for view in reviews.approving(connection, pull.number, commit)
        if view.by_person
    ]
    found += [_by_comment(comment) for comment in _approving(comments, commit)]
    if pull.merged and pull.merged_by_person:
        found.append(Approver(login=pull.merged_by, how="merge", url=pull.url))
    return Tally(tuple(_counting(found, asked, excluded=excluded, rights=rights)))


def allowed(
    shown: Shown,
    pull: PullView,
    comments: Iterable[CommentView],
    *,
    record: reviews.Record,
    sealed: Seal,
    rights: Rights,
    commit: str,
) -> tuple[Allowed, ...]:
    """The plans of `shown` that people approved after it was written: `/agent approve <commit>`, the merge's commit.

    As many people are needed as for a change of that risk, at least one; whatever destroys what holds data needs one
    of those who may approve a destroy. Where the guardrails ask for approvals, whose work the change is counts here no
    more than before the merge: it is a plan that nobody has approved yet.
    """
    later = [comment for comment in comments if comment.created_at > record.at]
    level = _risk(shown, sealed, rights.guardrails)
    asked = needed(rights.guardrails, level)
    asking = {login.lower() for login in sealed.askers}
    if asked is not None:
        try:
            asking |= _makers(rights.connection, pull, sealed.head_sha)
        except ToolError:
            return ()
    asked = asked or Approval()
    said = [_by_comment(comment) for comment in _approving(later, commit)]
    people = [one.login for one in _counting(said, asked, excluded=asking, rights=rights)]
    if len(people) < asked.count:
        return ()
    if _loses_data(shown, rights.guardrails) and all(rights.why_no_approval(login) for login in people):
        return ()
    return tuple(Allowed(unit=unit, digest=digest, by=tuple(people)) for unit, digest in shown.plans.items())


def _makers(connection: Connection, pull: PullView, commit: str) -> frozenset[str]:
    """Whose work the pull request is, in small letters. Raises ToolError when that is not known, as of a fork's."""
    if pull.head_repository != connection.name:
        raise ToolError(f"the branch {pull.branch} is in another repository")
    pushed = pushers.pushed_by(connection, branch=pull.branch, commit=commit)
    return frozenset(login.lower() for login in (pull.author, *pushed, *pushers.made_by(connection, pull.number)))


def _approving(comments: Iterable[CommentView], commit: str) -> Iterator[CommentView]:
    """Comments of people that approve exactly `commit`. An edited one counts for nothing: others can edit it too."""
    wanted = commands.Command(name="approve", text=commit)
    yield from (one for one in comments if one.by_person and not one.edited and commands.parse(one.body) == wanted)


def _by_comment(comment: CommentView) -> Approver:
    return Approver(login=comment.author, how="comment", url=comment.url)


def _counting(
    found: Sequence[Approver], asked: Approval, *, excluded: Collection[str], rights: Rights
) -> Iterator[Approver]:
    seen = {*excluded, rights.connection.bot.lower()}
    for one in found:
        if one.login.lower() in seen:
            continue
        seen.add(one.login.lower())
        if rights.may_write(one.login) and _is_named(asked, one.login, rights):
            yield one


def _is_named(asked: Approval, login: str, rights: Rights) -> bool:
    teams = [team for team in asked.teams if read.in_team(rights.connection, login, team)]
    return permit.may_approve(asked, login, teams)


def _risk(shown: Shown, sealed: Seal, guardrails: Guardrails) -> Risk:
    """That of the sealed change, or of what the plans do as they are now; of a plan without a record, the highest."""
    if not all(shown.records.get(unit) for unit in shown.plans):
        return RISKS[-1]
    units = (
        UnitPlan(unit=unit, target="terraform", status="planned", changes=tuple(map(_change, record)))
        for unit, record in shown.records.items()
    )
    return max(sealed.risk, risk.floor(None, None, Plan(units=tuple(units)), guardrails), key=RISKS.index)


def _change(one: Planned) -> Change:
    return Change(address=one.address, type=one.type, verbs=one.verbs, fields=tuple(one.fields))


def _loses_data(shown: Shown, guardrails: Guardrails) -> bool:
    """Whether a plan destroys what holds data, or may: what was not recorded is not known."""
    unknown = not all(shown.records.get(unit) for unit in shown.plans)
    return unknown or any(
        DESTROYS & set(one.verbs) and one.type in guardrails.stateful_types
        for record in shown.records.values()
        for one in record
    )
