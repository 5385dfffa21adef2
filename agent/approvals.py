"""What the guardrails ask for a risk, and who approved -> whether somebody is missing, in words. Pure."""

from collections.abc import Collection

from agent.domain import Risk
from agent.guardrails import RISKS, Approval, Guardrails
from agent.permit import required_approvals


def needed(guardrails: Guardrails, risk: Risk) -> Approval | None:
    """The approvals that a change of this risk needs; None when the guardrails ask for none, so that the merge by
    somebody with write permission is enough.
    """
    asked = any(level in guardrails.approvals for level in RISKS[: RISKS.index(risk) + 1])
    return required_approvals(guardrails, risk) if asked else None


def whose_merge_counts(guardrails: Guardrails, risk: Risk, askers: Collection[str]) -> str:
    """What whoever asked for a change has to know before they merge it themselves; empty when their merge is enough."""
    named = " or ".join(login for login in askers if login)
    if needed(guardrails, risk) is None or not named:
        return ""
    return f"a merge by {named}, who asked for it, or by who pushed to its branch, is no approval"


def approvals_missing(
    guardrails: Guardrails, risk: Risk, approvers: Collection[str], *, commit: str, merged: bool = False
) -> str:
    """Who is missing for a change of this risk, and how to approve; empty when nobody is.

    `approvers` are the logins of those who count, each named once. Before the merge (`merged` is false) one is left
    out of the account: whoever merges approves by that, if they may.
    """
    asked = needed(guardrails, risk)
    if asked is None:
        return ""
    have = len({login.lower() for login in approvers})
    if have >= (asked.count if merged else asked.count - 1):
        return ""
    people = "1 person" if asked.count == 1 else f"{asked.count} people"
    who = ", ".join([*asked.logins, *(f"team {team}" for team in asked.teams)])
    so_far = f"so far {', '.join(sorted(approvers))}" if approvers else "so far nobody"
    merger = "" if merged else "; whoever of them merges counts as one"
    return (
        f"a change of risk {risk} needs the approval of {people}{f' of {who}' if who else ''}, {so_far}{merger}. Who "
        "asked for it and who pushed to its branch do not count. To approve: a review that approves, or the comment "
        f"`/agent approve {commit}`"
    )
