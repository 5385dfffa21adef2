"""`/agent approve <commit>` -> whether it counts, who is still missing, and whether an apply is to be started again."""

from agent import approvals
from agent.documents import parse
from agent.domain import Request, Seal
from agent.errors import UserError
from agent.github import read
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.jobs.parts.approving import tally
from agent.jobs.parts.said import Said, nothing_done
from agent.jobs.parts.steering import Rights
from agent.render import answers
from agent.render.page import Context

# Its record holds the seal: `publish` writes it, the votes and `resolve` read it.
PLAN_CHECK = "agent/plan"


def vote(request: Request, *, context: Context, connection: Connection, guardrails: Guardrails) -> Said:
    """Take the approval of exactly the commit that stands, counted as `resolve` will count it at the merge."""
    commit = request.argument
    if request.pull_request is None:
        return nothing_done(context, "there is no pull request of this request to approve")
    pull = read.pull(connection, request.pull_request)
    if pull.merged:
        # The head's approval is one that its merge lacked, the merge's is one of the plan that was shown since.
        if commit not in (pull.merge_commit, pull.head_sha):
            return nothing_done(context, f"stale: pull request {pull.number} was merged as {pull.merge_commit}")
        return Said("", again=True)
    if pull.state != "open":
        return nothing_done(context, f"pull request {pull.number} is closed")
    if commit != pull.head_sha:
        return nothing_done(context, f"stale: head is {pull.head_sha}; read its plan and approve that")
    text = read.check_output(connection, commit=commit, check=PLAN_CHECK, until=None)
    if not text:
        return nothing_done(context, f"{commit[:7]} is not ready: it has no sealed plan that could be approved")
    try:
        sealed = parse(Seal, text, source=f"the seal of {commit[:7]}")
    except UserError as error:
        return nothing_done(context, str(error))
    rights = Rights(connection, guardrails)
    counted = tally(
        pull,
        read.comments(connection, pull.number),
        sealed_for=sealed.askers,
        needs=sealed.risk,
        rights=rights,
        commit=commit,
    )
    who = [one.login for one in counted.approvers]
    if approvals.needed(guardrails, sealed.risk) is None:
        return nothing_done(context, f"a change of risk {sealed.risk} needs no approval but the merge")
    if request.actor.lower() not in {login.lower() for login in who}:
        return nothing_done(
            context,
            counted.against
            or f"{request.actor} does not count here: who asked for the change, who pushed to its branch and whom "
            "the guardrails do not name never do, and it has to be written on the pull request itself",
        )
    missing = counted.against or approvals.approvals_missing(guardrails, sealed.risk, who, commit=commit)
    said = f"Approved by {', '.join(sorted(who))}, for {commit[:7]} alone: a push makes it void."
    text = f"{said}\n\nStill missing: {missing}" if missing else f"{said} Nobody is missing: a person can merge it."
    return Said(answers.answer(context, icon="👍", headline="The approval counts", text=text))
