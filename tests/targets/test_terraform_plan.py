"""Changes, digest and difference of plans."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import Change, Planned
from agent.errors import ToolError
from agent.targets import terraform_plan as plans

KEY = b"key"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
attributes = st.dictionaries(st.sampled_from(["name", "tags", "policy", "size", "ids"]), json_values, max_size=5)
actions = st.sampled_from([["create"], ["update"], ["delete"], ["delete", "create"], ["read"]])


def change(address: str, verbs: list[str], **rest: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "before": None,
        "after": None,
        "after_unknown": {},
        "before_sensitive": False,
        "after_sensitive": {},
    }
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[0],
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": verbs, **body, **rest},
    }


def plan(*changes: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": list(changes), **rest}


@st.composite
def made_plans(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 4))
    changes = [
        change(f"aws_x.r{number}", draw(actions), before=draw(attributes), after=draw(attributes))
        for number in range(count)
    ]
    return plan(*changes)


@given(made_plans(), st.randoms(use_true_random=False), st.text(), st.text())
def test_order_time_and_version_make_no_difference(
    made: dict[str, Any], chance: random.Random, time: str, version: str
) -> None:
    other = copy.deepcopy(made)
    chance.shuffle(other["resource_changes"])
    for item in other["resource_changes"]:
        item["change"] = dict(sorted(item["change"].items(), reverse=True))
        if item["change"]["after"]:
            item["change"]["after"] = dict(reversed(list(item["change"]["after"].items())))
    other |= {
        "timestamp": time,
        "terraform_version": version,
        "resource_drift": [{"x": time}],
        "relevant_attributes": [],
    }
    assert plans.canonical_digest(other, key=KEY) == plans.canonical_digest(made, key=KEY)


def spelled(value: Any, chance: random.Random) -> Any:
    """Another spelling of "nothing here is marked" for `value`."""
    if isinstance(value, dict) and chance.random() < 0.7:
        return {key: spelled(part, chance) for key, part in value.items()}
    if isinstance(value, list) and chance.random() < 0.7:
        return [spelled(part, chance) for part in value]
    return chance.choice([False, None])


@given(made_plans(), st.randoms(use_true_random=False))
def test_the_spelling_of_marks_makes_no_difference(made: dict[str, Any], chance: random.Random) -> None:
    other = copy.deepcopy(made)
    for item in other["resource_changes"]:
        body = item["change"]
        body["before_sensitive"] = spelled(body["before"], chance)
        body["after_sensitive"] = spelled(body["after"], chance)
        body["after_unknown"] = spelled(body["after"], chance) or {}
    assert plans.canonical_digest(other, key=KEY) == plans.canonical_digest(made, key=KEY)


@given(attributes, st.booleans())
def test_a_mark_on_the_whole_is_a_mark_on_every_part(after: dict[str, Any], sensitive: bool) -> None:
    def marks(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marks(part) for key, part in value.items()}
        return [marks(part) for part in value] if isinstance(value, list) else True

    whole = plan(change("aws_x.a", ["create"], after=after, after_sensitive=True))
    parts = plan(change("aws_x.a", ["create"], after=after, after_sensitive=marks(after)))
    assert plans.canonical_digest(whole, key=KEY) == plans.canonical_digest(parts, key=KEY)


@given(attributes, json_values, json_values, st.booleans())
def test_another_value_is_another_digest(rest: dict[str, Any], one: Any, two: Any, sensitive: bool) -> None:
    def digest(value: Any) -> str:
        after = {**rest, "name": value}
        marks = {"name": True} if sensitive else {}
        return plans.canonical_digest(plan(change("aws_x.a", ["create"], after=after, after_sensitive=marks)), key=KEY)

    same = repr(one) == repr(two) or (one == two and type(one) is type(two))
    if isinstance(one, dict | list) or isinstance(two, dict | list):
        same = one == two and repr(one) == repr(two)
        if one == two and not same:
            return  # the same mapping in another order, or True for 1 deep inside: not what is asked here
    assert (digest(one) == digest(two)) == same


@pytest.mark.parametrize(
    "moved",
    [
        {"after": {"name": "b"}},
        {"before": {"name": "z"}},
        {"actions": ["delete", "create"]},
        {"actions": ["create", "delete"]},
        {"after": {}, "after_unknown": {"name": True}},
        {"after_sensitive": {"name": True}},
        {"importing": {"id": "i-1"}},
        {"replace_paths": [["name"]]},
    ],
)
def test_what_moves_the_digest(moved: dict[str, Any]) -> None:
    base = change("aws_x.a", ["update"], before={"name": "y"}, after={"name": "a"})
    other = copy.deepcopy(base)
    other["change"] |= moved
    assert plans.canonical_digest(plan(other), key=KEY) != plans.canonical_digest(plan(base), key=KEY)


@pytest.mark.parametrize(
    "rest",
    [
        {"output_changes": {"x": {"actions": ["create"], "before": None, "after": "1"}}},
        {"deferred_changes": [{"reason": "resource_config_unknown", "resource_change": change("aws_x.b", ["create"])}]},
        {"errored": True},
        {"complete": False},
    ],
)
def test_outputs_and_what_is_put_off_move_the_digest(rest: dict[str, Any]) -> None:
    base = plan(change("aws_x.a", ["create"], after={}))
    assert plans.canonical_digest(base | rest, key=KEY) != plans.canonical_digest(base, key=KEY)
    assert not plans.is_empty(plan() | rest)


def test_a_sensitive_value_enters_only_under_a_key() -> None:
    def digest(value: str, key: bytes) -> str:
        made = plan(change("aws_x.a", ["create"], after={"p": value}, after_sensitive={"p": True}))
        return plans.canonical_digest(made, key=key)

    assert digest("hunter2", b"one") != digest("hunter3", b"one")
    assert digest("hunter2", b"one") != digest("hunter2", b"two")
    assert digest("hunter2", b"") == digest("hunter3", b""), "without a key a digest would be a guessing game"


def test_a_value_cannot_pass_for_a_mark() -> None:
    unknown = plan(change("aws_x.a", ["create"], after={}, after_unknown={"p": True}))
    forged = plan(change("aws_x.a", ["create"], after={"p": ["unknown", False]}))
    assert plans.canonical_digest(unknown, key=b"") != plans.canonical_digest(forged, key=b"")


def test_what_stays_may_move_in_the_world() -> None:
    one = plan(change("aws_x.a", ["no-op"], before={"size": 1}, after={"size": 1}))
    two = plan(change("aws_x.a", ["no-op"], before={"size": 2}, after={"size": 2}))
    assert plans.canonical_digest(one, key=KEY) == plans.canonical_digest(two, key=KEY)
    assert plans.is_empty(one)


def test_changes_name_fields_and_no_values() -> None:
    raw = plan(
        change("aws_b.z", ["update"], before={"name": "old", "k": 1}, after={"name": "new", "k": 1}),
        change(
            "aws_a.a", ["create"], after={"name": "n", "password": "geheim", "none": None}, after_unknown={"id": True},
            after_sensitive={"password": True},
        ),
        change("aws_c.n", ["no-op"], before={"x": 1}, after={"x": 1}),
        change("aws_d.r", ["create", "delete"], before={"n": 1}, after={"n": 2}),
        change("aws_e.f", ["forget"], before={"n": 1}),
        change("aws_f.i", ["no-op"], before={"n": 1}, after={"n": 1}, importing={"id": "x"}),
        change("aws_g.m", ["no-op"], before={"n": 1}, after={"n": 1}) | {"previous_address": "aws_g.old"},
    )  # fmt: skip
    assert plans.changes_of(raw) == (
        Change(address="aws_a.a", type="aws_a", verbs=("create",), sensitive=True, fields=("name", "password")),
        Change(address="aws_b.z", type="aws_b", verbs=("update",), fields=("name",)),
        Change(address="aws_d.r", type="aws_d", verbs=("replace",), fields=("n",)),
        Change(address="aws_e.f", type="aws_e", verbs=("delete",), fields=("(forgotten)",)),
        Change(address="aws_f.i", type="aws_f", verbs=("update",), fields=("(import)",)),
        Change(address="aws_g.m", type="aws_g", verbs=("update",), fields=("(moved from aws_g.old)",)),
    )
    assert plans.unknowns(raw) == 1
    assert "geheim" not in repr(plans.changes_of(raw))


def test_an_unknown_action_is_an_error() -> None:
    with pytest.raises(ToolError, match=r"aws_x\.a: .* not known here: explode"):
        plans.changes_of(plan(change("aws_x.a", ["explode"])))


def test_outputs_leave_out_what_is_sensitive_or_unknown() -> None:
    outputs = {
        "a": {"sensitive": False, "value": 1},
        "secret": {"sensitive": True, "value": "x"},
        "unmarked": {"value": "x"},
        "unknown": {"sensitive": False},
    }
    assert plans.outputs_of({"planned_values": {"outputs": outputs}}) == {"a": 1}


@given(made_plans(), made_plans())
def test_the_record_moves_with_the_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = plans.canonical_digest(one, key=b"") == plans.canonical_digest(other, key=b"")
    assert (plans.record_of(one, key=b"") == plans.record_of(other, key=b"")) == same


@pytest.mark.parametrize(
    "rest",
    [
        {"output_changes": {"x": {"actions": ["create"], "before": None, "after": "1"}}},
        {"deferred_changes": [{"reason": "resource_config_unknown", "resource_change": change("aws_x.b", ["create"])}]},
        {"errored": True},
        {"complete": False},
        {"resource_changes": [change("aws_x.b", ["no-op"])]},
    ],
)
def test_what_is_no_resource_moves_the_record_too(rest: dict[str, Any]) -> None:
    assert plans.record_of(plan() | rest, key=b"") != plans.record_of(plan(), key=b"")


def test_a_record_names_attributes_and_holds_no_value() -> None:
    def made(**after: Any) -> Planned:
        raw = plan(change("aws_x.a", ["create"], after=after, after_sensitive={"password": True}))
        return plans.record_of(raw, key=b"")[0]

    one = made(name="hunter1", password="hunter2", tags={"a": 1})
    other = made(name="hunter3", password="x", tags={"a": 1})
    assert (one.address, one.type, one.verbs) == ("aws_x.a", "aws_x", ("create",))
    assert {name for name in one.fields if one.fields[name] != other.fields[name]} == {"name"}
    assert one.mark != other.mark
    assert "hunter" not in repr(one)
