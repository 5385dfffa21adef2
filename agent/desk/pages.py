"""The gate's rules -> the list and the pages that `infra-agent rules` prints, and docs/rules.md."""

import inspect
from itertools import groupby
from typing import Any

from agent.errors import UserError
from agent.gate import RULES
from agent.gate.rules import Example, Rule, printable, show

DOCUMENT = "docs/rules.md"
_MOST_LINES = 40
_FAMILIES = {
    "ansible": "Ansible",
    "bundle": "The change as a whole",
    "content": "Text of every file",
    "gate": "The gate itself",
    "kubernetes": "Kubernetes",
    "paths": "Where and under which names",
    "plan": "Terraform plans",
    "terraform": "Terraform",
}


def list_rules() -> list[dict[str, Any]]:
    """Every rule in the order of its id: id, reason, whether a waiver may name it."""
    return [
        {"id": rule.id, "reason": rule.reason, "waivable": rule.waivable}
        for rule in sorted(RULES.values(), key=lambda rule: rule.id)
    ]


def page(rule: str) -> dict[str, Any]:
    """One rule: id, reason, waivable, `help` (text), `fires` and `passes` (bundles). Raises UserError: no such rule."""
    found = RULES.get(rule)
    if found is None:
        near = [name for name in sorted(RULES) if rule and (rule in name or name.rsplit("/", 1)[-1] in rule)]
        hint = f"; did you mean {', '.join(near[:3])}?" if near else "; `infra-agent rules` lists them"
        raise UserError(f"{printable(rule)[:80]}: no such rule{hint}")
    return {
        "id": found.id,
        "reason": found.reason,
        "waivable": found.waivable,
        "help": found.help,
        "fires": [dict(example) for example in found.fires],
        "passes": [dict(example) for example in found.passes],
    }


def markdown() -> str:
    """docs/rules.md: every rule with its reason, its docstring, and a bundle on which it fires and one that passes."""
    rules = sorted(RULES.values(), key=lambda rule: rule.id)
    parts = [
        "# What may never be written: the gate's rules",
        "Made by `infra-agent rules --markdown` from the rules themselves; a test holds the two together. Change the "
        "rule's docstring or its examples, then `infra-agent rules --markdown > docs/rules.md`.",
        f"There are {len(rules)} rules. `infra-agent rules ID` prints one, `infra-agent gate BUNDLE.json` runs them "
        "all on a bundle, without any outside tool. Every finding of the gate blocks.",
    ]
    for family, members in groupby(rules, key=lambda rule: rule.id.split("/")[0]):
        parts.append(f"## {_FAMILIES.get(family, family)}")
        for rule in members:
            parts += _section(rule)
    return "\n\n".join(parts) + "\n"


def _section(rule: Rule[Any]) -> list[str]:
    waiver = "A waiver may name it." if rule.waivable else "No waiver."
    parts = [f"### `{rule.id}`", f"{_sentence(rule.reason)} {waiver}", inspect.getdoc(rule.check) or ""]
    parts += _example("Blocked:", rule.fires[:1])
    parts += _example("Fine:", rule.passes[:1])
    return [part for part in parts if part]


def _example(title: str, examples: tuple[Example, ...]) -> list[str]:
    return [f"{title}\n\n{_fenced(show(example))}" for example in examples]


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    # Whatever a path or a text holds, a line of it is never longer than a page.
    lines = [line if len(line) <= 200 else f"{line[:200]} …" for line in text.split("\n")]
    more = len(lines) - _MOST_LINES
    lines = [*lines[:_MOST_LINES], f"    … and {more} more lines"] if more > 0 else lines
    return "\n".join([f"{fence}text", *(line.removeprefix("    ") for line in lines), fence])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
