"""The rules of preflight, gate and scope -> what `infra-agent rules` prints of them, and docs/rules.md."""

import inspect
from itertools import groupby
from typing import Any, Literal

from agent import preflight, scope
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
Stage = Literal["preflight", "gate", "scope", "review"]
_HELD = {
    "preflight": "Preflight: before anything is written",
    "scope": "Scope: the plan against what was asked for",
    "review": "Review: the second opinion of a model, which can make a change need work and blocks nothing",
}
_WAIVER = "a waiver on the default branch (policies/waivers.yml)"
_NOBODY = "nobody: change what was written"
_OVERRIDE = "`/agent override RULE=VALUE REASON` by those whom `overrides` in policies/guardrails.yml names for it"
_REVISE = "nobody: ask for it with `/agent revise`"
_APPROVE = "`/agent approve-destroy COMMIT ADDRESS` by those who may approve"


def list_rules() -> list[dict[str, Any]]:
    """Every rule in the order of its id: id, stage (preflight, gate, scope or review), reason, whether a waiver may
    name it, and who can lift it.
    """
    found = [_listed(rule, "gate", one.reason, lifted=_lifted(one)) for rule, one in RULES.items()]
    found += [_listed(rule, "preflight", reason, lifted=_OVERRIDE) for rule, reason in preflight.RULES.items()]
    found += [_listed(rule, "review", reason, lifted=_OVERRIDE) for rule, reason in preflight.REVIEW_RULES.items()]
    found += [_listed(rule, "scope", reason, lifted=_of_scope(rule)) for rule, reason in scope.RULES.items()]
    return sorted(found, key=lambda one: str(one["id"]))


def _listed(rule: str, stage: Stage, reason: str, *, lifted: str) -> dict[str, Any]:
    return {"id": rule, "stage": stage, "reason": reason, "waivable": lifted == _WAIVER, "lifted_by": lifted}


def _lifted(rule: Rule[Any]) -> str:
    return _WAIVER if rule.waivable else _NOBODY


def _of_scope(rule: str) -> str:
    if rule == "scope/idle-approval":
        return "nobody needs to: it is a note and blocks nothing"
    return _APPROVE if rule == scope.STATEFUL else _REVISE


def page(rule: str) -> dict[str, Any]:
    """One rule as it is listed, with `help` (text), and of the gate's `fires` and `passes` (bundles). Raises UserError:
    no such rule.
    """
    every = {str(one["id"]): one for one in list_rules()}
    if rule not in every:
        near = [name for name in every if rule and (rule in name or name.rsplit("/", 1)[-1] in rule)]
        hint = f"; did you mean {', '.join(near[:3])}?" if near else "; `infra-agent rules` lists them"
        raise UserError(f"{printable(rule)[:80]}: no such rule{hint}")
    found, one = RULES.get(rule), every[rule]
    if found is None:
        asked = _HELD[str(one["stage"])]
        return {**one, "help": f"{rule}: {one['reason']}\n\n{asked}.\n\nLifted by: {one['lifted_by']}.\n"}
    return {
        **one,
        "help": found.help,
        "fires": [dict(example) for example in found.fires],
        "passes": [dict(example) for example in found.passes],
    }


def markdown() -> str:
    """docs/rules.md: every rule with its reason and who can lift it; of the gate's also the docstring, a bundle on
    which it fires and one that passes.
    """
    rules = sorted(RULES.values(), key=lambda rule: rule.id)
    parts = [
        "# Rules: what is refused, and who can lift it",
        "Made by `infra-agent rules --markdown` from the rules themselves; a test holds the two together. Change the "
        "rule's docstring or its examples, then `infra-agent rules --markdown > docs/rules.md`.",
        f"The gate has {len(rules)} rules: what may never be written. `infra-agent rules ID` prints one, "
        "`infra-agent gate BUNDLE.json` runs them all on a bundle, without any outside tool. Every finding of the gate "
        "blocks. Before it, preflight asks whether the request may be carried out at all; after it, scope compares the "
        "plan with what was asked for.",
        *_table("preflight"),
        *_table("scope"),
        *_table("review"),
    ]
    for family, members in groupby(rules, key=lambda rule: rule.id.split("/")[0]):
        parts.append(f"## {_FAMILIES.get(family, family)}")
        for rule in members:
            parts += _section(rule)
    return "\n\n".join(parts) + "\n"


def _table(stage: Stage) -> list[str]:
    rows = [one for one in list_rules() if one["stage"] == stage]
    lines = ["| rule | asks | lifted by |", "|---|---|---|"]
    lines += [f"| `{one['id']}` | {one['reason']} | {one['lifted_by']} |" for one in rows]
    return [f"## {_HELD[stage]}", "\n".join(lines)]


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
