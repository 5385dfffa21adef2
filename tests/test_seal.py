"""The seal: made only over a whole plan, and every difference is found and said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import seal
from agent.domain import Plan, Proposal, Request, Seal, UnitPlan
from agent.errors import UserError

HEAD, BASE = "a" * 40, "b" * 40
UNIT = "infra/terraform/dev/x"
REQUEST = Request(
    status="accepted", trigger="label", repository="acme/infra", number=7, url="", title="t", body="b",
    requester="casey", actor="casey", sha256="0" * 64, base_sha=BASE, branch="agent/7",
)  # fmt: skip
PROPOSAL = Proposal(status="proposed", head_sha=HEAD, base_sha=BASE)
PLANNED = UnitPlan(unit=UNIT, target="terraform", status="planned", digest="d" * 64, tool="terraform 1.11.4")


def make(plan: Plan) -> Seal:
    trees, locks = {UNIT: "t1"}, {f"{UNIT}/.terraform.lock.hcl": "l1"}
    return seal.make(
        request=REQUEST, scope=None, proposal=PROPOSAL, plan=plan, trees=trees, lock_files=locks, policy="p"
    )


def test_a_seal_holds_what_a_person_approves() -> None:
    made = make(Plan(commit=HEAD, units=(PLANNED,)))
    assert made.plans == {UNIT: "d" * 64}
    assert (made.head_sha, made.base_sha, made.request_number, made.tools) == (HEAD, BASE, 7, ("terraform 1.11.4",))


@pytest.mark.parametrize(
    "plan",
    [
        Plan(commit=HEAD),
        Plan(commit=HEAD, units=(PLANNED.model_copy(update={"status": "failed"}),)),
        Plan(commit="c" * 40, units=(PLANNED,)),
    ],
)
def test_nothing_half_planned_is_sealed(plan: Plan) -> None:
    with pytest.raises(UserError, match="cannot seal"):
        make(plan)


def test_what_stands_as_sealed_did_not_move() -> None:
    made = make(Plan(commit=HEAD, units=(PLANNED,)))
    assert seal.moved(made, trees=made.trees, lock_files=made.lock_files, policy="p") == ()


def test_every_difference_is_said() -> None:
    made = make(Plan(commit=HEAD, units=(PLANNED,)))
    assert seal.moved(made, trees={UNIT: "t2"}, lock_files={}, policy="q") == (
        f"tree of {UNIT} is t2, sealed was t1",
        f"lock file of {UNIT}/.terraform.lock.hcl is gone, sealed was l1",
        "the policy is q, sealed was p",
    )


files = st.dictionaries(st.text(), st.binary(), max_size=5)


@given(files, files)
def test_the_policy_version_is_the_same_only_for_the_same_files(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (seal.policy_version(one) == seal.policy_version(other)) == (one == other)


def test_moving_bytes_between_two_policies_changes_the_version() -> None:
    assert seal.policy_version({"a": b"xy", "b": b""}) != seal.policy_version({"a": b"x", "b": b"y"})
