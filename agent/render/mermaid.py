"""Plan -> a Mermaid picture of what changes, and of what that refers to or is referred to by. Pure."""

import re
from collections.abc import Collection, Iterator

from agent.domain import Plan, UnitPlan, without_keys
from agent.render.redact import redact
from agent.render.stages import SILENT, VERBS, main_verb

# More boxes than this are no picture any more.
MOST_NODES = 40
MOST_NEIGHBOURS = 20
MOST_ARROWS = 80
STYLES = {
    "create": "stroke:#1a7f37,stroke-width:2px",
    "update": "stroke:#9a6700,stroke-width:2px",
    "replace": "stroke:#bc4c00,stroke-width:4px",
    "delete": "stroke:#cf222e,stroke-width:4px,stroke-dasharray:6 3",
    "same": "stroke:#8c959f,stroke-width:1px,stroke-dasharray:2 3",
}


def picture(plan: Plan, *, secrets: Collection[str] = ()) -> str:
    """Source of a flow chart, or nothing when no resource changes: a frame a unit, a box a resource (its instances
    together), destroys first; an arrow where one refers to the other. Labels keep only characters without a meaning.
    """
    lines = ["flowchart LR"]
    room = MOST_NODES
    left_out = 0
    for index, unit in enumerate(plan.units):
        boxes = _boxes(unit)
        left_out += len(boxes[room:])
        boxes = boxes[:room]
        room -= len(boxes)
        if boxes:
            lines += [
                f'  subgraph u{index}["{label(unit.unit, secrets)}"]',
                *_unit(index, unit, boxes, secrets),
                "  end",
            ]
    if len(lines) == 1:
        return ""
    if left_out:
        lines.append(f'  more["and {left_out} more"]')
    lines += [f"  classDef {name} {style}" for name, style in STYLES.items()]
    return "\n".join(lines)


def label(text: str, secrets: Collection[str] = ()) -> str:
    """Letters, digits and the punctuation of addresses; everything else could be syntax of Mermaid or HTML."""
    kept = re.sub(r"[^A-Za-z0-9_.:/\[\] -]", "_", redact(text, values=secrets).replace('"', ""))
    return kept if len(kept) <= 80 else f"{kept[:39]}..{kept[-39:]}"


def _boxes(unit: UnitPlan) -> list[tuple[str, str, list[str]]]:
    """(verb, place in the code, addresses of its instances), destroys first."""
    found: dict[tuple[str, str], list[str]] = {}
    for change in unit.changes:
        if set(change.verbs) - SILENT:
            found.setdefault((main_verb(change), without_keys(change.address)), []).append(change.address)
    ordered = sorted(found.items(), key=lambda item: (VERBS.index(item[0][0]), item[0][1]))
    return [(verb, place, addresses) for (verb, place), addresses in ordered]


def _unit(
    index: int, unit: UnitPlan, boxes: list[tuple[str, str, list[str]]], secrets: Collection[str]
) -> Iterator[str]:
    nodes: dict[str, list[str]] = {}
    for number, (verb, place, addresses) in enumerate(boxes):
        node = f"u{index}n{number}"
        nodes.setdefault(place, []).append(node)
        what = addresses[0] if len(addresses) == 1 else place
        times = f", {len(addresses)} of them" if len(addresses) > 1 else ""
        yield f'    {node}["{verb} {label(what, secrets)}{times}"]:::{verb}'
    shown = {without_keys(change.address) for change in unit.changes if set(change.verbs) - SILENT}
    near: dict[str, str] = {}
    arrows = 0
    for reference in unit.references:
        ends = []
        for address in (without_keys(reference.address), without_keys(reference.to)):
            if address in nodes:
                ends.append(nodes[address])
            elif address in near:
                ends.append([near[address]])
            elif address not in shown and len(near) < MOST_NEIGHBOURS and (ends or without_keys(reference.to) in nodes):
                near[address] = f"u{index}k{len(near)}"
                ends.append([near[address]])
                yield f'    {near[address]}["{label(address, secrets)}"]:::same'
        for start in ends[0] if len(ends) == 2 else ():
            for end in ends[1]:
                arrows += 1
                if arrows <= MOST_ARROWS:
                    yield f"    {start} --> {end}"
