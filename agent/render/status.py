"""Documents of the pipeline -> the issue's one status comment. Pure."""

import re
from collections.abc import Sequence

from agent.domain import (
    ChangeSet,
    Findings,
    Intent,
    Merge,
    ModelCall,
    Outcome,
    Plan,
    Proposal,
    Question,
    Request,
    Review,
    Verdict,
)
from agent.render import sanitize, steps
from agent.render.page import Context, Failure, Inert, render
from agent.render.redact import redact
from agent.render.rows import TABLES, reasons_by_rule
from agent.render.spending import spending
from agent.render.stages import Progress, Stage, stages

STOPPED = {
    "received": "Not read",
    "understood": "Not understood",
    "written": "Not written",
    "checked": "The checks did not pass",
    "proposed": "No pull request was opened",
    "planned": "Not planned",
    "reviewed": "Not reviewed",
    "ready": "Not ready to merge",
    "merged": "Not applied",
    "applied": "Not all of it was applied",
    "healthy": "Not known to be healthy",
}
FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def status(
    context: Context,
    *,
    request: Request | None = None,
    intent: Intent | None = None,
    change: ChangeSet | None = None,
    findings: Findings | None = None,
    proposal: Proposal | None = None,
    plan: Plan | None = None,
    review: Review | None = None,
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
        review=review, verdict=verdict, merge=merge, outcome=outcome, failure=failure,
    )  # fmt: skip
    found = stages(progress)
    icon, headline = _headline(progress, found)
    numbers = [one.pull_request for one in (proposal, merge, request) if one is not None and one.pull_request]
    refused = steps.refusals(progress)
    reasons = [*(request.reasons if request else ()), *(proposal.reasons if proposal and not refused else ())]
    blocking = [*(verdict.reasons if verdict else ()), *(merge.reasons if merge else ())]
    questions = intent.questions if intent else ()
    if questions or reasons or refused or (change and change.status == "needs-confirm"):
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
            "intent": intent if intent and intent.actions else None,
            "fallback": intent.fallback if intent else "",
            "risky": change.reasons if change and change.status == "needs-confirm" else (),
            "questions": questions,
            "answer": answer(questions, secrets=context.secrets),
            "blocking": reasons_by_rule(blocking),
            "failure": failure,
            "units": outcome.units if outcome else (),
            "removed": request.removed if request else (),
            "steps": steps.next_steps(progress),
            "commit": _commit(proposal, plan, outcome),
            "spent": Inert(redact(spending(_calls(intent, change)), values=context.secrets)),
        },
    )


def _calls(intent: Intent | None, change: ChangeSet | None) -> tuple[ModelCall, ...]:
    return (*(intent.calls if intent else ()), *(change.calls if change else ()))


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


def _headline(progress: Progress, found: Sequence[Stage]) -> tuple[str, str]:
    bad = next((stage for stage in found if stage.state == "failed"), None)
    if (progress.request and progress.request.status == "refused") or steps.refusals(progress):
        return "🚫", "Refused"
    if progress.change and progress.change.status == "needs-confirm":
        return "✋", "Waits for a confirmation"
    if progress.change and progress.change.status == "unfinished" and progress.verdict:
        return "🧑‍🔧", "A person takes over"
    if any(stage.state == "asked" for stage in found):
        return "❓", "Waits for an answer"
    if progress.outcome is None and progress.change and progress.change.status == "nothing":
        return "✅", "Nothing needs to change"
    if bad and bad.name == "healthy" and progress.outcome:
        return "❌", "Applied, but not healthy"
    if bad:
        return "❌", STOPPED[bad.name]
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
