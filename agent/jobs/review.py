"""Change, plan and findings -> Review: a model's second opinion, which can only add. Holds a key, and no token."""

from collections.abc import Mapping
from pathlib import Path

from agent.author import analyst
from agent.documents import Documents
from agent.domain import ChangeSet, Findings, Intent, Plan, Request, Review
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import texts
from agent.models.call import Models
from agent.models.roles import Role
from agent.repo import open_repo

ROLE = "analyst"


def run(
    documents: Documents, *, root: Path, guardrails: Guardrails, models: Models, roles: Mapping[str, Role]
) -> Review:
    """Ask the analyst about the change as it was planned, or say why nobody was asked.

    The change is data: nothing of it is checked out or run here.
    """
    request, change = documents.need(Request), documents.need(ChangeSet)
    findings, plan = documents.need(Findings), documents.need(Plan)
    if why := _not_asked(request, findings=findings, plan=plan, guardrails=guardrails):
        return Review(status="none", reason=why, commit=plan.commit)
    return analyst.review(
        request,
        change,
        intent=documents.get(Intent),
        plan=plan,
        findings=findings,
        base=_before(root, request, change),
        models=models,
        role=roles[ROLE],
    )


def _not_asked(request: Request, *, findings: Findings, plan: Plan, guardrails: Guardrails) -> str:
    """Why no model is asked about this change; empty when one is."""
    if any(one.severity == "critical" for one in (*findings.findings, *plan.findings)):
        # What the gate refused may hold a secret, and would be sent away.
        return "the rules block this change already, so no model was asked"
    if not any(unit.status == "planned" for unit in plan.units):
        return "there is no plan, so no model was asked"
    if guardrails.review.required == "never" and request.trigger != "review":
        return "the guardrails ask for none; `/agent review` does"
    return ""


def _before(root: Path, request: Request, change: ChangeSet) -> Mapping[str, str]:
    """The changed files as they stand on the default branch, which is what the plan was made against."""
    paths = [file.path for file in change.files]
    return texts(open_repo(root), request.base_sha, paths) if paths else {}
