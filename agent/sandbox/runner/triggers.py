"""The `on` key -> triggers; triggers and an event -> whether a run starts."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from agent.sandbox.runner.document import Entry

_PULL_REQUEST = (
    "assigned unassigned labeled unlabeled opened edited closed reopened synchronize converted_to_draft locked "
    "unlocked enqueued dequeued milestoned demilestoned ready_for_review review_requested review_request_removed "
    "auto_merge_enabled auto_merge_disabled"
)
_ISSUES = (
    "opened edited deleted transferred pinned unpinned closed reopened assigned unassigned labeled unlabeled locked "
    "unlocked milestoned demilestoned typed untyped"
)
# Source: workflow-v1.0.json of the npm package @actions/workflow-parser.
TYPES: dict[str, str] = {
    "push": "",
    "schedule": "",
    "workflow_dispatch": "",
    "repository_dispatch": "*",
    "create": "",
    "delete": "",
    "issues": _ISSUES,
    "issue_comment": "created edited deleted",
    "label": "created edited deleted",
    "pull_request": _PULL_REQUEST,
    "pull_request_target": _PULL_REQUEST,
    "pull_request_review": "submitted edited dismissed",
    "pull_request_review_comment": "created edited deleted",
    "check_run": "created rerequested completed requested_action",
    "check_suite": "completed",
}
_DEFAULT_TYPES = ("opened", "synchronize", "reopened")
_FILTERS = {
    "push": "branches branches-ignore tags tags-ignore paths paths-ignore",
    "pull_request": "types branches branches-ignore paths paths-ignore",
    "pull_request_target": "types branches branches-ignore paths paths-ignore",
    "workflow_dispatch": "inputs",
}
_INPUT_KEYS = "description required default type options deprecationMessage"


@dataclass(frozen=True)
class Input:
    """An input of `workflow_dispatch`."""

    name: str
    kind: str
    required: bool
    default: str | bool | float | None
    options: tuple[str, ...]


@dataclass(frozen=True)
class Trigger:
    """One event of `on`. `types` is empty when the event has none; `filters` by key, as they are written."""

    event: str
    types: tuple[str, ...]
    filters: dict[str, tuple[str, ...]]
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Occasion:
    """What the filters look at. `changed` gives the changed paths, asked only when a path filter needs them."""

    event: str
    action: str
    ref: str
    base: str = ""
    changed: Callable[[], Sequence[str]] = field(default=lambda: ())


def read_triggers(on: Entry) -> tuple[Trigger, ...]:
    """The triggers of `on` in its three forms. Raises WorkflowError for an unknown event, type or filter."""
    if isinstance(on.raw, dict):
        return tuple(_trigger(name, entry) for name, entry in on.items())
    return tuple(_trigger(element.text(), Entry(None, on.path, element.line, "on")) for element in on.elements())


def _trigger(name: str, entry: Entry) -> Trigger:
    if name not in TYPES:
        raise Entry(None, entry.path, entry.line, f"event {name!r}").fail(
            f"is unknown to the sandbox; known are {', '.join(sorted(TYPES))}"
        )
    known = TYPES[name].split()
    default = _DEFAULT_TYPES if name in ("pull_request", "pull_request_target") else ()
    if name == "schedule":
        return _schedule(entry)
    if entry.raw is None:
        return Trigger(name, default, {})
    keys = entry.keys(_FILTERS.get(name, "types" if known else ""))
    types = keys.pop("types").texts() if "types" in keys else default
    if "*" not in known:
        for one in types:
            if one not in known:
                raise entry.fail(f"has no type {one!r}; known are {', '.join(known)}")
    inputs = tuple(_input(key, item) for key, item in keys.pop("inputs").items()) if "inputs" in keys else ()
    filters = {key: item.texts() for key, item in keys.items()}
    for key in ("branches", "tags", "paths"):
        if key in filters and f"{key}-ignore" in filters:
            raise keys[key].fail(f"and {key}-ignore cannot stand together")
    return Trigger(name, types, filters, inputs)


def _schedule(entry: Entry) -> Trigger:
    for element in entry.elements():
        cron = element.keys("cron timezone").get("cron")
        if cron is None or len(cron.text().split()) != 5:
            raise element.fail("needs cron: with five fields")
    return Trigger("schedule", (), {})


def _input(name: str, entry: Entry) -> Input:
    keys = entry.keys(_INPUT_KEYS) if entry.raw is not None else {}
    kind = keys["type"].text() if "type" in keys else "string"
    if kind not in ("string", "boolean", "number", "choice", "environment"):
        raise keys["type"].fail(f"{kind!r} is unknown")
    return Input(
        name,
        kind,
        keys["required"].flag() if "required" in keys else False,
        keys["default"].scalar() if "default" in keys else None,
        keys["options"].texts() if "options" in keys else (),
    )


def starts(triggers: Sequence[Trigger], occasion: Occasion) -> bool:
    """Whether `occasion` is one that `triggers` wait for."""
    return any(_fits(trigger, occasion) for trigger in triggers if trigger.event == occasion.event)


def _fits(trigger: Trigger, occasion: Occasion) -> bool:
    if trigger.types and occasion.action not in trigger.types:
        return False
    filters = trigger.filters
    if trigger.event == "push" and not _fits_ref(filters, occasion.ref):
        return False
    if trigger.event != "push" and not _selected(filters, "branches", occasion.base):
        return False
    if "paths" not in filters and "paths-ignore" not in filters:
        return True
    if occasion.ref.startswith("refs/tags/"):
        return True
    return any(_selected(filters, "paths", path) for path in occasion.changed())


def _fits_ref(filters: dict[str, tuple[str, ...]], ref: str) -> bool:
    branches, tags = ({f"{kind}{end}" for end in ("", "-ignore")} & filters.keys() for kind in ("branches", "tags"))
    if ref.startswith("refs/tags/"):
        return _selected(filters, "tags", ref.removeprefix("refs/tags/")) if tags else not branches
    return _selected(filters, "branches", ref.removeprefix("refs/heads/")) if branches else not tags


def _selected(filters: dict[str, tuple[str, ...]], key: str, name: str) -> bool:
    if key in filters:
        return matches(filters[key], name)
    if f"{key}-ignore" in filters:
        return not matches(filters[f"{key}-ignore"], name)
    return True


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether `name` is chosen by `patterns`, the last that fits deciding; `!` takes out."""
    chosen = False
    for pattern in patterns:
        if _expression(pattern.removeprefix("!")).fullmatch(name):
            chosen = not pattern.startswith("!")
    return chosen


@lru_cache(maxsize=512)
def _expression(pattern: str) -> re.Pattern[str]:
    out, index = "", 0
    while index < len(pattern):
        character = pattern[index]
        if pattern.startswith("**/", index):
            out, index = out + "(?:.*/)?", index + 3
            continue
        if pattern.startswith("**", index):
            out, index = out + ".*", index + 2
            continue
        if character == "[" and "]" in pattern[index:]:
            end = pattern.index("]", index)
            out, index = out + pattern[index : end + 1], end + 1
            continue
        if character == "\\" and index + 1 < len(pattern):
            out, index = out + re.escape(pattern[index + 1]), index + 2
            continue
        out += {"*": "[^/]*", "?": "?", "+": "+"}.get(character, re.escape(character))
        index += 1
    return re.compile(out)
