"""Texts below infra/terraform -> what each unit holds, offers to other units and needs of them. Pure.

Read off the code, so it is the least that there is: a `count` or `for_each` that is no literal counts as one.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from agent.gate.hcl import Block, Body, HclError, Node, root_name, walk, walk_blocks
from agent.gate.hcl_parse import parse
from agent.settings import Settings
from agent.targets.terraform_files import ROOT, discover, unit_of

MAX_DEPTH = 8
# Attributes by which one piece of code means the resource of another.
IDENTITY = re.compile(r"(?:.*_)?(?:name|id|identifier|arn|bucket|alias|domain)")
Fact = tuple[str, ...]
"""`(key of a state, output)`, the output empty for the state as such; or `(resource type, attribute, literal)`."""


class Inventory:
    """What the code in `texts` (path -> content) says. A file that cannot be read counts as empty: the gate says so."""

    def __init__(self, texts: Mapping[str, str], *, settings: Settings) -> None:
        self.texts = texts
        self.settings = settings

    @cached_property
    def units(self) -> tuple[str, ...]:
        return discover(self.texts)

    @cached_property
    def _bodies(self) -> dict[str, list[Body]]:
        """Folder -> its files."""
        found: dict[str, list[Body]] = {}
        for path, text in self.texts.items():
            if path.endswith(".tf"):
                body = _read(text)
                found.setdefault(posixpath.dirname(path), []).extend([body] if body else [])
        return found

    def resources(self, unit: str) -> Counter[str]:
        """How many resources of each type the unit holds, those of its local modules included."""
        return self._resources(unit, MAX_DEPTH)

    def held(self, environment: str) -> Counter[str]:
        """How many resources of each type the environment's units hold together."""
        total: Counter[str] = Counter()
        for unit in self.units:
            if environment_of(unit) == environment:
                total += self.resources(unit)
        return total

    def offers(self, unit: str) -> set[Fact]:
        """What other units may refer to: the state, its outputs, and resources by what their names are."""
        if unit not in self.units:
            return set()
        key = self._state_key(unit)
        facts: set[Fact] = {(key, "")} if key else set()
        for _, block in self._blocks(unit):
            if block.kind == "output" and len(block.labels) == 1 and key:
                facts.add((key, block.labels[0]))
            elif block.kind == "resource" and len(block.labels) == 2:
                facts |= _literals(block)
        return facts

    def needs(self, unit: str) -> set[Fact]:
        """What the unit refers to that is somewhere else."""
        facts: set[Fact] = set()
        states: dict[str, str] = {}
        for _, block in self._blocks(unit):
            if block.kind != "data" or len(block.labels) != 2:
                continue
            if block.labels[0] == "terraform_remote_state" and (key := _remote_key(block)):
                states[block.labels[1]] = key
                facts.add((key, ""))
            else:
                facts |= _literals(block)
        for body in self._bodies.get(unit, []):
            for names in _references(body):
                if names[:2] == ("data", "terraform_remote_state") and len(names) >= 5 and names[3] == "outputs":
                    facts |= {(states[names[2]], names[4])} if names[2] in states else set()
        return facts

    def _resources(self, folder: str, depth: int) -> Counter[str]:
        total: Counter[str] = Counter()
        for body in self._bodies.get(folder, []):
            for block in body.blocks:
                if block.kind == "resource" and len(block.labels) == 2:
                    total[block.labels[0]] += _times(block)
                elif block.kind == "module" and depth > 0:
                    source = block.body.get("source")
                    if source is not None and source.kind == "string" and source.text.startswith("."):
                        inner = posixpath.normpath(posixpath.join(folder, source.text))
                        for kind, count in self._resources(inner, depth - 1).items():
                            total[kind] += count * _times(block)
        return total

    def _blocks(self, unit: str) -> Iterator[tuple[tuple[Block, ...], Block]]:
        for body in self._bodies.get(unit, []):
            yield from walk_blocks(body)

    def _state_key(self, unit: str) -> str:
        environment = environment_of(unit)
        known = self.settings.environments.get(environment)
        return f"{known.state.prefix}{environment}/{unit.rpartition('/')[2]}.tfstate" if known else ""


class Dependent(NamedTuple):
    """A unit that needs what would go away, and what that is, in words."""

    unit: str
    what: str


def dependents(before: Inventory, after: Inventory, touched: Collection[str]) -> tuple[Dependent, ...]:
    """Units that would still need what the `touched` units offered before and would not offer any more."""
    lost = {fact: unit for unit in touched for fact in before.offers(unit) - after.offers(unit)}
    still = {fact for unit in after.units for fact in after.offers(unit)} if lost else set()
    found = [
        Dependent(unit, _words(fact, lost[fact]))
        for unit in (after.units if lost else ())
        for fact in sorted(after.needs(unit) & lost.keys() - still)
    ]
    return tuple(found)


def environment_of(unit: str) -> str:
    """`infra/terraform/dev/queue` -> `dev`; empty for what is no unit."""
    return unit.split("/")[2] if unit_of(f"{unit}/main.tf") == unit and unit.startswith(f"{ROOT}/") else ""


def _read(text: str) -> Body | None:
    try:
        return parse(text)
    except HclError:
        return None


def _times(block: Block) -> int:
    count, each = block.body.get("count"), block.body.get("for_each")
    if count is not None and count.kind == "number" and count.text.isdigit():
        return int(count.text)
    if each is not None and each.kind == "call" and each.text == "toset" and len(each.parts) == 1:
        each = each.parts[0]
        if each.kind == "list" and all(item.kind == "string" for item in each.parts):
            return len({item.text for item in each.parts})
    return len(each.parts) if each is not None and each.kind in {"list", "object"} else 1


def _literals(block: Block) -> set[Fact]:
    return {
        (block.labels[0], item.name, item.value.text)
        for item in block.body.attributes
        if item.value.kind == "string" and item.value.text and IDENTITY.fullmatch(item.name)
    }


def _remote_key(block: Block) -> str:
    config = block.body.get("config")
    for item in config.parts if config is not None and config.kind == "object" else ():
        if item.text == "key" and item.parts[1].kind == "string":
            return item.parts[1].text
    return ""


def _references(body: Body) -> Iterator[tuple[str, ...]]:
    values: list[Node] = [item.value for item in body.attributes]
    values += [item.value for _, block in walk_blocks(body) for item in block.body.attributes]
    for value in values:
        for node in walk(value):
            if node.kind in {"attr", "index"}:
                yield _names(node)


def _names(node: Node) -> tuple[str, ...]:
    """The names of a reference, `["literal"]` counted as one of them."""
    if node.kind == "index" and node.parts[1].kind == "string":
        return (*_names(node.parts[0]), node.parts[1].text)
    if node.kind == "attr":
        return (*_names(node.parts[0]), node.text)
    return root_name(node)


def _words(fact: Fact, unit: str) -> str:
    if len(fact) == 2:
        return f"the output {fact[1]} of {unit}" if fact[1] else f"the state of {unit}"
    return f"the {fact[0]} whose {fact[1]} is {fact[2]} in {unit}"
