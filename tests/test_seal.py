"""The seal: made only over a whole plan, and every difference is found and said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import seal
from agent.domain import Plan, Planned, Proposal, Request, Seal, UnitPlan, Verb
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
        request=REQUEST,
        scope=None,
        risk="high",
        proposal=PROPOSAL,
        plan=plan,
        trees=trees,
        lock_files=locks,
        policy="p",
    )


def test_a_seal_holds_what_a_person_approves() -> None:
    made = make(Plan(commit=HEAD, units=(PLANNED,)))
    assert made.plans == {UNIT: "d" * 64}
    assert (made.head_sha, made.base_sha, made.request_number, made.tools) == (HEAD, BASE, 7, ("terraform 1.11.4",))
    assert (made.requester, made.risk) == ("casey", "high")


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


# --- what moved in a plan ------------------------------------------------------------------------------------------


def planned(address: str, verb: Verb = "create", mark: str = "0", **fields: str) -> Planned:
    return Planned(address=address, type=address.split(".")[0], verbs=(verb,), mark=mark, fields=fields)


def test_a_difference_is_said_resource_by_resource() -> None:
    then = (planned("a.gone"), planned("b.verb", "update"), planned("c.same"), planned("d.values", x="1", y="2", z="3"),
            planned("e.way"))  # fmt: skip
    now = (planned("b.verb", "replace"), planned("c.same"), planned("d.values", mark="1", x="1", y="3", q="4"),
           planned("e.way", mark="1"), planned("f.new", "delete"))  # fmt: skip
    assert seal.difference(then, now) == (
        "a.gone: approved was create, now nothing",
        "b.verb: now replace, approved was update",
        "d.values: create with another q, y, z",
        "e.way: create in another way",
        "f.new: now delete, approved was nothing",
    )
    assert seal.difference(then, then) == ()


def test_what_stays_is_compared_too() -> None:
    then, now = (planned("(rest)", "no-op"),), (planned("(rest)", "no-op", mark="1"),)
    assert seal.difference(then, now) == ("other resources than approved stay as they are, or are put off",)


def test_without_a_record_the_whole_plan_is_told() -> None:
    said = seal.difference((), (planned("a.a", "delete"), planned("(rest)", "no-op")))
    assert "too large" in said[0]
    assert said[1:] == ("a.a: now delete",)


def test_a_long_difference_is_cut_and_counted() -> None:
    said = seal.difference((planned("x.x"),), [planned(f"a.n{number:03}") for number in range(100)])
    assert (len(said), said[-1]) == (41, "and 61 more")


def test_records_that_do_not_fit_go_and_digests_stay() -> None:
    small = (planned("a.a"),)
    large = tuple(planned(f"b.n{number}", "create", "0", **{"x" * 40: "1"}) for number in range(600))
    units = (
        PLANNED.model_copy(update={"unit": "infra/terraform/dev/large", "record": large}),
        PLANNED.model_copy(update={"record": small}),
    )
    made = make(Plan(commit=HEAD, units=units))
    assert set(made.plans) == {UNIT, "infra/terraform/dev/large"}
    assert made.records == {UNIT: small}
    assert len(made.model_dump_json().encode()) <= seal.MOST_BYTES


def test_a_seal_that_fits_nowhere_is_an_error() -> None:
    units = tuple(PLANNED.model_copy(update={"unit": f"infra/terraform/dev/{'x' * 60}{n}"}) for n in range(500))
    with pytest.raises(UserError, match=r"500 units .* split the change"):
        make(Plan(commit=HEAD, units=units))
