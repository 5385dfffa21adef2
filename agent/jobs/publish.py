"""All documents of a run -> Verdict (and Seal): what people read on the issue and on the pull request."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from agent import preflight, risk, seal, verdict
from agent.approvals import approvals_missing, whose_merge_counts
from agent.documents import Documents
from agent.domain import (
    ChangeSet,
    Document,
    Findings,
    Intent,
    Plan,
    Proposal,
    Request,
    Review,
    Risk,
    Seal,
    Verdict,
)
from agent.github import read, write
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.approving import tally
from agent.jobs.parts.opinion import CHECK as REVIEW_CHECK
from agent.jobs.parts.opinion import Opinion, opinion_of, tell_opinion
from agent.jobs.parts.overlap import tell_overlaps
from agent.jobs.parts.snapshot import BRANCH
from agent.jobs.parts.steering import Rights
from agent.jobs.parts.telling import State, react, tell_status
from agent.jobs.parts.vote import PLAN_CHECK
from agent.jobs.parts.workspace import change_of, fingerprints, infrastructure, policy_of, trusted
from agent.render import comments, outputs
from agent.render.page import Context, Failure, Section, marker
from agent.repo import Remote, fetch, open_repo
from agent.settings import Settings
from agent.tree import laid_over

UNSEALED = (
    "what a person pushed is sealed by the agent's own App, whose key no run of a pull request has: "
    "comment `/agent plan`"
)


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    connection: Connection,
    remote: Remote,
    context: Context,
    results: Mapping[str, str],
    default_branch: str,
) -> tuple[Document, ...]:
    """Answer the person who asked, whatever happened. `results` maps a job to GitHub's word for how it ended."""
    request = documents.need(Request)
    if request.route == "pass":
        return (_untouched(request, connection=connection, context=context),)
    intent, change = documents.get(Intent), documents.get(ChangeSet)
    findings, proposal, plan = documents.get(Findings), documents.get(Proposal), documents.get(Plan)
    review = documents.get(Review)
    failed = [job for job, result in results.items() if result in ("failure", "cancelled")]
    against = change.refusals if change else ()
    waiting = change is not None and change.status in ("needs-info", "needs-confirm", "nothing")
    if against:
        judged = Verdict(status="blocked", reasons=tuple(map(preflight.sentence, against)))
    elif waiting or (change is None and not failed):
        judged = Verdict(status="needs work", reasons=_questions(intent) or _summary(change))
    else:
        judged = verdict.judge(
            change=change, findings=findings, proposal=proposal, plan=plan, review=review, reviews=guardrails.review,
            overrides=request.overrides,
        )  # fmt: skip
        judged = _with_failures(_unfinished(judged, change), failed)
    failure = Failure(job=failed[0], reason="the job did not end well", log_url=context.run) if failed else None

    said = opinion_of(review, change=change, plan=plan, request=request, guardrails=guardrails)
    proposal = proposal or _of_pull(request)
    sealed = None
    if moved := _moved(connection, proposal):
        # What people now see is another commit, and a later run judges that one.
        judged = Verdict(status="needs work", reasons=(moved,))
    elif proposal is not None and proposal.head_sha is not None:
        if judged.status == "ready" and change is not None:
            unexamined = _unexamined(root, remote, settings, request=request, change=change, commit=proposal.head_sha)
            judged = _without(judged, unexamined)
        if judged.status == "ready" and (why := _in_work(connection, proposal)):
            judged = Verdict(status="needs work", reasons=(why,))
        if judged.status == "ready" and not connection.seals:
            judged = Verdict(status="needs work", reasons=(UNSEALED,))
        if judged.status == "ready" and plan is not None:
            risky = risk.floor(intent, change, plan, guardrails)
            sealed = _seal(root, remote, request=request, change=change, risk=risky, proposal=proposal, plan=plan)
            judged = judged.model_copy(update={"reasons": _unapproved(connection, guardrails, sealed, proposal)})
        _on_pull(
            proposal, context=context, connection=connection, findings=findings, plan=plan, opinion=said,
            judged=judged, sealed=sealed, guardrails=guardrails,
        )  # fmt: skip
        if change is not None and proposal.pull_request is not None:
            tell_overlaps(
                root, remote, connection, context, request=request, number=proposal.pull_request, into=default_branch,
                units=change.units,
            )  # fmt: skip
    if request.trigger != "pull_request":
        state: State = "agent:needs-info" if waiting else "agent:ready" if judged.status == "ready" else "agent:failed"
        state = "agent:needs-human" if _for_people(change) else state
        tell_status(
            connection, context, request=request, state=state, label=settings.request_label, intent=intent,
            change=change, findings=findings, proposal=proposal, plan=plan,
            review=said.review, verdict=judged, failure=failure,
        )  # fmt: skip
    stopped = failed or waiting or against or (proposal is not None and proposal.status == "refused")
    react(connection, request, good=not stopped)
    return (judged,) if sealed is None else (judged, sealed)


def _untouched(request: Request, *, connection: Connection, context: Context) -> Verdict:
    """A pull request of people that holds nothing for us: checks that are required must not hold it up."""
    assert request.head_sha is not None
    for check in ("agent/gate", "agent/checks", PLAN_CHECK, REVIEW_CHECK):
        write.check_run(
            connection,
            name=check,
            commit=request.head_sha,
            conclusion="success",
            title="Nothing to judge",
            summary="This pull request changes nothing below infra/, and nothing that judges it.",
            details_url=context.run,
        )
    return Verdict(status="ready", reasons=request.reasons)


def _moved(connection: Connection, proposal: Proposal | None) -> str:
    """Why the results of this run are of no use: its commit is not the pull request's head any more."""
    if proposal is None or proposal.pull_request is None or proposal.head_sha is None:
        return ""
    pull = read.pull(connection, proposal.pull_request)
    if pull.head_sha == proposal.head_sha:
        return ""
    return (
        f"the branch moved from {proposal.head_sha[:7]} to {pull.head_sha[:7]} while this was planned; when nothing is "
        "under way for the new commit, comment `/agent plan`"
    )


def _in_work(connection: Connection, proposal: Proposal) -> str:
    """Why a pull request is for people to finish: nothing of it is sealed before they say that it is done."""
    pull = read.pull(connection, proposal.pull_request) if proposal.pull_request is not None else None
    if pull is None or not (pull.draft or write.NEEDS_HUMAN in pull.labels):
        return ""
    return (
        f"a person finishes this pull request: when it is done, take the label {write.NEEDS_HUMAN} off, mark it as "
        "ready for review, and comment `/agent plan`"
    )


def _for_people(change: ChangeSet | None) -> bool:
    """Whether a model was asked and could not bring the change to an end."""
    return change is not None and (
        change.status == "unfinished" or any(one.rule.startswith("author/") for one in change.refusals)
    )


def _unfinished(judged: Verdict, change: ChangeSet | None) -> Verdict:
    """An unfinished change is never ready, whatever its checks say."""
    if change is None or change.status != "unfinished":
        return judged
    status: Literal["needs work", "blocked"] = "blocked" if judged.status == "blocked" else "needs work"
    return Verdict(status=status, reasons=(*(f"not finished: {one}" for one in change.reasons), *judged.reasons))


def _unapproved(connection: Connection, guardrails: Guardrails, sealed: Seal, proposal: Proposal) -> tuple[str, ...]:
    """Who has to approve before a merge is applied, when the merge alone is not enough."""
    if not approvals_missing(guardrails, sealed.risk, (), commit=sealed.head_sha) or proposal.pull_request is None:
        return ()
    pull = read.pull(connection, proposal.pull_request)
    counted = tally(
        pull, read.comments(connection, pull.number), sealed_for=sealed.askers, needs=sealed.risk,
        rights=Rights(connection, guardrails), commit=sealed.head_sha,
    )  # fmt: skip
    who = [one.login for one in counted.approvers]
    missing = approvals_missing(guardrails, sealed.risk, who, commit=sealed.head_sha)
    return tuple(reason for reason in (counted.against, missing) if reason)


def _unexamined(
    root: Path, remote: Remote, settings: Settings, *, request: Request, change: ChangeSet, commit: str
) -> list[str]:
    """What a merge of `commit` would bring that this run did not examine: people may have pushed to the branch."""
    repo = open_repo(root)
    fetch(repo, remote, commit)
    fetch(repo, remote, request.base_sha)
    base = infrastructure(repo, request.base_sha)
    after = laid_over(base, change.files)
    ours = trusted(change.units, after, base=base, settings=settings, root=root)
    examined = {file.path: file.content for file in (*change.files, *ours)}
    standing = change_of(repo, remote, base=request.base_sha, commit=commit)
    return [file.path for file in standing if file.path not in examined or examined[file.path] != file.content]


def _without(judged: Verdict, unexamined: list[str]) -> Verdict:
    if not unexamined:
        return judged
    reason = (
        f"the branch also holds what this run did not examine: {', '.join(unexamined[:5])}; comment `/agent plan` "
        "to have all of it examined"
    )
    return Verdict(status="needs work", reasons=(*judged.reasons, reason))


def _questions(intent: Intent | None) -> tuple[str, ...]:
    return tuple(f"{question.field}: {question.rule}" for question in intent.questions) if intent else ()


def _summary(change: ChangeSet | None) -> tuple[str, ...]:
    if change is not None and change.status == "needs-confirm":
        return tuple(f"waits for `/agent confirm`: {reason}" for reason in change.reasons)
    return (change.summary,) if change and change.summary else ()


def _with_failures(judged: Verdict, failed: list[str]) -> Verdict:
    if not failed:
        return judged
    reasons = (*judged.reasons, *(f"the job {job} did not end well; its log says why" for job in failed))
    return Verdict(status="blocked" if judged.status == "blocked" else "needs work", reasons=reasons)


def _of_pull(request: Request) -> Proposal | None:
    """A person's pull request stands for the proposal that this run did not make."""
    if request.pull_request is None or request.head_sha is None:
        return None
    return Proposal(
        status="proposed",
        branch=request.branch,
        head_sha=request.head_sha,
        base_sha=request.base_sha,
        pull_request=request.pull_request,
        url=request.url,
    )


def _seal(
    root: Path,
    remote: Remote,
    *,
    request: Request,
    change: ChangeSet | None,
    risk: Risk,
    proposal: Proposal,
    plan: Plan,
) -> Seal:
    repo = open_repo(root)
    assert proposal.head_sha is not None
    fetch(repo, remote, proposal.head_sha)
    trees, locks = fingerprints(repo, proposal.head_sha, [unit.unit for unit in plan.units])
    return seal.make(
        request=request,
        scope=change.scope if change else None,
        risk=risk,
        proposal=proposal,
        plan=plan,
        trees=trees,
        lock_files=locks,
        policy=policy_of(repo, request.base_sha),
    )


def _on_pull(
    proposal: Proposal,
    *,
    context: Context,
    connection: Connection,
    findings: Findings | None,
    plan: Plan | None,
    opinion: Opinion,
    judged: Verdict,
    sealed: Seal | None,
    guardrails: Guardrails,
) -> None:
    number, commit = proposal.pull_request, proposal.head_sha
    if number is None or commit is None:
        return
    ours = BRANCH.fullmatch(proposal.branch)
    revisable = ours is not None and not ours["rollback"]
    sections: dict[Section, str] = {
        "verdict": comments.verdict_section(
            context,
            judged,
            commit=commit,
            findings=findings,
            plan=plan,
            review=opinion.in_brief,
            merger=whose_merge_counts(guardrails, sealed.risk, sealed.askers) if sealed else "",
            revisable=revisable,
        )
    }
    if findings is not None:
        sections["checks"] = comments.checks_section(context, findings, commit=commit, revisable=revisable)
    if plan is not None:
        sections["plan"] = comments.plan_section(context, plan, commit=commit)
    for name, body in sections.items():
        write.upsert_comment(connection, number, marker=marker(name), body=body, log_url=context.run)
    tell_opinion(connection, context, opinion, number=number, commit=commit)
    examined = findings or Findings()
    others = examined.model_copy(
        update={
            "findings": tuple(one for one in examined.findings if one.source != "gate"),
            "checks": tuple(one for one in examined.checks if one.check != "gate"),
        }
    )
    for check, output in (
        ("agent/gate", outputs.checks_output(context, examined, commit=commit, only="gate", revisable=revisable)),
        ("agent/checks", outputs.checks_output(context, others, commit=commit, revisable=revisable)),
        (PLAN_CHECK, outputs.plan_output(context, plan or Plan(), commit=commit)),
    ):
        # The seal is read back from the check run at the merge: only an App can write one.
        ready = check != PLAN_CHECK or sealed is not None
        write.check_run(
            connection,
            name=check,
            commit=commit,
            conclusion=output.conclusion if ready else "failure",
            title=output.title,
            summary=output.summary,
            text=output.text,
            record=sealed.model_dump_json() if check == PLAN_CHECK and sealed else "",
            findings=output.findings,
            details_url=context.run,
        )
