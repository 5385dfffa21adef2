"""The fingerprint that a merge approves: make, compare, explain the difference. Pure."""

import hashlib
from collections.abc import Mapping

from agent.domain import Plan, Proposal, Request, Scope, Seal
from agent.errors import UserError


def make(
    *,
    request: Request,
    scope: Scope | None,
    proposal: Proposal,
    plan: Plan,
    trees: Mapping[str, str],
    lock_files: Mapping[str, str],
    policy: str,
) -> Seal:
    """A seal over a change whose every unit was planned. Raises UserError when one was not."""
    unplanned = [unit.unit for unit in plan.units if unit.status != "planned"]
    if not plan.units or unplanned or proposal.head_sha is None or proposal.base_sha is None:
        raise UserError(f"cannot seal: no plan for {', '.join(unplanned) or 'any unit'}")
    if plan.commit != proposal.head_sha:
        raise UserError(f"cannot seal: the plan is of {plan.commit}, the branch stands at {proposal.head_sha}")
    return Seal(
        request_sha256=request.sha256,
        request_number=request.number,
        scope=scope,
        head_sha=proposal.head_sha,
        base_sha=proposal.base_sha,
        trees=dict(trees),
        lock_files=dict(lock_files),
        policy=policy,
        tools=tuple(sorted({unit.tool for unit in plan.units})),
        plans={unit.unit: unit.digest for unit in plan.units},
        overrides=request.overrides,
        approvals=tuple(one for one in request.approvals if one.commit == proposal.head_sha),
    )


def moved(seal: Seal, *, trees: Mapping[str, str], lock_files: Mapping[str, str], policy: str) -> tuple[str, ...]:
    """What stands otherwise in the merged commit than in the sealed one, in words; empty when nothing does."""
    differences = [
        f"{what} of {path} is {now.get(path, 'gone')[:12]}, sealed was {then.get(path, 'nothing')[:12]}"
        for what, then, now in (("tree", seal.trees, trees), ("lock file", seal.lock_files, lock_files))
        for path in sorted({*then, *now})
        if then.get(path) != now.get(path)
    ]
    if seal.policy != policy:
        differences.append(f"the policy is {policy[:12]}, sealed was {seal.policy[:12]}")
    return tuple(differences)


def policy_version(files: Mapping[str, bytes]) -> str:
    """SHA-256, 64 hex digits, over the policy files by path and content."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{len(path)}:{path}:{len(files[path])}:".encode())
        digest.update(files[path])
    return digest.hexdigest()
