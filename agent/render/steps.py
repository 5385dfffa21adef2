"""How far a request is, and its plan -> what a person can do next, as commands to copy. Pure."""

import re
from collections.abc import Sequence

from agent import scope
from agent.clean import strip_hidden
from agent.domain import Plan, Refusal
from agent.render.redact import redact
from agent.render.stages import Progress

MOST = 60
RULE = re.compile(r"[a-z]+/[a-z-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")


def next_steps(progress: Progress) -> list[dict[str, str]]:
    """Texts of our own, each with the command to copy or none."""
    if progress.merge is not None or progress.outcome is not None or (progress.intent and progress.intent.questions):
        return []
    if progress.request and progress.request.status == "refused":
        return [{"text": "Change the request accordingly and put the label on again.", "command": ""}]
    if refused := refusals(progress):
        found = [{"text": "Change the request, or wait, and put the label on again.", "command": ""}]
        rules = dict.fromkeys(refusal.rule for refusal in refused if refusal.who and RULE.fullmatch(refusal.rule))
        for rule in rules:
            said = "Whoever is named above can go on all the same, with a reason that is kept:"
            found.append({"text": said, "command": f"/agent override {rule} <reason>"})
        return found
    if progress.failure:
        return [{"text": "When the reason is mended, try again:", "command": "/agent plan"}]
    revise = {"text": "To change something, write a new comment:", "command": "/agent revise <what to change>"}
    if progress.verdict and progress.verdict.status == "ready":
        return [{"text": "Read the plan on the pull request and **merge** it.", "command": ""}, revise]
    return [revise] if progress.verdict or progress.proposal else []


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
    """The command to copy for each destroy that waits for its approval."""
    if not COMMIT.fullmatch(commit):
        return []
    addresses = (redact(address, values=secrets) for address in scope.to_approve(plan)[:MOST])
    return [f"/agent approve-destroy {commit} {' '.join(strip_hidden(address)[0].split())}" for address in addresses]
