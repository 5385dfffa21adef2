"""The documents there are -> how far a request has come, stage by stage. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

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
    Request,
    Review,
    Value,
    Verdict,
)
from agent.render.page import Failure

State = Literal["done", "failed", "asked", "running", "open", "skipped"]
NAMES = (
    "received", "understood", "written", "checked", "proposed", "planned", "reviewed", "ready", "merged", "applied",
    "healthy",
)  # fmt: skip
# The stage that a job which ended badly leaves undone.
STAGE_OF_JOB = {
    "intake": "received",
    "author": "written",
    "examine": "checked",
    "propose": "proposed",
    "plan": "planned",
    "review": "reviewed",
    "publish": "ready",
    "resolve": "merged",
    "lock": "applied",
    "apply": "applied",
    "validate": "healthy",
    "report": "healthy",
}
SEVERITIES = ("critical", "high", "medium", "low", "info")
VERBS = ("delete", "replace", "create", "update")
SILENT = frozenset(("read", "no-op"))


class Stage(Value):
    name: str
    state: State
    note: str = ""


class Progress(Value):
    """Everything there is about a request; what is None has not been reached, or was reached in an earlier run."""

    request: Request | None = None
    intent: Intent | None = None
    change: ChangeSet | None = None
    findings: Findings | None = None
    proposal: Proposal | None = None
    plan: Plan | None = None
    review: Review | None = None
    verdict: Verdict | None = None
    merge: Merge | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None


def stages(progress: Progress) -> tuple[Stage, ...]:
    """All stages in order, with what is to be said about each. The review is left out where it stayed in another run:
    nobody can say then whether there was one.
    """
    judged = {
        "received": _received(progress.request),
        "understood": _understood(progress.intent),
        "written": _written(progress.change) or _units_of(progress.merge),
        "checked": _checked(progress.findings),
        "proposed": _proposed(progress.proposal),
        "planned": _planned(progress.plan),
        "reviewed": _reviewed(progress),
        "ready": _ready(progress.verdict),
        "merged": _merged(progress.merge),
        "applied": _applied(progress.outcome),
        "healthy": _healthy(progress.outcome),
    }
    # A later document proves the earlier stages, whose own documents stayed in another run; a verdict proves nothing,
    # there is one about every run.
    proofs = [name for name, found in judged.items() if found and found[0] != "skipped" and name != "ready"]
    reached = max(map(NAMES.index, proofs), default=-1)
    broken = STAGE_OF_JOB.get(progress.failure.job) if progress.failure else None
    ended = progress.verdict is not None or progress.failure is not None
    out: list[Stage] = []
    stopped = False
    for index, name in enumerate(NAMES):
        if name == "reviewed" and judged[name] is None and index < reached:
            continue
        state, note = judged[name] or ("done" if index < reached else "open", "")
        if stopped:
            state, note = "open", ""
        elif name == broken and state != "failed":
            state, note = "failed", "the job failed, see below"
        elif state == "open" and broken and index > NAMES.index(broken):
            pass
        elif state == "open" and index < NAMES.index("ready") and ended:
            state, note = ("open", "") if broken else ("failed", "no answer")
        elif state == "open":
            state, note = "running", WAITING.get(name, "")
        out.append(Stage(name=name, state=state, note=note))
        stopped = stopped or _ends_here(name, state, progress)
    return tuple(out)


def _ends_here(name: str, state: State, progress: Progress) -> bool:
    """Checks and plan report side by side, so a finding does not hide the plan. A question or an end hides the rest."""
    if name == "written" and progress.change is not None and progress.change.status == "nothing":
        return True
    return state in ("running", "asked") or (state == "failed" and name not in ("checked", "planned"))


WAITING = {"merged": "a person merges the pull request"}


def counts(changes: Iterable[Change]) -> Counter[str]:
    """How many resources each verb concerns; a replacement counts as one."""
    found: Counter[str] = Counter()
    for change in changes:
        found[main_verb(change)] += 1
    return found


def main_verb(change: Change) -> str:
    """The one word for what happens to a resource: `delete` with `create` is a replacement."""
    verbs = set(change.verbs)
    if "replace" in verbs or {"delete", "create"} <= verbs:
        return "replace"
    return next((verb for verb in VERBS if verb in verbs), "read" if "read" in verbs else "no-op")


def summary_of_counts(changes: Iterable[Change], *, done: bool = False) -> str:
    """`1 to delete, 2 to create`, or what was done: `1 deleted, 2 created`."""
    found = counts(changes)
    said = [f"{found[verb]} {verb}d" if done else f"{found[verb]} to {verb}" for verb in VERBS if found[verb]]
    return ", ".join(said) if said else "no changes"


def summary_of_findings(findings: Iterable[Finding]) -> str:
    found = Counter[str](finding.severity for finding in findings)
    said = [f"{found[severity]} {severity}" for severity in SEVERITIES if found[severity]]
    return ", ".join(said) if said else "no findings"


def several(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def _received(request: Request | None) -> tuple[State, str] | None:
    if request is None:
        return None
    if request.status != "accepted":
        return "failed", request.status
    return "done", f"from {request.requester}"


def _understood(intent: Intent | None) -> tuple[State, str] | None:
    if intent is None:
        return None
    if intent.questions:
        return "asked", several(len(intent.questions), "open question")
    return "done", ", ".join(filter(None, (intent.environment, f"risk {intent.risk}")))


def _units_of(merge: Merge | None) -> tuple[State, str] | None:
    """What a merge still tells of what was written, whose document stayed in another run."""
    return ("done", ", ".join(merge.units)) if merge is not None and merge.title else None


def _written(change: ChangeSet | None) -> tuple[State, str] | None:
    if change is None:
        return None
    if change.status == "needs-info":
        return "asked", "waits for the answers"
    if change.status == "needs-confirm":
        return "asked", "waits for `/agent confirm`"
    if change.status == "nothing":
        return "done", "nothing needs to change"
    if change.status == "refused":
        return "failed", ", ".join(dict.fromkeys(refusal.rule for refusal in change.refusals)) or "refused"
    unfinished = ", not finished" if change.status == "unfinished" else ""
    return "done", f"{several(len(change.files), 'file')} by {change.author}{unfinished}"


def _checked(findings: Findings | None) -> tuple[State, str] | None:
    if findings is None:
        return None
    errors = [check.check for check in findings.checks if check.status == "error"]
    if errors:
        return "failed", f"could not run: {', '.join(errors)}"
    grave = any(finding.severity in ("critical", "high") for finding in findings.findings)
    said = f"{several(len(findings.checks), 'check')}, {summary_of_findings(findings.findings)}"
    return ("failed" if grave or any(check.status == "failed" for check in findings.checks) else "done"), said


def _proposed(proposal: Proposal | None) -> tuple[State, str] | None:
    if proposal is None:
        return None
    if proposal.status == "refused":
        rules = dict.fromkeys(refusal.rule for refusal in proposal.refusals)
        return "failed", ", ".join(rules) or "; ".join(proposal.reasons) or "refused"
    return "done", f"branch {proposal.branch}"


def _planned(plan: Plan | None) -> tuple[State, str] | None:
    if plan is None:
        return None
    failed = [unit.unit for unit in plan.units if unit.status == "failed"]
    if failed or not plan.units:
        return "failed", f"no plan for {', '.join(failed)}" if failed else "no plan could be made"
    return "done", summary_of_counts(change for unit in plan.units for change in unit.changes)


def _reviewed(progress: Progress) -> tuple[State, str] | None:
    """A second opinion approves nothing: whether it, or its lack, holds the change up is for the verdict to say."""
    review = progress.review
    if review is None:
        return ("skipped", "") if progress.verdict and not progress.failure else None
    if review.status in ("none", "inconclusive"):
        return "skipped", "no second opinion" if review.status == "none" else "inconclusive"
    return "done", summary_of_findings(review.findings)


def _ready(verdict: Verdict | None) -> tuple[State, str] | None:
    if verdict is None:
        return None
    return ("done", "") if verdict.status == "ready" else ("failed", verdict.status)


def _merged(merge: Merge | None) -> tuple[State, str] | None:
    if merge is None:
        return None
    if merge.status == "stopped":
        return "failed", "; ".join(merge.reasons) or "stopped"
    if merge.status == "nothing":
        return "done", "nothing to apply"
    return "done", f"by {merge.merged_by}" if merge.merged_by else ""


def _applied(outcome: Outcome | None) -> tuple[State, str] | None:
    if outcome is None:
        return None
    bad = [f"{unit.unit} {unit.status}" for unit in outcome.units if unit.status != "applied"]
    if bad or not outcome.units:
        return "failed", ", ".join(bad) or "no unit was applied"
    return "done", summary_of_counts((change for unit in outcome.units for change in unit.changes), done=True)


def _healthy(outcome: Outcome | None) -> tuple[State, str] | None:
    if outcome is None or not outcome.units:
        return None
    if any(unit.healthy is False for unit in outcome.units):
        return "failed", ", ".join(unit.unit for unit in outcome.units if unit.healthy is False)
    if any(unit.healthy is None for unit in outcome.units):
        return None
    probes = [probe for unit in outcome.units for probe in unit.probes]
    return "done", f"{sum(probe.passed for probe in probes)} of {len(probes)} probes passed" if probes else "no probes"
