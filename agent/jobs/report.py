"""Merge and Outcome -> Report: what happened, on the pull request and on the issue, which is closed when it is well."""

from collections.abc import Mapping

from agent.documents import Documents
from agent.domain import Merge, Outcome, Report
from agent.github import write
from agent.github.connect import Connection
from agent.render import comments, outputs
from agent.render.page import Context, Failure, marker


def run(documents: Documents, *, connection: Connection, context: Context, results: Mapping[str, str]) -> Report:
    """Tell people how the merge ended. Only an outcome that is applied and healthy in every unit closes the issue."""
    merge, outcome = documents.need(Merge), documents.get(Outcome)
    failed = [job for job, result in results.items() if result in ("failure", "cancelled")]
    well = (
        not failed
        and merge.status == "apply"
        and outcome is not None
        and bool(outcome.units)
        and {unit.unit for unit in outcome.units} == set(merge.units)
        and all(unit.status == "applied" and unit.healthy for unit in outcome.units)
    )
    failure = Failure(job=failed[0], reason="the job did not end well", log_url=context.run) if failed else None
    written = []
    if merge.pull_request is not None:
        if outcome is not None:
            body = comments.applied_section(context, outcome, merge=merge)
        elif failure is not None:
            body = comments.failure(context, failure)
        else:
            body = comments.refusal(context, reasons=merge.reasons)
        written.append(
            write.upsert_comment(
                connection, merge.pull_request, marker=marker("applied"), body=body, log_url=context.run
            )
        )
    if outcome is not None:
        output = outputs.apply_output(context, outcome)
        write.check_run(
            connection,
            name="agent/apply",
            commit=merge.commit,
            conclusion="success" if well else "failure",
            title=output.title,
            summary=output.summary,
            details_url=context.run,
        )
    status_url = ""
    if merge.issue is not None:
        body = comments.status(context, merge=merge, outcome=outcome, failure=failure)
        status_url = write.upsert_comment(
            connection, merge.issue, marker=marker("status"), body=body, log_url=context.run
        )
        written.append(status_url)
        write.set_state(connection, merge.issue, "agent:applied" if well else "agent:failed")
        if well:
            write.close(connection, merge.issue)
    return Report(
        status="applied and healthy" if well else "; ".join(merge.reasons) or "not applied or not healthy",
        comment_url=status_url,
        written=tuple(written),
    )
