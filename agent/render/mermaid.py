"""Plan -> a Mermaid picture of what changes in each unit. Pure."""

import re
from collections.abc import Collection

from agent.domain import Plan
from agent.render.redact import redact
from agent.render.stages import SILENT, main_verb

# More boxes than this are no picture any more.
MOST_NODES = 40
STYLES = {
    "create": "stroke:#1a7f37,stroke-width:2px",
    "update": "stroke:#9a6700,stroke-width:2px",
    "replace": "stroke:#bc4c00,stroke-width:4px",
    "delete": "stroke:#cf222e,stroke-width:4px,stroke-dasharray:6 3",
}


def picture(plan: Plan, *, secrets: Collection[str] = ()) -> str:
    """Source of a flow chart, or nothing when no resource changes. Labels keep only characters without a meaning."""
    lines = ["flowchart LR"]
    number = 0
    left_out = 0
    for index, unit in enumerate(plan.units):
        changes = [change for change in unit.changes if set(change.verbs) - SILENT]
        if not changes:
            continue
        lines.append(f'  u{index}(["{label(unit.unit, secrets)}"])')
        for change in changes:
            if number == MOST_NODES:
                left_out += 1
                continue
            verb = main_verb(change)
            lines.append(f'  u{index} -- {verb} --> n{number}["{label(change.address, secrets)}"]:::{verb}')
            number += 1
    if number == 0:
        return ""
    if left_out:
        lines.append(f'  more["and {left_out} more"]')
    lines += [f"  classDef {verb} {style}" for verb, style in STYLES.items()]
    return "\n".join(lines)


def label(text: str, secrets: Collection[str] = ()) -> str:
    """Letters, digits and the punctuation of addresses; everything else could be syntax of Mermaid or HTML."""
    kept = re.sub(r"[^A-Za-z0-9_.:/\[\] -]", "_", redact(text, values=secrets).replace('"', ""))
    return kept if len(kept) <= 80 else f"{kept[:39]}..{kept[-39:]}"
