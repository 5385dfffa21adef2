"""`terraform show -json` of a plan -> its changes, its digest, and the plan in brief. Pure."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from agent.domain import Change, Planned, Verb
from agent.errors import ToolError
from agent.targets.terraform_marks import any_true, count_true, part_of
from agent.targets.terraform_values import forced_by, values_of

_VERBS: dict[tuple[str, ...], Verb] = {
    ("no-op",): "no-op",
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "delete",  # the state loses it: for the unit it is gone
    ("create", "forget"): "replace",
}
_SILENT = {"no-op", "read"}
REST = "(what stays as it is)"


def changes_of(plan_json: Mapping[str, Any]) -> tuple[Change, ...]:
    """What the plan would do, resource by resource in order of address; resources that stay as they are are left out.

    An import or a move counts as `update`, with `(import)` or `(moved from ADDRESS)` among its fields; what the state
    would forget counts as `delete`, with `(forgotten)`. Values are there for the few attributes that allow it.
    Raises ToolError for an action that is not known here.
    """
    changes = []
    values = values_of(plan_json)
    for item in plan_json.get("resource_changes", []):
        verb = _verb(item)
        if not _changes(item):
            continue
        fields = _fields(item["change"]) if verb in ("create", "update", "replace", "read") else ()
        masks = (item["change"].get("before_sensitive"), item["change"].get("after_sensitive"))
        changes.append(
            Change(
                address=_address(item),
                type=item["type"],
                verbs=("update" if verb == "no-op" else verb,),
                sensitive=any(any_true(mask) for mask in masks),
                fields=(*fields, *_marks(item)),
                values=values.get((item["address"], item.get("deposed", "")), ()),
                forced_by=forced_by(item["change"], item.get("action_reason", "")) if verb == "replace" else (),
            )
        )
    return tuple(sorted(changes, key=lambda change: change.address))


def unknowns(plan_json: Mapping[str, Any]) -> int:
    """How many attributes are known only after the apply."""
    changes = (item["change"] for item in plan_json.get("resource_changes", []))
    return sum(count_true(change.get("after_unknown")) for change in changes)


def is_empty(plan_json: Mapping[str, Any]) -> bool:
    """True when applying would change nothing: no resource, no output, nothing put off, no error."""
    return not (
        changed_resources(plan_json)
        or changed_outputs(plan_json)
        or plan_json.get("deferred_changes")
        or plan_json.get("errored", False)
        or not plan_json.get("complete", True)
    )


def changed_resources(plan_json: Mapping[str, Any]) -> tuple[str, ...]:
    """Addresses that the plan would touch."""
    return tuple(change.address for change in changes_of(plan_json) if not set(change.verbs) <= _SILENT)


def changed_outputs(plan_json: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of outputs that the plan would change."""
    outputs = plan_json.get("output_changes", {})
    return tuple(sorted(name for name, change in outputs.items() if change.get("actions") != ["no-op"]))


def outputs_of(plan_json: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The outputs as they would be after the apply; sensitive and unknown ones are left out."""
    outputs = plan_json.get("planned_values", {}).get("outputs", {})
    return {
        name: output["value"]
        for name, output in sorted(outputs.items())
        if "value" in output and output.get("sensitive") is False
    }


def canonical_digest(plan_json: Mapping[str, Any], *, key: bytes) -> str:
    """SHA-256, 64 hex digits, over what the plan would do.

    Order, timestamps, tool versions, and how sensitive or unknown parts are spelled make no difference; every value
    that would be written does. A resource that stays as it is enters by its address alone, because its computed
    attributes move in the real world all the time. Sensitive values enter as HMAC-SHA-256 under `key`; with an empty
    key only the fact that there is one enters, since a hash without a key can be guessed.
    """
    return hashlib.sha256(_json(_canonical(plan_json, key))).hexdigest()


def _canonical(plan_json: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    resources = sorted(
        (_resource(item, key) for item in plan_json.get("resource_changes", [])), key=lambda item: json.dumps(item[:2])
    )
    outputs = {
        name: _values(change, key)
        for name, change in plan_json.get("output_changes", {}).items()
        if change.get("actions") != ["no-op"]
    }
    deferred = sorted(
        json.dumps([item.get("reason"), _resource(item["resource_change"], key)], sort_keys=True)
        for item in plan_json.get("deferred_changes", [])
    )
    return {
        "resources": resources,
        "outputs": outputs,
        "deferred": deferred,
        "errored": bool(plan_json.get("errored", False)),
        "complete": bool(plan_json.get("complete", True)),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def record_of(plan_json: Mapping[str, Any], *, key: bytes) -> tuple[Planned, ...]:
    """The plan in brief, by address: all that enters `canonical_digest` enters here too, as short hashes.

    Outputs stand as `output.NAME`; what stays as it is and what Terraform puts off share the last entry.
    """
    changing = [item for item in plan_json.get("resource_changes", []) if _changes(item)]
    found = [
        Planned(
            address=_address(item),
            type=item["type"],
            verbs=("update",) if _verb(item) == "no-op" else (_verb(item),),
            mark=_short(_resource(item, key), 12),
            fields={
                **{name: _short(_attribute(item["change"], name, key), 4) for name in _fields(item["change"])},
                **dict.fromkeys(_marks(item), ""),
            },
        )
        for item in changing
    ]
    found += [
        Planned(
            address=f"output.{name}", type="output", verbs=(_output_verb(change),), mark=_short(_values(change, key))
        )
        for name, change in plan_json.get("output_changes", {}).items()
        if change.get("actions") != ["no-op"]
    ]
    canonical = _canonical(plan_json, key)
    rest = {name: part for name, part in canonical.items() if name != "outputs"}
    rest["resources"] = sorted(
        json.dumps(_resource(item, key), sort_keys=True)
        for item in plan_json.get("resource_changes", [])
        if not _changes(item)
    )
    last = Planned(address=REST, type="", verbs=("no-op",), mark=_short(rest))
    return (*sorted(found, key=lambda one: one.address), last)


def _changes(item: Mapping[str, Any]) -> bool:
    return _verb(item) != "no-op" or bool(_marks(item))


def _marks(item: Mapping[str, Any]) -> tuple[str, ...]:
    """What happens to a resource beside its attributes; these stand among its fields."""
    marks = ["(import)"] if item["change"].get("importing") else []
    marks += ["(forgotten)"] if "forget" in item["change"]["actions"] else []
    if item.get("previous_address", item["address"]) != item["address"]:
        marks.append(f"(moved from {item['previous_address']})")
    return tuple(marks)


def _output_verb(change: Mapping[str, Any]) -> Verb:
    return _VERBS.get(tuple(change.get("actions") or ()), "update")


def _attribute(change: Mapping[str, Any], name: str, key: bytes) -> list[Any]:
    """One attribute before and after; a sensitive or unknown value enters as in the digest."""
    return [
        _encode(part_of(change.get(part), name), sensitive=part_of(change.get(mask), name), unknown=unknown, key=key)
        for part, mask, unknown in (
            ("before", "before_sensitive", None),
            ("after", "after_sensitive", part_of(change.get("after_unknown"), name)),
        )
    ]


def _short(value: Any, digits: int = 12) -> str:
    return hashlib.sha256(_json(value)).hexdigest()[:digits]


def _resource(item: Mapping[str, Any], key: bytes) -> list[Any]:
    change = item["change"]
    place = [item["address"], item.get("deposed", "")]
    moved = item.get("previous_address", item["address"])
    kind = [item.get("mode"), item["type"], item.get("provider_name"), moved, change["actions"]]
    if _verb(item) == "no-op" and not change.get("importing"):
        return [*place, kind]
    importing = change.get("importing") or None
    paths = sorted(json.dumps(path) for path in change.get("replace_paths") or [])
    return [*place, kind, item.get("action_reason"), importing, paths, _values(change, key)]


def _values(change: Mapping[str, Any], key: bytes) -> list[Any]:
    return [
        change.get("actions"),
        _encode(change.get("before"), sensitive=change.get("before_sensitive"), unknown=None, key=key),
        _encode(
            change.get("after"), sensitive=change.get("after_sensitive"), unknown=change.get("after_unknown"), key=key
        ),
    ]


def _encode(value: Any, *, sensitive: Any, unknown: Any, key: bytes) -> Any:
    """`value` with its marks folded in. Lists begin with a word, so that no value reads like a mark."""
    if unknown is True:
        return ["unknown", any_true(sensitive)]
    if isinstance(value, dict) or (value is None and isinstance(unknown, dict) and any_true(unknown)):
        names = {*(value or {}), *(unknown if isinstance(unknown, dict) else {})}
        parts = {name: ((value or {}).get(name), part_of(sensitive, name), part_of(unknown, name)) for name in names}
        return {
            name: _encode(part, sensitive=mask, unknown=mark, key=key)
            for name, (part, mask, mark) in parts.items()
            if part is not None or any_true(mark) or name in (value or {})
        }
    if isinstance(value, list):
        encoded = (
            _encode(part, sensitive=part_of(sensitive, index), unknown=part_of(unknown, index), key=key)
            for index, part in enumerate(value)
        )
        return ["list", *encoded]
    if sensitive is True:
        if not key:
            return ["sensitive"]
        return ["sensitive", hmac.new(key, json.dumps(value).encode(), hashlib.sha256).hexdigest()]
    return value


def _verb(item: Mapping[str, Any]) -> Verb:
    actions = tuple(item["change"]["actions"])
    verb = _VERBS.get(actions)
    if verb is None:
        raise ToolError(f"{item['address']}: the plan holds an action that is not known here: {'+'.join(actions)}")
    return verb


def _fields(change: Mapping[str, Any]) -> Iterator[str]:
    before, after, unknown = (change.get(name) or {} for name in ("before", "after", "after_unknown"))
    if not all(isinstance(part, dict) for part in (before, after, unknown)):
        return
    for name in sorted({*before, *after, *unknown}):
        if not before:
            differs = after.get(name) not in (None, [], {})  # what AWS will fill in says nothing about a new resource
        else:
            differs = any_true(unknown.get(name)) or before.get(name) != after.get(name)
        if differs:
            yield name


def _address(item: Mapping[str, Any]) -> str:
    return f"{item['address']} (deposed {item['deposed']})" if item.get("deposed") else str(item["address"])
