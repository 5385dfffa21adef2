"""Texts of a unit, or its plan -> the things in it (resources, manifests, tasks) with their attributes. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from agent.domain import Target
from agent.gate.hcl import Body, HclError, Node
from agent.gate.hcl_parse import parse
from agent.gate.yaml_tree import Item, YamlError, parse_yaml, walk

# Of an Ansible task: everything that is no keyword names the module that it runs.
_KEYWORDS = (
    "name when become become_user become_method tags register notify loop loop_control with_items vars until retries "
    "delay changed_when failed_when check_mode diff no_log ignore_errors ignore_unreachable environment block rescue "
    "always delegate_to delegate_facts run_once any_errors_fatal args listen throttle timeout connection collections "
    "module_defaults remote_user port debugger async poll action local_action"
)
KEYWORDS = frozenset(_KEYWORDS.split())
LISTS = ("tasks", "handlers", "pre_tasks", "post_tasks")


class Unknown:
    """A value that the text alone does not say."""

    def __repr__(self) -> str:
        return "(not known without a plan)"


UNKNOWN = Unknown()


class Thing(NamedTuple):
    """`type` as the target names it, `name` within that type, `unit` its folder, `values` by attribute."""

    unit: str
    type: str
    name: str
    values: Mapping[str, Any]


class Unread(ValueError):
    """A file that cannot be parsed; `path` names it."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path


def things_of(texts: Mapping[str, str], units: Iterable[str], target: Target) -> tuple[Thing, ...]:
    """The things in the texts (path -> content) of `units`. Raises Unread for the first that cannot be parsed."""
    found: list[Thing] = []
    for unit in units:
        for path, text in sorted(texts.items()):
            if path.startswith(f"{unit}/"):
                found += _of_file(unit, path, text, target)
    return tuple(found)


def planned(plan: Mapping[str, Any], unit: str) -> tuple[Thing, ...]:
    """The resources that will stand once the plan (`terraform show -json`) is applied, those of modules included."""
    found: list[Thing] = []
    unknown = {one.get("address"): (one.get("change") or {}).get("after_unknown") for one in _changes(plan)}
    waiting = [(plan.get("planned_values") or {}).get("root_module") or {}]
    while waiting:
        module = waiting.pop()
        waiting += module.get("child_modules") or []
        for one in module.get("resources") or []:
            if one.get("mode") == "managed":
                values = _laid(one.get("values") or {}, unknown.get(one.get("address")))
                found.append(Thing(unit, str(one.get("type")), str(one.get("name")), values))
    return tuple(sorted(found, key=lambda one: (one.type, one.name)))


def at(values: Any, path: str) -> list[Any]:
    """Every value at `path` (dots go down, `*` is every item); a list with one item counts as that item.

    Empty when there is none, with UNKNOWN among them where the text does not say it.
    """
    found = [values]
    for part in path.split(".") if path else []:
        found = [value for one in found for value in _step(one, part)]
    return [value for value in found if value is not None]


def _step(value: Any, part: str) -> list[Any]:
    if value is UNKNOWN:
        return [UNKNOWN]
    if part == "*":
        return list(value) if isinstance(value, list) else [value]
    if isinstance(value, list):
        if part.isdigit():
            return value[int(part) : int(part) + 1]
        return [inner for one in value for inner in _step(one, part)]
    return [value[part]] if isinstance(value, dict) and part in value else []


def _of_file(unit: str, path: str, text: str, target: Target) -> Iterator[Thing]:
    if target == "terraform" and path.endswith(".tf"):
        try:
            blocks = parse(text).blocks
        except HclError as error:
            raise Unread(path, f"line {text.count(chr(10), 0, error.at) + 1}: {error}") from error
        for block in blocks:
            if block.kind == "resource" and len(block.labels) == 2:
                yield Thing(unit, block.labels[0], block.labels[1], _body(block.body))
            elif block.kind in ("module", "variable", "output") and block.labels:
                yield Thing(unit, block.kind, block.labels[0], _body(block.body))
    elif target != "terraform" and path.endswith((".yaml", ".yml")):
        try:
            # A document that aliases make endless is refused before it is laid out.
            documents = [_plain(one) for one in parse_yaml(text) if sum(1 for _ in walk(one))]
        except YamlError as error:
            raise Unread(path, f"line {error.line}: {error}") from error
        for one in documents:
            if target == "kubernetes":
                yield from _manifest(unit, one)
            else:
                yield from _tasks(unit, path, one)


def _manifest(unit: str, document: Any) -> Iterator[Thing]:
    if isinstance(document, dict) and isinstance(document.get("kind"), str):
        named = document.get("metadata")
        name = named.get("name") if isinstance(named, dict) else ""
        yield Thing(unit, document["kind"], str(name or ""), document)


def _tasks(unit: str, path: str, document: Any) -> Iterator[Thing]:
    """Every task of a playbook or a role; a play itself is a thing of type `play`."""
    waiting = list(document) if isinstance(document, list) and "/inventory" not in path else []
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, dict):
            continue
        if "hosts" in one:
            yield Thing(unit, "play", str(one.get("name", "")), one)
        for inner in (*LISTS, "block", "rescue", "always"):
            if isinstance(one.get(inner), list):
                waiting += one[inner]
        if "hosts" in one or "block" in one:
            continue
        for module in [key for key in one if key not in KEYWORDS]:
            given = one[module]
            arguments = given if isinstance(given, dict) else {"_raw": given}
            kept = {key: value for key, value in one.items() if key != module}
            yield Thing(unit, module, str(one.get("name", "")), {**arguments, "task": kept})


def _body(body: Body) -> dict[str, Any]:
    values: dict[str, Any] = {item.name: _value(item.value) for item in body.attributes}
    for block in body.blocks:
        inner = _body(block.body)
        if block.kind == "dynamic" and block.labels:
            values.setdefault(block.labels[0], []).append(UNKNOWN)
        else:
            values.setdefault(block.kind, []).append(inner)
    return values


def _value(node: Node) -> Any:
    if node.kind == "string":
        return node.text
    if node.kind == "number":
        return float(node.text) if not node.text.isdigit() else int(node.text)
    if node.kind == "word":
        return {"true": True, "false": False}.get(node.text)
    if node.kind == "list":
        return [_value(part) for part in node.parts]
    if node.kind == "object" and all(item.text for item in node.parts):
        return {item.text: _value(item.parts[1]) for item in node.parts}
    return UNKNOWN


def _plain(item: Item) -> Any:
    if item.kind == "list":
        return [_plain(one) for one in item.items()]
    if item.kind == "map":
        return {key: _plain(value) for key, value in item.entries()}
    if item.is_true or item.is_false:
        return item.is_true
    if item.is_null:
        return None
    if not item.quoted and item.text.lstrip("-").isdigit():
        return int(item.text)
    return item.text


def _changes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in plan.get("resource_changes") or [] if isinstance(one, dict)]


def _laid(values: Mapping[str, Any], unknown: Any) -> dict[str, Any]:
    """`values` with UNKNOWN where the plan says that only applying it will tell."""
    known = dict(values)
    for key, mark in (unknown if isinstance(unknown, dict) else {}).items():
        if mark is True:
            known[key] = UNKNOWN
    return known
