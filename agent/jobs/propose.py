"""Request, Intent, ChangeSet and Findings -> Proposal: the change as a branch and a pull request."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from agent.documents import Documents
from agent.domain import ChangeSet, Findings, Intent, Proposal, Request
from agent.errors import UserError
from agent.github import write
from agent.github.connect import Connection
from agent.jobs.workspace import infrastructure, laid_over, refusals, trusted
from agent.render import comments
from agent.render.page import Context, marker
from agent.repo import Remote, commit_files, fetch, open_repo, push, remote_head
from agent.settings import Guardrails, Settings


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    context: Context,
    clock: Callable[[], datetime],
    default_branch: str,
) -> Proposal:
    """Write the change to the request's branch and open its pull request, both only once however often this runs.

    The gate runs again here, beside the write token: what it refuses is never written, whatever `examine` said.
    """
    request, change = documents.need(Request), documents.need(ChangeSet)
    intent, findings = documents.get(Intent), documents.need(Findings)
    repo = open_repo(root)
    base = infrastructure(repo, request.base_sha)
    ours = trusted(change.units, laid_over(base, change.files), base=base, settings=settings, root=root)
    refused = refusals(change.files, guardrails=guardrails, base=base, ours=(), root=root, today=clock().date())
    if refused:
        return Proposal(status="refused", reasons=tuple(f"{item.rule}: {item.message}" for item in refused))
    if change.status != "written" or not change.files:
        raise UserError("change.json: holds no file to propose; the author's questions come first")

    expected = remote_head(repo, remote, request.branch)
    if expected is not None:
        fetch(repo, remote, expected)
    parent = expected or request.base_sha
    message = comments.commit_message(request=request, change=change)
    commit = commit_files(repo, parent, (*change.files, *ours), message=message, when=clock())
    if commit == request.base_sha:
        reason = f"{', '.join(change.units) or 'the repository'} already stands as this request asks"
        return Proposal(status="refused", reasons=(reason,))
    if commit != expected:
        push(repo, remote, commit=commit, branch=request.branch, expected=expected)

    pull = write.ensure_pull(
        connection,
        branch=request.branch,
        base=default_branch,
        title=comments.pull_request_title(request=request, change=change, intent=intent),
        body=comments.pull_request_body(context, request=request, change=change, intent=intent),
    )
    proposal = Proposal(
        status="proposed",
        branch=request.branch,
        head_sha=commit,
        base_sha=request.base_sha,
        pull_request=pull.number,
        url=pull.url,
    )
    body = comments.status(context, request=request, intent=intent, change=change, findings=findings, proposal=proposal)
    write.upsert_comment(connection, request.number, marker=marker("status"), body=body)
    write.set_state(connection, request.number, "agent:working", drop=(settings.request_label,))
    return proposal
