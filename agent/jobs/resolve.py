"""A push to the default branch -> Merge: which approved pull request it is, and which units to apply."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import git

from agent import events, seal
from agent.clean import clean
from agent.documents import parse
from agent.domain import Merge, Seal
from agent.errors import UserError
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.intake import BRANCH
from agent.jobs.publish import PLAN_CHECK
from agent.jobs.workspace import fingerprints, infrastructure, policy_of, units_of
from agent.permit import closed_at
from agent.repo import Remote, changed, fetch, open_repo, remote_head


def run(
    event_name: str,
    payload: Mapping[str, Any],
    *,
    root: Path,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    clock: Callable[[], datetime],
) -> Merge:
    """Establish that the push is the merge of a pull request that stood sealed, by somebody who may merge.

    Everything that is not so gives `stopped` with the reason: nothing will be applied.
    """
    event = events.parse(event_name, payload)
    if not isinstance(event, events.Push) or event.ref != f"refs/heads/{event.default_branch}":
        raise UserError(f"resolve works on a push to the default branch, got {event_name!r}")
    repo = open_repo(root)
    fetch(repo, remote, event.before)
    merge = Merge(status="stopped", repository=connection.name, commit=event.after)
    paths = [path for path in changed(repo, event.before, event.after) if path.startswith("infra/")]
    units = units_of(paths, infrastructure(repo, event.after))
    if not units:
        return merge.model_copy(update={"status": "nothing", "reasons": ("no unit changed",)})
    merge = merge.model_copy(update={"units": units})

    pulls = read.merged_pulls(connection, event.after)
    if len(pulls) != 1:
        found = "no merged pull request" if not pulls else f"{len(pulls)} merged pull requests"
        return _stopped(merge, f"{event.after[:7]} belongs to {found}; only a reviewed merge is applied")
    pull = pulls[0]
    ours = BRANCH.fullmatch(pull.branch)
    merge = merge.model_copy(
        update={
            "pull_request": pull.number,
            "title": clean(pull.title).text,
            "merged_by": pull.merged_by,
            "issue": int(ours["number"]) if ours and pull.head_repository == connection.name else None,
        }
    )
    if pull.base_branch != event.default_branch:
        return _stopped(merge, f"pull request #{pull.number} was merged into {pull.base_branch}")
    # An App may have write permission, but the merge is the approval, and only a person approves.
    permission = read.permission(connection, pull.merged_by) if pull.merged_by_person else "none"
    if permission not in read.MAY_WRITE:
        return _stopped(merge, f"merged by {pull.merged_by or 'nobody'}; a person with write permission has to merge")

    sealed = _sealed(connection, pull)
    if sealed is None:
        why = f"{pull.head_sha[:7]} was never ready: it has no seal. Comment `/agent plan` on a new pull request of it"
        return _stopped(merge, why)
    closed = tuple(_closed(units, sealed, guardrails=guardrails, now=clock()))
    if closed:
        return _stopped(merge.model_copy(update={"seal": sealed}), *closed)
    tip = remote_head(repo, remote, event.default_branch) or event.after
    fetch(repo, remote, tip)
    differences = [
        *_differences(repo, event.after, units, sealed),
        *_of_head(sealed, pull.head_sha),
        *overtaken(repo, event.after, tip, sealed),
    ]
    if differences:
        return _stopped(merge.model_copy(update={"seal": sealed}), *differences)
    return merge.model_copy(update={"status": "apply", "seal": sealed})


def _sealed(connection: Connection, pull: read.PullView) -> Seal | None:
    text = read.check_output(connection, commit=pull.head_sha, check=PLAN_CHECK, until=pull.merged_at)
    return parse(Seal, text, source=f"the seal of {pull.head_sha[:7]}") if text else None


def _of_head(sealed: Seal, commit: str) -> list[str]:
    return [] if sealed.head_sha == commit else [f"the seal is of {sealed.head_sha[:7]}, merged was {commit[:7]}"]


def _differences(repo: git.Repo, commit: str, units: tuple[str, ...], sealed: Seal) -> tuple[str, ...]:
    unplanned = tuple(f"{unit} was never planned" for unit in units if unit not in sealed.plans)
    trees, locks = fingerprints(repo, commit, sealed.plans)
    return unplanned + seal.moved(sealed, trees=trees, lock_files=locks, policy=policy_of(repo, commit))


def _closed(units: tuple[str, ...], sealed: Seal, *, guardrails: Guardrails, now: datetime) -> Iterator[str]:
    """Why a unit's environment takes no change now, unless somebody who may has set that rule aside for this one."""
    set_aside = {override.rule for override in sealed.overrides}
    for environment in sorted({unit.split("/")[2] for unit in units}):
        closure = closed_at(guardrails, environment, now)
        if closure is not None and closure.rule not in set_aside:
            yield f"{closure.reason}; run this job again then"


def overtaken(repo: git.Repo, commit: str, tip: str, sealed: Seal) -> tuple[str, ...]:
    """The sealed units that stand otherwise at the default branch's `tip` than in `commit`: a later merge's run
    applies those, and to apply the older code now would undo it.
    """
    then, _ = fingerprints(repo, commit, sealed.plans)
    now, _ = fingerprints(repo, tip, sealed.plans)
    return tuple(
        f"{folder} stands otherwise at {tip[:7]}, the branch's newest commit; that merge's own run applies it"
        for folder in then
        if then[folder] != now[folder]
    )


def _stopped(merge: Merge, *reasons: str) -> Merge:
    return merge.model_copy(update={"status": "stopped", "reasons": reasons})
