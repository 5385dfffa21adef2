"""Units and modules of the repository: which there are, what one holds, needs and takes, and who needs it."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from agent.domain import Target
from agent.errors import UserError
from agent.gate.hcl import Block, HclError, Node
from agent.gate.hcl_parse import parse
from agent.models.tools.place import Place, shown
from agent.models.tools.tool import Arguments, Tool
from agent.targets.terraform_files import MODULES
from agent.targets.terraform_inventory import Fact

MOST_TEXT = 200
_PLAY = re.compile(r"^(?:- |  )(?:name|hosts):\s*(?P<said>.+)$", re.MULTILINE)
_KIND = re.compile(r"^kind:\s*(?P<kind>[A-Za-z]+)\s*$", re.MULTILINE)


class ListUnits(Arguments):
    environment: str = ""
    """Only units of this environment."""
    target: Target | None = None
    """Only units of this target."""
    text: str = ""
    """Only units whose path or resource types hold this text."""


class OneUnit(Arguments):
    unit: str
    """Folder of the unit, or the end of it that no other unit shares, such as dev/queue."""


class Topology(OneUnit):
    depth: Annotated[int, Field(ge=1, le=4)] = 2
    """How many steps away from the unit."""


class ModuleInterface(Arguments):
    module: str = ""
    """Name or folder of a module below infra/terraform/modules. Empty: lists them."""


def list_units(place: Place, given: ListUnits) -> str:
    """A line a unit: folder, target, and of Terraform the resources by type."""
    rows = []
    for unit, target in place.units.items():
        if given.target not in (None, target) or (given.environment and _environment(unit) != given.environment):
            continue
        held = place.inventory.resources(unit) if target == "terraform" else {}
        said = ", ".join(f"{kind} {count}" for kind, count in sorted(held.items()))
        if given.text.lower() in f"{unit} {said}".lower():
            rows.append(f"{unit}  {target}{f'  {said}' if said else ''}")
    return "\n".join([f"{len(rows)} of {len(place.units)} units", *rows])


def show_unit(place: Place, given: OneUnit) -> str:
    """Files, and of Terraform the variables, outputs, resources, data sources and modules; hosts or kinds otherwise."""
    unit = place.unit(given.unit)
    files = [path for path in place.paths if path.startswith(f"{unit}/")]
    rows = [f"{unit}: {place.units[unit]}", "", "files:", *(f"  {path} ({place.every[path].size})" for path in files)]
    texts = {path: place.told(path) for path in place.texts(f"{unit}/")}
    if place.units[unit] == "terraform":
        rows += _terraform({path: text for path, text in texts.items() if posixpath.dirname(path) == unit})
        needs = sorted({one for one, _ in _needs(place, unit)})
        rows += ["", "needs: " + (", ".join(needs) or "no other unit that can be told from the code")]
    else:
        pattern, group = (_PLAY, "said") if place.units[unit] == "ansible" else (_KIND, "kind")
        for path, text in texts.items():
            if said := [match[group][:MOST_TEXT] for match in pattern.finditer(text)]:
                rows.append(f"{path}: {', '.join(said[:30])}")
    return "\n".join(rows)


def topology(place: Place, given: Topology) -> str:
    """What the unit needs and what needs it, step by step, with what it is needed for."""
    unit = place.unit(given.unit)
    if place.units[unit] != "terraform":
        raise UserError(f"{unit}: only Terraform units say in their code what they need of each other")
    rows = [f"around {unit}, as far as the code says (identities and states that it names):"]
    for title, step in (("needs", _needs), ("is needed by", _needed_by)):
        rows += ["", f"{title}:"]
        seen, edge = {unit}, [unit]
        for depth in range(1, given.depth + 1):
            found = [(one, other, what) for one in edge for other, what in step(place, one)]
            rows += [
                f"  {depth}. {one} {'->' if step is _needs else '<-'} {other}: {what}" for one, other, what in found
            ]
            edge = sorted({other for _, other, _ in found} - seen)
            seen |= set(edge)
        if rows[-1] == f"{title}:":
            rows.append("  nothing that can be told from the code")
    used = place.uses.get(unit, ())
    rows += ["", "uses modules:", *(f"  {folder}" for folder in used)] if used else []
    return "\n".join(rows)


def module_interface(place: Place, given: ModuleInterface) -> str:
    """Variables with type, default and description, outputs, resources; or which modules there are."""
    folders = {
        posixpath.dirname(path)
        for path in place.infrastructure
        if path.startswith(f"{MODULES}/") and path.endswith(".tf")
    }
    if not given.module:
        return "\n".join(sorted(folders)) or f"there is no module below {MODULES}"
    folder = given.module.strip("/") if "/" in given.module else f"{MODULES}/{given.module}"
    if folder not in folders:
        raise UserError(f"{shown(given.module)}: no such module; ask without a name for a list")
    files = [path for path in place.infrastructure if posixpath.dirname(path) == folder]
    uses = sorted(unit for unit in place.inventory.units if folder in place.uses.get(unit, ()))
    rows = [folder, f"used by: {', '.join(uses[:20]) or 'no unit'}{' and more' if len(uses) > 20 else ''}"]
    return "\n".join([*rows, *_terraform({path: place.told(path) for path in files})])


def _environment(unit: str) -> str:
    parts = unit.split("/")
    return parts[2] if len(parts) == 4 else ""


def _terraform(texts: Mapping[str, str]) -> Iterator[str]:
    """What the files of one folder declare."""
    blocks: list[tuple[str, str, Block]] = []
    for path, text in texts.items():
        if path.endswith(".tf"):
            try:
                blocks += [(path, text, block) for block in parse(text).blocks]
            except HclError as error:
                yield f"{path}: cannot be read as HCL near line {text.count(chr(10), 0, error.at) + 1}"
    for kind, title in (("variable", "variables"), ("output", "outputs"), ("module", "modules"),
                        ("resource", "resources"), ("data", "data sources")):  # fmt: skip
        rows = [_declared(path, text, block) for path, text, block in blocks if block.kind == kind]
        yield from ["", f"{title}:", *rows] if rows else []


def _declared(path: str, text: str, block: Block) -> str:
    line = text.count("\n", 0, block.at) + 1
    name = ".".join(block.labels)
    place = f"{posixpath.basename(path)}:{line}"
    if block.kind == "variable":
        kind = _source(text, block, "type") or "any"
        default = _source(text, block, "default")
        said = f"{kind}, {f'default {default}' if default else 'required'}"
    elif block.kind == "module":
        said = f"source {_source(text, block, 'source')}"
    else:
        said = "sensitive" if _source(text, block, "sensitive") == "true" else ""
    description = block.body.get("description")
    told = description.text if description is not None and description.kind == "string" else ""
    return "  " + "; ".join(part for part in (f"{name} ({place})", said, " ".join(told.split())[:MOST_TEXT]) if part)


def _source(text: str, block: Block, name: str) -> str:
    """The expression of an attribute as it is written, on one line."""
    ends = sorted([*(item.at for item in block.body.attributes), *(inner.at for inner in block.body.blocks), block.end])
    node: Node | None = block.body.get(name)
    if node is None:
        return ""
    end = next(end for end in ends if end > node.at)
    lines = [re.sub(r"\s*(?:#|//).*", "", line) for line in text[node.at : end].rstrip("}\n\t ").split("\n")]
    written = " ".join(" ".join(lines).split())
    missing = written.count("{") - written.count("}")
    return (written + " }" * max(missing, 0))[:MOST_TEXT]


def _needs(place: Place, unit: str) -> list[tuple[str, str]]:
    """Units that `unit` refers to, each with what for."""
    found = {(other, _words(fact)) for fact in place.inventory.needs(unit) for other in place.offered.get(fact, ())}
    return sorted((other, what) for other, what in found if other != unit)


def _needed_by(place: Place, unit: str) -> list[tuple[str, str]]:
    """Units that refer to `unit`, each with what for."""
    found = {(other, _words(fact)) for fact in place.inventory.offers(unit) for other in place.wanted.get(fact, ())}
    return sorted((other, what) for other, what in found if other != unit)


def _words(fact: Fact) -> str:
    if len(fact) == 2:
        return f"the output {fact[1]}" if fact[1] else "its state"
    return f"the {fact[0]} whose {fact[1]} is {fact[2][:80]}"


TOOLS = (
    Tool("list-units", "Lists the units of the repository with the resources that they hold.", ListUnits, list_units),
    Tool("show-unit", "Shows one unit: files, variables, outputs, resources, what it needs.", OneUnit, show_unit),
    Tool("topology", "Shows what a unit needs of other units and which units need it.", Topology, topology),
    Tool(
        "module-interface",
        "Shows a module of the house: its variables with types and defaults, outputs, resources, users.",
        ModuleInterface,
        module_interface,
    ),
)
