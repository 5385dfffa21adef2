"""Proposal (or a person's pull request) -> Plan: what applying its head commit would do, judged by gate and scope."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from agent import gate, scope
from agent.checks import cost
from agent.checks.of_plan import judge_plan, warm
from agent.documents import Documents
from agent.domain import ChangeSet, Finding, Findings, Intent, Plan, Proposal, Request, Target, UnitPlan
from agent.errors import ToolError, UserError
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import change_of, infrastructure, lay_out, refusals, trusted
from agent.permit import allowed_type, limits_of
from agent.render.redact import redact
from agent.repo import Remote, fetch, open_repo
from agent.settings import Settings
from agent.targets import terraform
from agent.targets.terraform_sensitive import sensitive_values
from agent.tools import Tools

# Targets whose units are written and checked, but that nothing plans yet.
UNPLANNED: tuple[Target, ...] = ("ansible", "kubernetes")


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    remote: Remote,
    today: date,
    pythons: Mapping[str, str],
    pricing: Mapping[str, str] = cost.NO_PRICING,
) -> Plan:
    """Plan every unit of the change on the commit that a person would merge. A unit without a plan says why."""
    request, change = documents.need(Request), documents.need(ChangeSet)
    proposal = documents.get(Proposal)
    commit = proposal.head_sha if proposal else request.head_sha
    if commit is None:
        raise UserError("proposal.json: has no head_sha, so there is no commit to plan")
    repo = open_repo(root)
    fetch(repo, remote, commit)
    # The branch may hold people's commits beside the author's: what will run is gated as it stands in the commit.
    files = change_of(repo, remote, base=request.base_sha, commit=commit)
    base = infrastructure(repo, request.base_sha, beside=(file.path for file in files))
    after = infrastructure(repo, commit)
    ours = trusted(change.units, after, base=base, settings=settings, root=root)
    refused = refusals(files, guardrails=guardrails, base=base, ours=ours, root=root, today=today)
    if refused:
        reason = f"the gate refused {commit[:7]}, so nothing of it was run: {refused[0].rule}: {refused[0].message}"
        failed = (
            UnitPlan(unit=unit, target=_unplanned(unit) or "terraform", status="failed", reason=reason)
            for unit in change.units
        )
        return Plan(commit=commit, units=tuple(failed), findings=refused)

    units: list[UnitPlan] = []
    findings: list[Finding] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="infra-agent-plan-")))
        needed = not all(_unplanned(unit) for unit in change.units)
        worker = warm(stack, tools, python=pythons["checkov"], root=root) if needed else None
        lay_out(repo, commit, change.units, into=folder)
        judge = partial(
            judge_plan,
            examined=documents.get(Findings),
            settings=settings,
            guardrails=guardrails,
            tools=tools,
            root=root,
            checkov_python=pythons["checkov"],
            today=today,
            worker=worker,
        )
        for unit in change.units:
            planned, raw, judged = plan_unit(
                folder, unit, settings=settings, guardrails=guardrails, tools=tools, pricing=pricing
            )
            units.append(planned)
            said = (*judged, *(judge(raw, unit=unit) if raw else ()))
            findings += _without_values(said, sensitive_values(raw))
    made = Plan(commit=commit, units=tuple(units))
    findings += scope.check(
        made,
        change.scope,
        stateful_types=guardrails.stateful_types,
        intent=documents.get(Intent),
        approvals=request.approvals,
        limits=partial(limits_of, guardrails),
    )
    findings += cost.check(made, guardrails=guardrails)
    findings += _not_allowed(made, guardrails)
    return made.model_copy(update={"findings": tuple(findings)})


def _without_values(findings: Iterable[Finding], values: Sequence[str]) -> Iterator[Finding]:
    """What a scanner or a policy says of a plan may quote it; the plan's sensitive values go no further."""
    for finding in findings:
        yield finding.model_copy(update={"message": redact(finding.message, values=values)}) if values else finding


def _not_allowed(plan: Plan, guardrails: Guardrails) -> Iterator[Finding]:
    """Resource types that nobody may touch here, whoever wrote the change."""
    for unit in plan.units:
        for type_ in sorted({change.type for change in unit.changes if set(change.verbs) - {"read", "no-op"}}):
            if why := allowed_type(guardrails, type_):
                rule = "guardrails/type"
                yield Finding(source="guardrails", rule=rule, severity="critical", message=why, path=unit.unit)


def _unplanned(unit: str) -> Target | None:
    """The target of a unit that nothing plans yet; None for one that has a plan."""
    return next((target for target in UNPLANNED if unit.startswith(f"infra/{target}/")), None)


def plan_unit(
    folder: Path, unit: str, *, settings: Settings, guardrails: Guardrails, tools: Tools,
    pricing: Mapping[str, str] = cost.NO_PRICING,
) -> tuple[UnitPlan, dict[str, Any], tuple[Finding, ...]]:  # fmt: skip
    """One unit's plan with its cost, its JSON, and what the gate says of it. A unit without a plan never raises."""
    if target := _unplanned(unit):
        reason = (
            f"nothing plans or applies {target} units yet, so a merge rolls nothing out: when the change is right, "
            "merge it and roll it out by hand"
        )
        return UnitPlan(unit=unit, target=target, status="failed", reason=reason), {}, ()
    if not any((folder / unit).glob("*.tf")):
        reason = "its code is gone; destroying what it deployed needs a request of its own"
        return UnitPlan(unit=unit, target="terraform", status="failed", reason=reason), {}, ()
    try:
        planned, raw = terraform.plan(tools, folder, unit, settings=settings)
    except ToolError as error:
        return UnitPlan(unit=unit, target="terraform", status="failed", reason=str(error)), {}, ()
    if not raw:
        return planned, {}, ()
    judged = gate.examine_plan(raw, guardrails=guardrails)
    priced, unknown = cost.of_unit(planned, raw, settings=settings, tools=tools, pricing=pricing)
    return priced, raw, tuple(item.model_copy(update={"path": item.path or unit}) for item in (*judged, *unknown))
