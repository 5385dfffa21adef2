"""Merge, Locks and one of its units -> Outcome: plan again, compare with what was approved, apply exactly that."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import git

from agent.documents import Documents
from agent.domain import Locks, Merge, Outcome, Run, Seal, UnitOutcome
from agent.errors import ToolError, UserError
from agent.github import locks
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.lock import words
from agent.jobs.parts.due import closed, old_rules, overtaken, too_old
from agent.jobs.parts.workspace import lay_out
from agent.repo import Remote, fetch, open_repo, remote_head
from agent.settings import Settings
from agent.targets import terraform
from agent.tools import Tools


def run(
    documents: Documents,
    unit: str,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    connection: Connection,
    remote: Remote,
    clock: Callable[[], datetime],
    default_branch: str,
    this_run: Run,
) -> Outcome:
    """Apply `unit` of the merged commit. What is not the sealed plan, or one that people approved since, is not
    applied, nor is anything while the unit is not locked for this run or a later merge changed it.

    The environment `apply` may have kept this job waiting for days, so what `resolve` asked of the time is asked again:
    the age of the merge, change windows, freezes, and whether the rules are still those that this run stands on.
    """
    merge = documents.need(Merge)
    sealed = merge.seal
    if merge.status != "apply" or sealed is None or unit not in merge.units:
        raise UserError(f"merge.json: {unit} is not approved to be applied")
    if documents.need(Locks).status != "taken":
        raise UserError(f"locks.json: {unit} is not locked for this run")
    repo = open_repo(root)

    def hindrance() -> str:
        try:
            return _unlocked(connection, unit, this_run) or "; ".join(
                (
                    *_untimely(unit, merge, sealed, settings=settings, guardrails=guardrails, now=clock()),
                    *_passed_by(repo, remote, merge, sealed, default_branch=default_branch),
                )
            )
        except ToolError as error:
            return f"{error}; nothing was applied. Comment `/agent retry`"

    def outcome(found: UnitOutcome) -> Outcome:
        return Outcome(commit=merge.commit, run=this_run.id, attempt=this_run.attempt, units=(found,))

    if reason := hindrance():
        return outcome(UnitOutcome(unit=unit, status="stopped", reason=reason))
    with tempfile.TemporaryDirectory(prefix="infra-agent-apply-") as folder:
        lay_out(repo, merge.commit, [unit], into=Path(folder))
        try:
            found = terraform.apply(
                tools,
                Path(folder),
                unit,
                settings=settings,
                expected_digest=sealed.plans.get(unit, ""),
                expected=sealed.records.get(unit, ()),
                allowed=[plan.digest for plan in merge.allowed if plan.unit == unit],
                hindrance=hindrance,
            )
        except ToolError as error:
            found = UnitOutcome(unit=unit, status="failed", reason=str(error))
    return outcome(found)


def _unlocked(connection: Connection, unit: str, this_run: Run) -> str:
    """Why this run has not the unit for itself; empty when it has."""
    lock = locks.holder(connection, unit)
    if lock is not None and lock.run == this_run.id:
        return ""
    who = words(lock) if lock else f"{unit} is not locked: its lock was released meanwhile"
    return f"{who}; nothing was applied. Comment `/agent retry`"


def _untimely(
    unit: str, merge: Merge, sealed: Seal, *, settings: Settings, guardrails: Guardrails, now: datetime
) -> Iterator[str]:
    reasons = (
        *((old,) if (old := too_old(merge.merged_at, merge.pull_request, settings=settings, now=now)) else ()),
        *closed((unit,), sealed, guardrails=guardrails, now=now),
    )
    if reasons:
        yield f"nothing was applied: {'; '.join(reasons)}"


def _passed_by(repo: git.Repo, remote: Remote, merge: Merge, sealed: Seal, *, default_branch: str) -> tuple[str, ...]:
    """What happened on the default branch since that is in the way of this merge, or of this run's judging it."""
    tip = remote_head(repo, remote, default_branch) or merge.commit
    for commit in (merge.commit, tip):
        fetch(repo, remote, commit)
    return (*overtaken(repo, merge.commit, tip, sealed), *old_rules(repo, tip))
