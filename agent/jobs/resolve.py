"""A push to the default branch, or a retry -> Merge: which approved pull request it is, and which units to apply."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import git

from agent import events, seal
from agent.approvals import approvals_missing
from agent.clean import clean
from agent.documents import parse
from agent.domain import Merge, Seal, Shown
from agent.errors import UserError
from agent.events import Dispatch, Push
from agent.github import read, reviews
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.approving import allowed, tally
from agent.jobs.parts.due import AGAIN, closed, old_rules, overtaken, too_old
from agent.jobs.parts.snapshot import BRANCH
from agent.jobs.parts.steering import Rights
from agent.jobs.parts.vote import PLAN_CHECK
from agent.jobs.parts.workspace import fingerprints, infrastructure, policy_of, units_of
from agent.repo import Remote, changed, fetch, log_of, merge_base, open_repo, remote_head
from agent.settings import Settings

APPLY_CHECK = "agent/apply"


def run(
    event_name: str,
    payload: Mapping[str, Any],
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    clock: Callable[[], datetime],
) -> Merge:
    """Establish that what is asked for is the merge of a pull request that stood sealed and approved, by somebody who
    may merge.

    Everything that is not so gives `stopped` with the reason: nothing will be applied.
    """
    event = happened(event_name, payload)
    repo = open_repo(root)
    if isinstance(event, Push):
        merge = _pushed(repo, remote, event, connection)
        if merge.status == "nothing":
            return merge
        pulls = read.merged_pulls(connection, event.after)
        if len(pulls) != 1:
            found = "no merged pull request" if not pulls else f"{len(pulls)} merged pull requests"
            return _stopped(merge, f"{event.after[:7]} belongs to {found}; only a reviewed merge is applied: {AGAIN}")
        pull = pulls[0]
    else:
        pull = read.pull(connection, event.pull_request)
        if not pull.merged or pull.merge_commit is None:
            raise UserError(f"pull request #{pull.number} is not merged, so there is nothing to apply; merge it first")
        merge = Merge(status="stopped", repository=connection.name, commit=pull.merge_commit, asked_by=who_asked(event))
    return _judged(
        of_pull(merge, pull, connection), pull, event, repo=repo, settings=settings, guardrails=guardrails,
        connection=connection, remote=remote, now=clock(),
    )  # fmt: skip


def happened(event_name: str, payload: Mapping[str, Any]) -> Push | Dispatch:
    """The event that a run of the apply workflow is about. Raises UserError for any other, or another branch."""
    event = events.parse(event_name, payload)
    if not isinstance(event, Push | Dispatch) or event.ref != f"refs/heads/{event.default_branch}":
        raise UserError(f"only a push to the default branch and a dispatch on it are applied, got {event_name!r:.60}")
    return event


def who_asked(event: Dispatch) -> str:
    """The person who started this run by hand; empty when an App did, on a command to the pull request."""
    return event.actor.login if event.actor.kind == "User" else ""


def of_pull(merge: Merge, pull: read.PullView, connection: Connection) -> Merge:
    """`merge` with what its pull request tells."""
    ours = BRANCH.fullmatch(pull.branch)
    return merge.model_copy(
        update={
            "pull_request": pull.number,
            "title": clean(pull.title).text,
            "merged_by": pull.merged_by,
            "merged_at": pull.merged_at,
            "issue": int(ours["number"]) if ours and pull.head_repository == connection.name else None,
        }
    )


def _pushed(repo: git.Repo, remote: Remote, event: Push, connection: Connection) -> Merge:
    for commit in (event.before, event.after):
        fetch(repo, remote, commit)
    merge = Merge(status="stopped", repository=connection.name, commit=event.after)
    paths = [path for path in changed(repo, event.before, event.after) if path.startswith("infra/")]
    units = units_of(paths, infrastructure(repo, event.after))
    if not units:
        return merge.model_copy(update={"status": "nothing", "reasons": ("no unit changed",)})
    return merge.model_copy(update={"units": units})


def _judged(
    merge: Merge,
    pull: read.PullView,
    event: Push | Dispatch,
    *,
    repo: git.Repo,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    now: datetime,
) -> Merge:
    if pull.base_branch != event.default_branch:
        return _stopped(merge, f"pull request #{pull.number} was merged into {pull.base_branch}")
    if why := too_old(pull.merged_at, pull.number, settings=settings, now=now):
        return _stopped(merge, why)
    rights = Rights(connection, guardrails)
    # An App may have write permission, but the merge is the approval, and only a person approves.
    if not (pull.merged_by_person and rights.may_write(pull.merged_by)):
        who = pull.merged_by or "nobody"
        return _stopped(merge, f"merged by {who}; a person with write permission has to merge: {AGAIN}")
    if isinstance(event, Dispatch) and event.actor.kind == "User" and not rights.may_write(event.actor.login):
        return _stopped(merge, f"{event.actor.login} may not write to this repository, and so not retry an apply")

    try:
        sealed = _sealed(connection, pull)
    except UserError as error:
        return _stopped(merge, f"{error}; {AGAIN}")
    if sealed is None:
        why = f"{pull.head_sha[:7]} was never ready: it has no seal. Comment `/agent plan` on a new pull request of it"
        return _stopped(merge, why)
    if sealed.request_number not in (merge.issue, pull.number):
        other = f"the seal of {pull.head_sha[:7]} is for #{sealed.request_number}, not for pull request #{pull.number}"
        return _stopped(merge, f"{other}: two pull requests had the same head; {AGAIN}")
    merge = merge.model_copy(update={"seal": sealed, "units": merge.units or tuple(sorted(sealed.plans))})

    commit = merge.commit
    tip = remote_head(repo, remote, event.default_branch) or commit
    for one in (commit, tip):
        fetch(repo, remote, one)
    differences = [
        *closed(merge.units, sealed, guardrails=guardrails, now=now),
        *_differences(repo, commit, merge.units, sealed),
        *_of_head(sealed, pull.head_sha),
        *(overtaken(repo, commit, tip, sealed) or _changed_since(repo, remote, commit, tip, sealed)),
        *old_rules(repo, tip),
    ]
    if differences:
        return _stopped(merge, *differences)

    comments = read.comments(connection, pull.number)
    counted = tally(pull, comments, sealed_for=sealed.askers, needs=sealed.risk, rights=rights, commit=sealed.head_sha)
    merge = merge.model_copy(update={"approvers": counted.approvers})
    logins = tuple(one.login for one in counted.approvers)
    missing = counted.against or approvals_missing(guardrails, sealed.risk, logins, commit=sealed.head_sha, merged=True)
    if missing:
        return _stopped(merge, f"{missing}. Then comment `/agent retry`")
    found = shown_before(connection, commit)
    if found is not None:
        shown, record = found
        plans = allowed(shown, pull, comments, record=record, sealed=sealed, rights=rights, commit=commit)
        merge = merge.model_copy(update={"allowed": plans})
    return merge.model_copy(update={"status": "apply", "reasons": ()})


def _sealed(connection: Connection, pull: read.PullView) -> Seal | None:
    text = read.check_output(connection, commit=pull.head_sha, check=PLAN_CHECK, until=pull.merged_at)
    return parse(Seal, text, source=f"the seal of {pull.head_sha[:7]}") if text else None


def shown_before(connection: Connection, commit: str) -> tuple[Shown, reviews.Record] | None:
    """The plans that an earlier run showed instead of applying them. One that cannot be read was not approved."""
    found = reviews.record(connection, commit=commit, check=APPLY_CHECK)
    if found is None:
        return None
    try:
        shown = parse(Shown, found.text, source=APPLY_CHECK)
    except UserError:
        return None
    return (shown, found) if shown.commit == commit else None


def _of_head(sealed: Seal, commit: str) -> list[str]:
    return [] if sealed.head_sha == commit else [f"the seal is of {sealed.head_sha[:7]}, merged was {commit[:7]}"]


def _differences(repo: git.Repo, commit: str, units: tuple[str, ...], sealed: Seal) -> tuple[str, ...]:
    unplanned = tuple(f"{unit} was never planned" for unit in units if unit not in sealed.plans)
    trees, locks = fingerprints(repo, commit, sealed.plans)
    return unplanned + seal.moved(sealed, trees=trees, lock_files=locks, policy=policy_of(repo, commit))


def _changed_since(repo: git.Repo, remote: Remote, commit: str, tip: str, sealed: Seal) -> tuple[str, ...]:
    """Why the approval of `commit` is used up although its units stand at `tip` as they did: others changed them and
    changed them back, and nobody approved that.
    """
    if tip == commit:
        return ()
    try:
        merge_base(repo, remote, commit, tip)  # brings the history between them
    except UserError as error:
        return (str(error),)
    later = log_of(repo, commit, tip, tuple(sealed.trees))
    if not later:
        return ()
    return (f"what was sealed was changed again since, last by {later[0][:7]}, and then back; {AGAIN}",)


def _stopped(merge: Merge, *reasons: str) -> Merge:
    return merge.model_copy(update={"status": "stopped", "reasons": reasons})
