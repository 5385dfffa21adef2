"""Documents of the pipeline -> the bodies of comments and pull requests, each behind its marker. Pure."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from agent import commands
from agent.domain import (
    Change,
    ChangeSet,
    Finding,
    Findings,
    Intent,
    Merge,
    Outcome,
    Plan,
    Proposal,
    Question,
    Request,
    UnitPlan,
    Verdict,
)
from agent.render import sanitize, steps
from agent.render.cost import cost_table
from agent.render.mermaid import picture
from agent.render.page import Context, Failure, render
from agent.render.redact import redact
from agent.render.stages import (
    SEVERITIES,
    SILENT,
    VERBS,
    Progress,
    Stage,
    main_verb,
    stages,
    summary_of_counts,
    summary_of_findings,
)

MOST_ROWS = 60
MOST_TITLE = 120
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
ICONS = {"done": "✅", "failed": "❌", "asked": "❓", "running": "⏳", "open": "▫️"}
CHECKS = {"passed": "✅", "failed": "❌", "error": "🚫"}
OUTCOMES = {"applied": "✅", "failed": "❌", "recovered": "↩️", "stopped": "✋"}
PROBES = {True: "✅", False: "❌"}
LEVELS = {
    "critical": "🛑 **critical**",
    "high": "🔴 **high**",
    "medium": "🟠 medium",
    "low": "🟡 low",
    "info": "⚪ info",
}
RISKS = {"low": "low", "medium": "medium", "high": "**high**", "critical": "**critical**"}
SIGNS = {"delete": "**delete**", "replace": "**replace**", "create": "create", "update": "update", "read": "read"}
TABLES = {
    "ICONS": ICONS, "CHECKS": CHECKS, "OUTCOMES": OUTCOMES, "PROBES": PROBES, "LEVELS": LEVELS, "RISKS": RISKS,
    "VERBS": SIGNS,
}  # fmt: skip


def status(
    context: Context,
    *,
    request: Request | None = None,
    intent: Intent | None = None,
    change: ChangeSet | None = None,
    findings: Findings | None = None,
    proposal: Proposal | None = None,
    plan: Plan | None = None,
    verdict: Verdict | None = None,
    merge: Merge | None = None,
    outcome: Outcome | None = None,
    failure: Failure | None = None,
) -> str:
    """The issue's one status comment, from "received" to "applied and healthy"; give what there is. After a merge,
    `merge` and `outcome` alone are enough: a later document proves the earlier stages.
    """
    progress = Progress(
        request=request, intent=intent, change=change, findings=findings, proposal=proposal, plan=plan,
        verdict=verdict, merge=merge, outcome=outcome, failure=failure,
    )  # fmt: skip
    found = stages(progress)
    icon, headline = _headline(progress, found)
    numbers = [one.pull_request for one in (proposal, merge, request) if one is not None and one.pull_request]
    refused = steps.refusals(progress)
    reasons = [*(request.reasons if request else ()), *(proposal.reasons if proposal and not refused else ())]
    blocking = [*(verdict.reasons if verdict else ()), *(merge.reasons if merge else ())]
    questions = intent.questions if intent else ()
    if questions or reasons or refused:
        blocking = []  # the verdict says the same again
    return render(
        "status",
        context,
        {
            **TABLES,
            "icon": icon,
            "headline": headline,
            "summary": intent.summary if intent else merge.title if merge else "",
            "stages": found,
            "pull_request": numbers[0] if numbers else None,
            "reasons": reasons,
            "refused": refused,
            "scope": change.scope if change else None,
            "request": request,
            "questions": questions,
            "answer": answer(questions, secrets=context.secrets),
            "blocking": blocking,
            "failure": failure,
            "units": outcome.units if outcome else (),
            "removed": request.removed if request else (),
            "steps": steps.next_steps(progress),
            "commit": _commit(proposal, plan, outcome),
        },
    )


def answer(questions: Sequence[Question], *, secrets: Sequence[str] = ()) -> str:
    """The `/agent revise` comment that answers `questions`, suggestions filled in; a field's name is left out when it
    is no plain name.
    """
    if [question.field for question in questions] == ["parameters"]:  # the form's field holds answers, it is none
        return f"/agent revise {_suggested(questions[0], secrets)}"
    lines = [
        f"{question.field}:" if question.drop else f"{question.field}: {_suggested(question, secrets)}"
        for question in questions
        if FIELD.fullmatch(question.field) and question.field != "parameters"
    ]
    if len(lines) == 1:
        return f"/agent revise {lines[0]}"
    return "\n".join(["/agent revise", *lines]) if lines else "/agent revise <your answer>"


def _suggested(question: Question, secrets: Sequence[str]) -> str:
    said = redact(question.suggestion, values=secrets).replace("`", "")
    return sanitize.plain(said, limit=200) or "…"


def pull_request_title(*, request: Request, change: ChangeSet, intent: Intent | None = None) -> str:
    """One plain line, at most 120 characters: the change's summary, else the intent's, else the request's title."""
    said = change.summary or (intent.summary if intent else "") or request.title
    first = said.strip().split("\n")[0]
    return sanitize.plain(redact(first), limit=MOST_TITLE) or f"Request {request.number}"


def pull_request_body(context: Context, *, request: Request, change: ChangeSet, intent: Intent | None = None) -> str:
    """What was asked, how it was understood, scope, risk, rollback; last the issue, unless a person's own pull
    request is what was asked.
    """
    values = {
        "request": request,
        "change": change,
        "scope": change.scope,
        "intent": intent,
        "summary": change.summary or request.title,
    }
    return render("request", context, {**TABLES, **values})


def commit_message(*, request: Request, change: ChangeSet) -> str:
    """Subject, summary and where it comes from. No mention, reference, closing keyword, trailer or order to skip the
    checks that somebody wrote gets in.
    """
    subject = sanitize.plain(redact(change.summary.strip().split("\n")[0] or request.title), limit=72)
    author = sanitize.plain(redact(change.author), limit=60)
    requester = sanitize.plain(redact(request.requester), limit=60)
    origin = f"Request {request.number}"
    return f"{subject or origin}\n\n{origin} by {requester}, written by {author}.\n"


def checks_section(context: Context, findings: Findings, *, commit: str) -> str:
    """Gate and checks: what could not run, findings by severity, then every check with its file counts and time."""
    ordered = sorted(findings.findings, key=lambda one: (SEVERITIES.index(one.severity), one.path, one.line, one.rule))
    broken = [check for check in findings.checks if check.status == "error"]
    bad = broken or any(check.status == "failed" for check in findings.checks) or _grave(ordered)
    values = {
        "icon": "❌" if bad or not findings.checks else "✅",
        "counted": summary_of_findings(ordered) if findings.checks else "none ran",
        "broken": broken,
        "shown": ordered[:MOST_ROWS],
        "more": len(ordered[MOST_ROWS:]),
        "checks": findings.checks,
        "to_mend": any(finding.severity != "info" for finding in findings.findings),
        "commit": commit,
    }
    return render("checks", context, {**TABLES, **values})


def plan_section(context: Context, plan: Plan, *, commit: str) -> str:
    """Counts, then what would be destroyed in bold, then unit by unit what changes, the cost, a picture, its making."""
    every = [change for unit in plan.units for change in unit.changes]
    failed = [unit for unit in plan.units if unit.status == "failed"]
    if not plan.units:
        counted = "none could be made"
    else:
        counted = summary_of_counts(every) + (f", {len(failed)} not planned" if failed else "")
    values = {
        "icon": "❌" if failed or not plan.units or _grave(plan.findings) else "📋",
        "counted": counted,
        "destroyed": _destroyed(plan)[:MOST_ROWS],
        "rearranged": steps.rearranged(plan)[:MOST_ROWS],
        "findings": plan.findings[:MOST_ROWS],
        "units": [_unit(unit) for unit in plan.units],
        "cost": cost_table(plan, most=MOST_ROWS),
        "picture": picture(plan, secrets=context.secrets),
        "commit": commit,
    }
    return render("plan", context, {**TABLES, **values})


def verdict_section(
    context: Context, verdict: Verdict, *, commit: str, findings: Findings | None = None, plan: Plan | None = None
) -> str:
    """Whether a person can merge, why not, and what to do next."""
    values = {
        "icon": {"ready": "✅", "needs work": "🔧", "blocked": "⛔"}[verdict.status],
        "headline": {"ready": "Ready to merge", "needs work": "Needs work", "blocked": "Blocked"}[verdict.status],
        "findings": summary_of_findings(findings.findings) if findings else "",
        "plan": summary_of_counts(change for unit in plan.units for change in unit.changes) if plan else "",
        "destroyed": _destroyed(plan)[:MOST_ROWS] if plan else (),
        "rearranged": steps.rearranged(plan)[:MOST_ROWS] if plan else (),
        "to_approve": steps.to_approve(plan, commit, secrets=context.secrets) if plan else (),
        "reasons": verdict.reasons,
        "ready": verdict.status == "ready",
        "commit": commit,
    }
    return render("verdict", context, {**TABLES, **values})


def applied_section(context: Context, outcome: Outcome, *, merge: Merge | None = None) -> str:
    """What the apply did, unit by unit: result, probes, second plan, resources."""
    good = bool(outcome.units) and all(unit.status == "applied" and unit.healthy for unit in outcome.units)
    bad = sum(unit.status != "applied" or unit.healthy is False for unit in outcome.units)
    wrong = f"{bad} of {len(outcome.units)} units went wrong" if bad else "Applied"
    headline = "Applied and healthy" if good else wrong
    units = []
    for unit in outcome.units:
        rows, more = _rows(unit.changes)
        counted = summary_of_counts(unit.changes, done=True)
        units.append({**dict(unit), "rows": rows, "more": more, "counted": counted})
    values = {
        "icon": "✅" if good else "❌" if bad or not units else "⏳",
        "headline": headline if units else "Nothing was applied",
        "merged_by": merge.merged_by if merge else "",
        "units": units,
        "commit": outcome.commit,
    }
    return render("applied", context, {**TABLES, **values})


def failure(context: Context, problem: Failure) -> str:
    """A job that ended badly: why, its log, what to do."""
    return render("failure", context, {"problem": problem})


def refusal(context: Context, *, reasons: Sequence[str]) -> str:
    """A request or command that was not carried out: which requirement failed."""
    return render("refusal", context, {"reasons": reasons})


def help_text(context: Context) -> str:
    """The commands there are."""
    every = [
        {"usage": commands.usage(one), "help": one.help, "aliases": one.aliases} for one in commands.COMMANDS.values()
    ]
    return render("help", context, {"commands": every})


def _headline(progress: Progress, found: Sequence[Stage]) -> tuple[str, str]:
    bad = next((stage for stage in found if stage.state == "failed"), None)
    if (progress.request and progress.request.status == "refused") or steps.refusals(progress):
        return "🚫", "Refused"
    if any(stage.state == "asked" for stage in found):
        return "❓", "Waits for an answer"
    if progress.outcome is None and progress.change and progress.change.status == "nothing":
        return "✅", "Nothing needs to change"
    if bad and bad.name == "healthy" and progress.outcome:
        return "❌", "Applied, but not healthy"
    if bad:
        return "❌", f"Stopped at: {bad.name}"
    if found[-1].state == "done":
        return "✅", "Applied and healthy"
    if progress.verdict and progress.merge is None:
        return "✅", "Ready: a person can merge"
    done = [stage.name for stage in found if stage.state == "done"]
    return "⏳", f"{done[-1].capitalize()}, working" if done else "Working"


def _commit(proposal: Proposal | None, plan: Plan | None, outcome: Outcome | None) -> str:
    if outcome:
        return outcome.commit
    return (proposal.head_sha if proposal else None) or (plan.commit if plan else None) or ""


def _grave(findings: Iterable[Finding]) -> bool:
    return any(finding.severity in ("critical", "high") for finding in findings)


def _row(change: Change) -> dict[str, Any]:
    fields = ", ".join(islice(change.fields, 12)) + (" …" if len(change.fields) > 12 else "")
    return {"verb": main_verb(change), "address": change.address, "sensitive": change.sensitive, "fields": fields}


def _rows(changes: Iterable[Change]) -> tuple[list[dict[str, Any]], int]:
    """What changes as rows, destroys first, and how many more there are."""
    real = [change for change in changes if set(change.verbs) - SILENT]
    real.sort(key=lambda change: (VERBS.index(main_verb(change)), change.address))
    return [_row(change) for change in real[:MOST_ROWS]], len(real[MOST_ROWS:])


def _destroyed(plan: Plan) -> list[dict[str, Any]]:
    return [
        {**_row(change), "unit": unit.unit}
        for verb in ("delete", "replace")
        for unit in plan.units
        for change in unit.changes
        if main_verb(change) == verb
    ]


def _unit(unit: UnitPlan) -> dict[str, Any]:
    rows, more = _rows(unit.changes)
    return {**dict(unit), "rows": rows, "more": more, "counted": summary_of_counts(unit.changes)}
