"""The fingerprint that a merge approves: make, compare, explain the difference. Pure."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from agent.domain import Document, Plan, Planned, Proposal, Request, Risk, Scope, Seal, Shown
from agent.errors import UserError

# What the text of a check run holds, in bytes, with room for the rest of the answer.
MOST_BYTES = 60_000
MOST_LINES = 40
D = TypeVar("D", Seal, Shown)


def make(
    *,
    request: Request,
    scope: Scope | None,
    risk: Risk,
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
    made = Seal(
        request_sha256=request.sha256,
        request_number=request.number,
        requester=request.requester,
        also_asked=request.also_asked,
        risk=risk,
        scope=scope,
        head_sha=proposal.head_sha,
        base_sha=proposal.base_sha,
        trees=dict(trees),
        lock_files=dict(lock_files),
        policy=policy,
        tools=tuple(sorted({unit.tool for unit in plan.units})),
        plans={unit.unit: unit.digest for unit in plan.units},
        records={unit.unit: unit.record for unit in plan.units},
        overrides=request.overrides,
        approvals=tuple(one for one in request.approvals if one.commit == proposal.head_sha),
    )
    return fitted(made)


def fitted(document: D) -> D:
    """`document` with as many of its plans' records as a check run holds, small ones first; digests always stay.

    Raises UserError when it does not fit even without any record.
    """
    kept = dict(document.records)
    for unit in sorted(kept, key=lambda unit: -_bytes(document.model_copy(update={"records": {unit: kept[unit]}}))):
        if _bytes(document.model_copy(update={"records": kept})) <= MOST_BYTES:
            break
        del kept[unit]
    fits = document.model_copy(update={"records": kept})
    if _bytes(fits) > MOST_BYTES:
        raise UserError(
            f"the {document.name} of {len(document.plans)} units takes {_bytes(fits)} bytes, at most {MOST_BYTES} fit "
            "into a check run; split the change into smaller ones"
        )
    return fits


def _bytes(document: Document) -> int:
    return len(document.model_dump_json().encode())


def difference(then: Sequence[Planned] | None, now: Iterable[Planned]) -> tuple[str, ...]:
    """What a plan would do otherwise than the approved one, resource by resource, in words; at most 40 lines.

    Without a `then` the approved plan's record was not kept.
    """
    today = {one.address: one for one in now}
    if not then:
        lines = [f"{address}: now {_verb(one)}" for address, one in today.items() if one.verbs != ("no-op",)]
        told = "the approved plan was too large to keep in brief, so this is all of the plan as it is now"
        return (told, *_cut(lines))
    before = {one.address: one for one in then}
    lines = [f"{address}: approved was {_verb(before[address])}, now nothing" for address in before.keys() - today]
    for address, one in today.items():
        if address not in before:
            lines.append(f"{address}: now {_verb(one)}, approved was nothing")
        elif one.verbs != before[address].verbs:
            lines.append(f"{address}: now {_verb(one)}, approved was {_verb(before[address])}")
        elif one != before[address] and one.verbs == ("no-op",):
            lines.append("other resources than approved stay as they are, or are put off")
        elif one != before[address]:
            names = [
                name
                for name in sorted({*one.fields, *before[address].fields})
                if one.fields.get(name) != before[address].fields.get(name)
            ]
            how = f"with another {', '.join(names[:10])}" if names else "in another way"
            lines.append(f"{address}: {_verb(one)} {how}{f' and {len(names) - 10} more' if names[10:] else ''}")
    return _cut(sorted(lines))


def _cut(lines: list[str]) -> tuple[str, ...]:
    return (*lines[:MOST_LINES], *((f"and {len(lines) - MOST_LINES} more",) if lines[MOST_LINES:] else ()))


def _verb(one: Planned) -> str:
    return " and ".join(one.verbs)


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
