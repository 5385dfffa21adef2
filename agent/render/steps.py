"""How far a request is, and its plan -> what a person can do next, as commands to copy. Pure."""

import re
from collections.abc import Sequence

from agent import scope
from agent.clean import strip_hidden
from agent.domain import Plan, Refusal
from agent.render import applied
from agent.render.redact import redact
from agent.render.stages import Progress

MOST = 60
LONGEST = 3000
RULE = re.compile(r"[a-z]+/[a-z-]+")
SUBJECT = re.compile(r"[A-Za-z0-9_.:/#*-]{1,200}")
MOST_OVERRIDES = 10
COMMIT = re.compile(r"[0-9a-f]{40}")


def next_steps(progress: Progress) -> list[dict[str, str]]:
    """Texts of our own, each with the command to copy or none."""
    if progress.merge is not None or progress.outcome is not None:
        return applied.next_steps(progress.merge, progress.outcome, progress.failure)
    if progress.intent and progress.intent.questions:
        return []
    if progress.request and progress.request.status == "refused":
        return [{"text": "When that is mended, put the label on again.", "command": ""}]
    if progress.request is not None and progress.request.branch.endswith("-rollback"):
        return _of_rollback(progress)
    if refused := refusals(progress):
        found = [{"text": "Change the request, or wait, and put the label on again.", "command": ""}]
        lifted = dict.fromkeys(
            f"{refusal.rule}={refusal.subject}"
            for refusal in refused
            if refusal.who and RULE.fullmatch(refusal.rule) and SUBJECT.fullmatch(refusal.subject)
        )
        for one in list(lifted)[:MOST_OVERRIDES]:
            said = "Whoever is named above can go on with exactly that all the same, with a reason that is kept:"
            found.append({"text": said, "command": f"/agent override {one} <reason>"})
        return found
    if progress.change is not None and progress.change.status == "needs-confirm":
        return [
            {
                "text": "When it was understood rightly, somebody with write permission confirms it in a new comment:",
                "command": "/agent confirm",
            },
            {"text": "To change something instead:", "command": "/agent revise <what to change>"},
        ]
    if progress.failure:
        return [{"text": "When the reason is mended, try again:", "command": "/agent plan"}]
    if progress.change is not None and progress.change.status == "unfinished" and progress.verdict is not None:
        text = (
            "Finish it on the branch of the pull request, take the label off, mark it as ready for review, and have "
            "all of it examined and planned:"
        )
        again = {"text": "To have it written anew:", "command": "/agent revise <what to change>"}
        return [{"text": text, "command": "/agent plan"}, again]
    revise = {"text": "To change something, write a new comment:", "command": "/agent revise <what to change>"}
    if progress.verdict and progress.verdict.status == "ready":
        return [{"text": "Read the plan on the pull request and **merge** it.", "command": ""}, revise]
    if not (progress.verdict or progress.proposal):
        return []
    return [revise, *_again(progress)]


def _of_rollback(progress: Progress) -> list[dict[str, str]]:
    """How to go on with a pull request that takes a merge back: it holds old files, so nobody writes it anew."""
    if progress.proposal is None or progress.proposal.status != "proposed":
        text = "When that is mended, or to try again later, ask for it once more in a new comment:"
        over = progress.proposal or progress.verdict or progress.failure
        return [{"text": text, "command": "/agent rollback"}] if over else []
    if progress.failure:
        return [{"text": "When the reason is mended, try again on the pull request:", "command": "/agent plan"}]
    text = "To change something, push to the branch of the pull request. To leave what was merged as it is, close it."
    push = {"text": text, "command": ""}
    if progress.verdict and progress.verdict.status == "ready":
        return [{"text": "Read the plan on the pull request and **merge** it.", "command": ""}, push]
    return [push, *_again(progress)]


def _again(progress: Progress) -> list[dict[str, str]]:
    """How to go on when something could not run, so that there is nothing to change in the request."""
    if progress.verdict is None or progress.proposal is None or progress.proposal.status != "proposed":
        return []
    checks = progress.findings.checks if progress.findings else ()
    units = progress.plan.units if progress.plan else ()
    lacking = not units or any(unit.status == "failed" for unit in units)
    if not lacking and all(check.status != "error" for check in checks):
        return []
    return [{"text": "When what could not run can run again, check and plan once more:", "command": "/agent plan"}]


def refusals(progress: Progress) -> tuple[Refusal, ...]:
    """What the preflight has against a request that went no further."""
    change, proposal = progress.change, progress.proposal
    if change is not None and change.status == "refused":
        return change.refusals
    return proposal.refusals if proposal is not None and proposal.status == "refused" else ()


def rearranged(plan: Plan) -> list[dict[str, str]]:
    """Resources that would be taken over, moved or let go of: each can hide a loss behind "0 to destroy"."""
    words = {scope.IMPORTED: "take over", scope.FORGOTTEN: "let go of"}
    return [
        {"word": words.get(mark, "move"), "address": one.address, "unit": one.unit}
        for one in scope.touched(plan)
        for mark in one.marks
    ]


def to_approve(plan: Plan, commit: str, *, secrets: Sequence[str]) -> list[str]:
    """The commands to copy for the destroys that wait for their approval, as many addresses in one as fit."""
    if not COMMIT.fullmatch(commit):
        return []
    addresses = (redact(address, values=secrets) for address in scope.to_approve(plan)[:MOST])
    lines: list[list[str]] = [[]]
    for address in (" ".join(strip_hidden(one)[0].split()) for one in addresses):
        if len(" ".join([*lines[-1], address])) > LONGEST:
            lines.append([])
        lines[-1].append(address)
    return [f"/agent approve-destroy {commit} {' '.join(line)}" for line in lines if line]
