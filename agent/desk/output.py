"""What the gate and its rules answered -> the text that is printed, in the format that was asked for. Pure."""

import json
from typing import Literal

from agent.desk.gate import Decision
from agent.desk.pages import list_rules, markdown, page
from agent.render.lint import place, plain

Short = Literal["text", "json"]


def gate_text(decision: Decision, style: Short) -> str:
    """The decision in words, or as `{"decision", "findings"}`."""
    if style == "json":
        return as_json(
            {"decision": decision.word, "findings": [item.model_dump(mode="json") for item in decision.findings]}
        )
    lines = []
    for item in decision.findings:
        lines += [f"{place(item)}: {item.rule}: {plain(item.message)}", f"    mend: `{item.help}` shows what is fine"]
    words = {"pass": "pass", "blocked": "blocked", "undecided": "could not decide"}
    count = len(decision.findings)
    said = f": {count} {'finding' if count == 1 else 'findings'}" if count else ""
    return "\n".join([*lines, f"{words[decision.word]}{said}"]) + "\n"


def rules_text(rule: str, style: Short, *, as_markdown: bool = False) -> str:
    """One rule's page, or the list of all. Raises UserError: no such rule."""
    if as_markdown:
        return markdown()
    if rule:
        return as_json(page(rule)) if style == "json" else str(page(rule)["help"])
    rules = list_rules()
    if style == "json":
        return as_json({"rules": rules})
    width = max(len(one["id"]) for one in rules)
    lines = []
    for stage, title in (("preflight", "before anything is written"), ("gate", "what may never be written"),
                         ("scope", "the plan against what was asked for"),
                         ("review", "the second opinion of a model, where one is had")):  # fmt: skip
        lines += [f"{stage}: {title}", ""]
        lines += [f"  {one['id']:<{width}}  {one['reason']}" for one in rules if one["stage"] == stage]
        lines.append("")
    return "\n".join([*lines, f"{len(rules)} rules; `infra-agent rules ID` shows one, and who can lift it"]) + "\n"


def as_json(value: object) -> str:
    """Indented, in ASCII, so that nothing in it acts on a terminal."""
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"
