"""A rule's example -> the same thing said in another way, which the gate must judge the same."""

from collections.abc import Callable, Mapping
from random import Random

from agent.gate.rules import BEFORE, Example
from tests.gate.gate_helpers import SETTINGS, UNIT
from tests.gate.respell_ansible import respell_ansible
from tests.gate.respell_hcl import respell_hcl
from tests.gate.respell_json import respell_bundle, respell_plan
from tests.gate.respell_kubernetes import respell_kubernetes
from tests.gate.respell_text import respell_content, respell_path

# What else may stop a respelled example: the same fact, seen by a neighbour of the rule.
NEIGHBOURS: Mapping[str, frozenset[str]] = {
    "paths/folder": frozenset({"paths/name"}),
    "paths/reserved": frozenset({"paths/name", "paths/extension"}),
    "bundle/unreadable": frozenset(),
    # A keyword written as a module's name is one that nobody has listed.
    "ansible/keyword": frozenset({"ansible/module"}),
}


def respelled(rule: str, example: Example, rng: Random, *, harmless: bool = False) -> Example:
    """The example of `rule` in another spelling. Raises KeyError for a family of rules that has no spellings yet.

    `harmless`: the example passes, so that what only an attacker would do to it (another folder, an encoding) is left.
    """
    if SETTINGS in example:
        rest = {path: text for path, text in example.items() if path != SETTINGS}
        return {**respelled(rule, rest, rng, harmless=harmless), SETTINGS: example[SETTINGS]}
    family = rule.split("/")[0]
    if family in {"paths", "content"}:
        way = respell_path if family == "paths" else respell_content
        return way(rule, example, rng, harmless=harmless)
    return SPELLINGS[family](rule, example, rng)


def _terraform(rule: str, example: Example, rng: Random) -> Example:
    out: dict[str, str | None] = {}
    name = rng.choice(["main.tf", "zz.tf", "a-b.tf"])
    for path, text in example.items():
        if not path.endswith(".tf") or text is None or rule == "terraform/unparsable":
            out[path] = text
            continue
        where = path
        if path == f"{UNIT}/main.tf" and f"{BEFORE}{path}" not in example and len(example) == 1:
            where = f"{UNIT}/{name}"
        out[where] = respell_hcl(text, rng, more="terraform {" not in text or "locals" not in text)
    return out


def _bundle(rule: str, example: Example, rng: Random) -> Example:
    if "bundle.json" in example:
        return respell_bundle(example, rng)
    pairs = list(example.items())
    rng.shuffle(pairs)
    if pairs and rule != "bundle/limit":
        extra = (f"{UNIT}/calm-{rng.randint(0, 9)}.tf", "locals {}\n")
        pairs.insert(rng.randint(0, len(pairs)), extra)
    return dict(pairs)


SPELLINGS: Mapping[str, Callable[[str, Example, Random], Example]] = {
    "bundle": _bundle,
    "terraform": _terraform,
    "plan": lambda _, example, rng: respell_plan(example, rng),
    "ansible": respell_ansible,
    "kubernetes": respell_kubernetes,
}
