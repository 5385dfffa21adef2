"""Merge, Locks and Outcome -> Report: what happened, on the pull request and on the issue; the locks are given back."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent import seal
from agent.documents import Documents
from agent.domain import Locks, Merge, Outcome, Report, Run, Shown
from agent.errors import ToolError
from agent.events import Push
from agent.github import locks, read, write
from agent.github.connect import Connection
from agent.jobs.parts.telling import tell_ended
from agent.jobs.resolve import APPLY_CHECK, happened, of_pull, shown_before, who_asked
from agent.render import comments, outputs
from agent.render.page import Context, Failure, marker


def run(
    documents: Documents,
    *,
    event_name: str,
    payload: Mapping[str, Any],
    connection: Connection,
    context: Context,
    results: Mapping[str, str],
    this_run: Run,
) -> Report:
    """Tell people how the merge ended, whatever became of the jobs before, and give back the locks of this run.

    Only an outcome that is applied and healthy in every unit closes the issue. Raises ToolError, after everybody was
    told, when a lock could not be given back.
    """
    merge, outcome = documents.get(Merge), documents.get(Outcome)
    failed = [job for job, result in results.items() if result in ("failure", "cancelled")]
    known = merge is not None
    if merge is None:
        merge = _unresolved(event_name, payload, connection)
        failed = failed or ["resolve"]
    if merge.status == "nothing":
        return Report(status="nothing to apply")
    stuck = _release(connection, merge.units if known else None, this_run)
    taken = documents.get(Locks)
    if taken is not None and taken.status == "busy":
        merge = merge.model_copy(update={"status": "stopped", "reasons": taken.reasons})
    merge = merge.model_copy(update={"reasons": (*merge.reasons, *stuck)})
    well = (
        not failed
        and not stuck
        and merge.status == "apply"
        and outcome is not None
        and bool(outcome.units)
        and {unit.unit for unit in outcome.units} == set(merge.units)
        and all(unit.status == "applied" and unit.healthy for unit in outcome.units)
    )
    failure = _failure(failed, results, context)
    written = [
        *_on_pull(connection, merge, outcome, context=context, failure=failure),
        *_on_issue(connection, merge, outcome, context=context, failure=failure, well=well),
    ]
    _check(connection, merge, outcome, context=context, failure=failure, well=well)
    if stuck:
        raise ToolError("; ".join(stuck))
    return Report(
        status="applied and healthy" if well else "; ".join(merge.reasons) or "not applied or not healthy",
        comment_url=written[-1] if written and merge.issue is not None else "",
        written=tuple(written),
    )


def _unresolved(event_name: str, payload: Mapping[str, Any], connection: Connection) -> Merge:
    """What can be said of the merge when `resolve` came to no end: its pull request, as the event tells it."""
    event = happened(event_name, payload)
    if isinstance(event, Push):
        merge = Merge(status="stopped", repository=connection.name, commit=event.after)
        pulls: Sequence[read.PullView] = read.merged_pulls(connection, event.after)
    else:
        pull = read.pull(connection, event.pull_request)
        merge = Merge(
            status="stopped",
            repository=connection.name,
            commit=pull.merge_commit if pull.merged and pull.merge_commit else pull.head_sha,
            asked_by=who_asked(event),
        )
        pulls = (pull,)
    return of_pull(merge, pulls[0], connection) if len(pulls) == 1 else merge


def _release(connection: Connection, units: Sequence[str] | None, this_run: Run) -> tuple[str, ...]:
    """Give back what this run holds of `units`; of all units, when it is not known which they are. Returns, in words,
    what could not be given back.
    """
    stuck = []
    if units is None:
        try:
            units = [lock.unit for lock in locks.held(connection) if lock.run == this_run.id]
        except ToolError as error:
            return (f"whether this run holds a lock is not known: {error}",)
    for unit in units:
        try:
            locks.release(connection, unit, run=this_run.id)
        except ToolError as error:
            stuck.append(f"the lock of {unit} could not be given back: {error}. A maintainer: `/agent unlock {unit}`")
    return tuple(stuck)


def _failure(failed: Sequence[str], results: Mapping[str, str], context: Context) -> Failure | None:
    if not failed:
        return None
    cancelled = results.get(failed[0]) == "cancelled"
    reason = "the run was cancelled before this job ended" if cancelled else "the job did not end well"
    return Failure(job=failed[0], reason=reason, log_url=context.run)


def _on_pull(
    connection: Connection, merge: Merge, outcome: Outcome | None, *, context: Context, failure: Failure | None
) -> list[str]:
    if merge.pull_request is None:
        return []
    body = comments.applied_section(context, outcome, merge=merge, failure=failure)
    return [
        write.upsert_comment(
            connection, merge.pull_request, marker=marker("applied"), body=body, log_url=context.run
        )
    ]  # fmt: skip


def _on_issue(
    connection: Connection,
    merge: Merge,
    outcome: Outcome | None,
    *,
    context: Context,
    failure: Failure | None,
    well: bool,
) -> list[str]:
    if merge.issue is None:
        return []
    body = comments.status(context, merge=merge, outcome=outcome, failure=failure)
    url = tell_ended(connection, context, number=merge.issue, body=body)
    write.set_state(connection, merge.issue, "agent:applied" if well else "agent:failed")
    if well:
        write.close(connection, merge.issue)
    return [url]


def _check(
    connection: Connection,
    merge: Merge,
    outcome: Outcome | None,
    *,
    context: Context,
    failure: Failure | None,
    well: bool,
) -> None:
    """The check run on the merged commit; plans that were shown instead of applied are kept in it."""
    output = outputs.apply_output(context, outcome, merge=merge, failure=failure)
    write.check_run(
        connection,
        name=APPLY_CHECK,
        commit=merge.commit,
        conclusion="success" if well else "failure",
        title=output.title,
        summary=output.summary,
        record=_shown(connection, outcome),
        details_url=context.run,
    )


def _shown(connection: Connection, outcome: Outcome | None) -> str:
    """The record of the plans that were shown; empty when an earlier one holds just these, so that what people approved
    since stays approved.
    """
    units = [unit for unit in outcome.units if unit.record] if outcome else []
    if outcome is None or not units:
        return ""
    shown = Shown(
        commit=outcome.commit,
        plans={unit.unit: unit.digest for unit in units},
        records={unit.unit: unit.record for unit in units},
    )
    earlier = shown_before(connection, outcome.commit)
    if earlier is not None and earlier[0].plans == shown.plans:
        return ""
    return seal.fitted(shown).model_dump_json()
