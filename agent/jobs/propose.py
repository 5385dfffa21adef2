"""Request, Intent, ChangeSet and Findings -> Proposal: the change as a branch and a pull request."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from agent import preflight, risk, scope
from agent.documents import Documents
from agent.domain import ChangeSet, Findings, Intent, Proposal, Refusal, Request
from agent.errors import UserError
from agent.github import locks, write
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts import askers
from agent.jobs.parts.branch import next_commit
from agent.jobs.parts.clashes import open_changes
from agent.jobs.parts.confirmed import unconfirmed
from agent.jobs.parts.situation import held_by
from agent.jobs.parts.snapshot import BRANCH
from agent.jobs.parts.telling import tell_status
from agent.jobs.parts.workspace import infrastructure, refusals, trusted
from agent.render import comments
from agent.render.page import Context
from agent.repo import Remote, open_repo, push
from agent.settings import Settings
from agent.tree import laid_over


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

    Gate and preflight run again here, beside the write token: what they refuse is never written, whatever the jobs
    before said.
    """
    request, change = documents.need(Request), documents.need(ChangeSet)
    intent, findings = documents.get(Intent), documents.need(Findings)
    named = BRANCH.fullmatch(request.branch)
    if named is None or int(named["number"]) != request.number:
        raise UserError(f"request.json: branch must be agent/{request.number}, got {request.branch[:60]!r}")
    repo = open_repo(root)
    base = infrastructure(repo, request.base_sha, beside=(file.path for file in change.files))
    ours = trusted(change.units, laid_over(base, change.files), base=base, settings=settings, root=root)
    refused = refusals(change.files, guardrails=guardrails, base=base, ours=(), root=root, today=clock().date())
    if refused:
        return Proposal(status="refused", reasons=tuple(f"{item.rule}: {item.message}" for item in refused))
    if change.status not in ("written", "unfinished") or not change.files:
        raise UserError("change.json: holds no file to propose; the author's questions come first")
    if why := _unconfirmed(request, change, intent, guardrails):
        return Proposal(status="refused", reasons=why)
    standing = preflight.Standing(
        existing=base,
        locks={lock.unit: held_by(lock) for lock in locks.held(connection)},
        open_changes=open_changes(
            repo,
            remote,
            connection,
            base=request.base_sha,
            into=default_branch,
            own=request.branch,
            units=change.units,
        ),
    )
    against = preflight.check(
        request, change, intent=intent, guardrails=guardrails, settings=settings, standing=standing, now=clock()
    )
    if against:
        return _refused(against)

    message = comments.commit_message(request=request, change=change, secrets=context.secrets)
    message = f"{message}\n{askers.trailer(request.askers)}\n"
    if change.scope is not None:
        message = f"{message}{scope.trailer(change.scope)}\n"
    try:
        commit, expected = next_commit(
            repo,
            remote,
            (*change.files, *ours),
            branch=request.branch,
            base=request.base_sha,
            message=message,
            when=clock(),
            begun_from=change.begun_from,
            rewritten=[file.path for file in change.files] if change.begun_from else (),
        )
    except UserError as error:
        return Proposal(status="refused", reasons=(str(error),))
    if commit == request.base_sha:
        reason = f"{', '.join(change.units) or 'the repository'} already stands as this request asks"
        return Proposal(status="refused", reasons=(reason,))
    if commit != expected:
        push(repo, remote, commit=commit, branch=request.branch, expected=expected)

    pull = write.ensure_pull(
        connection,
        branch=request.branch,
        base=default_branch,
        title=comments.pull_request_title(request=request, change=change, intent=intent, secrets=context.secrets),
        body=comments.pull_request_body(context, request=request, change=change, intent=intent, commit=commit),
        unfinished=change.status == "unfinished",
    )
    proposal = Proposal(
        status="proposed",
        branch=request.branch,
        head_sha=commit,
        base_sha=request.base_sha,
        pull_request=pull.number,
        url=pull.url,
    )
    tell_status(
        connection, context, request=request, state="agent:working", label=settings.request_label,
        intent=intent, change=change, findings=findings, proposal=proposal,
    )  # fmt: skip
    return proposal


def _unconfirmed(request: Request, change: ChangeSet, intent: Intent | None, guardrails: Guardrails) -> tuple[str, ...]:
    """Why nothing is written: the risk, and what was confirmed, are looked at again here, whatever the author says."""
    if request.trigger == "rollback":  # whoever asks for exactly these files back has understood what is written
        return ()
    least = risk.floor(intent, change, None, guardrails)
    understood = (intent or Intent(summary=change.summary)).model_copy(update={"risk": least})
    why = unconfirmed(request, understood, change, guardrails)
    if not why:
        return ()
    return (
        f"it is risky and was not confirmed as it is ({'; '.join(why)}); put the label on again, then comment "
        "`/agent confirm`",
    )


def _refused(refusals: tuple[Refusal, ...]) -> Proposal:
    return Proposal(status="refused", reasons=tuple(map(preflight.sentence, refusals)), refusals=refusals)
