"""A merge, the default branch's tip and the time -> why it is not to be applied then: `resolve` and `apply` ask."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import git

from agent.domain import Seal
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import fingerprints, policy_of
from agent.permit import closed_at
from agent.repo import head
from agent.settings import Settings

AGAIN = "open a new pull request with the same change, it gets a plan of its own"


def too_old(merged_at: datetime | None, number: int | None, *, settings: Settings, now: datetime) -> str:
    """Why a change that was merged then is applied no more; empty while it is."""
    days = settings.apply.max_age_days
    if merged_at is not None and now - merged_at <= timedelta(days=days):
        return ""
    return f"pull request #{number} was merged more than {days} days ago; {AGAIN}"


def closed(units: Sequence[str], sealed: Seal, *, guardrails: Guardrails, now: datetime) -> Iterator[str]:
    """Why a unit's environment takes no change now, unless somebody who may has set that rule aside for this unit."""
    set_aside = {(override.rule, override.value) for override in sealed.overrides}
    closures = ((unit, closed_at(guardrails, unit.split("/")[2], now)) for unit in sorted(units))
    found = (one.reason for unit, one in closures if one is not None and (one.rule, unit) not in set_aside)
    for reason in dict.fromkeys(found):
        yield f"{reason}; comment `/agent retry` then"


def overtaken(repo: git.Repo, commit: str, tip: str, sealed: Seal) -> tuple[str, ...]:
    """The sealed units that stand otherwise at the default branch's `tip` than in `commit`: a later merge's run
    applies those, and to apply the older code now would undo it.
    """
    then, _ = fingerprints(repo, commit, sealed.plans)
    now, _ = fingerprints(repo, tip, sealed.plans)
    return tuple(
        f"{folder} stands otherwise at {tip[:7]}, the branch's newest commit; that merge's own run applies it"
        for folder in then
        if then[folder] != now[folder]
    )


def old_rules(repo: git.Repo, tip: str) -> tuple[str, ...]:
    """Why this run may not judge: it stands on the commit, and so the rules, of the event that started it, however
    long ago that was.
    """
    stands = head(repo)
    if policy_of(repo, stands) == policy_of(repo, tip):
        return ()
    why = f"this run stands on {stands[:7]}, and policies, settings or workflows were changed since"
    return (f"{why}; comment `/agent retry` for a run under today's",)
