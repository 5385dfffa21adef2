"""The `.tf` files of one folder -> a `Module`: trees with an index of what the rules ask for. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from agent.gate.hcl import Attribute, Block, Body, HclError, Node, traversal, walk, walk_blocks
from agent.gate.hcl_parse import parse, parse_template
from agent.gate.rules import Hit
from agent.guardrails import Guardrails

UNIT_FOLDER = re.compile(r"infra/terraform/(?!modules/)[^/]+/[^/]+")
RESOURCES = frozenset({"resource", "data", "ephemeral"})
BUILT_IN = "terraform.io/builtin/terraform"


class Call(NamedTuple):
    """A function call. `name` is without the `core::` that Terraform takes for its own functions."""

    name: str
    node: Node
    above: tuple[Block, ...]


class Place(NamedTuple):
    """An attribute anywhere in a file, with the blocks that hold it (outermost first)."""

    above: tuple[Block, ...]
    attribute: Attribute


@dataclass(frozen=True)
class Source:
    """One `.tf` or template file. `changed` says whether the change under test writes it."""

    path: str
    text: str
    body: Body
    template: Node | None = None
    changed: bool = True

    def hit(self, message: str, at: int) -> Hit:
        return Hit(message, self.path, self.text.count("\n", 0, at) + 1)

    @cached_property
    def blocks(self) -> list[tuple[tuple[Block, ...], Block]]:
        """Every block at any depth. A `dynamic` block's `content` stands below it."""
        return list(walk_blocks(self.body))

    @cached_property
    def attributes(self) -> list[Place]:
        found = [Place((), item) for item in self.body.attributes]
        for above, block in self.blocks:
            found += [Place((*above, block), item) for item in block.body.attributes]
        return found

    @cached_property
    def calls(self) -> list[Call]:
        found = []
        for above, item in self.attributes:
            for node in walk(item.value):
                if node.kind == "call":
                    found.append(Call(node.text.removeprefix("core::"), node, above))
        if self.template is not None:
            for node in walk(self.template):
                if node.kind == "call":
                    found.append(Call(node.text.removeprefix("core::"), node, ()))
        return found


@dataclass(frozen=True)
class Module:
    """All `.tf` files of one folder, as they would be after the change, and what was there before it.

    `known` holds every file (path -> text) of change and base; `base_known` says whether the base was given.
    """

    folder: str
    sources: tuple[Source, ...]
    before: tuple[Source, ...]
    templates: tuple[Source, ...]
    known: Mapping[str, str]
    base_known: bool
    guardrails: Guardrails
    errors: tuple[Hit, ...] = field(default=())

    @property
    def changed(self) -> list[Source]:
        return [source for source in self.sources if source.changed]

    @property
    def code(self) -> list[Source]:
        """What Terraform would evaluate: changed files, and templates that are changed or newly read."""
        return [*self.changed, *self.templates]

    @property
    def is_unit(self) -> bool:
        return UNIT_FOLDER.fullmatch(self.folder) is not None

    def top(self, *kinds: str) -> Iterator[tuple[Source, Block]]:
        """Blocks of these kinds in changed files, at the top or inside a `check`."""
        for source in self.changed:
            for above, block in source.blocks:
                if block.kind in kinds and (not above or above[0].kind == "check"):
                    yield source, block

    @cached_property
    def providers(self) -> dict[str, str]:
        """Local name -> source address, as `required_providers` of this folder says; empty text if it is not plain."""
        found: dict[str, str] = {}
        for source in self.sources:
            for above, block in source.blocks:
                if block.kind == "required_providers" and above and above[0].kind == "terraform":
                    for item in block.body.attributes:
                        found[item.name] = provider_source(item.name, item.value)
        return found

    def provider_of(self, local: str) -> str:
        """The source address of a provider's local name, as Terraform would resolve it."""
        if local in self.providers:
            return self.providers[local]
        return BUILT_IN if local == "terraform" else f"hashicorp/{local}"

    def allows(self, source: str) -> bool:
        return source == BUILT_IN or source in {address(item) for item in self.guardrails.providers}


def provider_source(local: str, value: Node) -> str:
    """The address in one entry of `required_providers`; empty when it cannot be read off the text."""
    if value.kind == "string":
        return f"hashicorp/{local}"
    if value.kind != "object":
        return ""
    names = [item.text for item in value.parts]
    if "" in names or len(set(names)) != len(names):
        return ""
    for item in value.parts:
        if item.text == "source":
            return address(item.parts[1].text) if item.parts[1].kind == "string" else ""
    return f"hashicorp/{local}"


def address(source: str) -> str:
    """`registry.terraform.io/hashicorp/aws`, `hashicorp/aws` and `aws` -> `hashicorp/aws`; other hosts stay."""
    plain = source.lower().removeprefix("registry.terraform.io/")
    return plain if "/" in plain else f"hashicorp/{plain}"


def literal(node: Node | None) -> str | None:
    """The text of a string without any expression in it, else None."""
    return node.text if node is not None and node.kind == "string" else None


def effective_kind(block: Block) -> str:
    """What a block makes: `dynamic "x"` makes blocks of kind `x`."""
    return block.labels[0] if block.kind == "dynamic" and block.labels else block.kind


class Tree(NamedTuple):
    """A change over its base: `files` (None: deleted), `base` (None: not known), and `known` with both applied."""

    files: Mapping[str, str | None]
    base: Mapping[str, str] | None
    known: Mapping[str, str]
    guardrails: Guardrails


def read_modules(tree: Tree) -> list[Module]:
    """The module of every folder that the change writes code to, or below which it writes another file."""
    folders = {path.rpartition("/")[0] for path in tree.files if path.endswith(".tf")}
    code: dict[str, list[str]] = {}
    for path in sorted({*tree.known, *(tree.base or {})}):
        if path.endswith(".tf"):
            code.setdefault(path.rpartition("/")[0], []).append(path)
    for path in tree.files:
        parts = path.split("/")[:-1]
        folders |= {"/".join(parts[:end]) for end in range(3, min(len(parts), 40) + 1)} & code.keys()
    return [_read_module(folder, code.get(folder, []), tree) for folder in sorted(folders)]


def _read_module(folder: str, paths: list[str], tree: Tree) -> Module:
    errors: list[Hit] = []
    sources, before, templates = [], [], []
    for path in paths:
        if path in tree.known:
            source = _read(path, tree.known[path], errors, changed=path in tree.files)
            if source is not None:
                sources.append(source)
        if tree.base is not None and path in tree.base and path in tree.files:
            old = _read(path, tree.base[path], [], changed=False)
            if old is not None:
                before.append(old)
    used = template_paths(sources, folder)
    changed = any(source.changed for source in sources)
    for path in sorted(used):
        if path in tree.known and (changed or path in tree.files):
            template = _read_template(path, tree.known[path], errors)
            if template is not None:
                templates.append(template)
    return Module(
        folder,
        tuple(sources),
        tuple(before),
        tuple(templates),
        tree.known,
        tree.base is not None,
        tree.guardrails,
        tuple(errors),
    )


def loose_templates(tree: Tree, modules: list[Module]) -> list[Module]:
    """Template files of the change that no module of it names literally: each judged on its own."""
    read = {source.path for module in modules for source in module.templates}
    found = []
    for path, content in tree.files.items():
        if path.endswith(".tftpl") and content is not None and path not in read:
            errors: list[Hit] = []
            template = _read_template(path, content, errors)
            folder = path.rpartition("/")[0]
            templates = () if template is None else (template,)
            known = tree.base is not None
            found.append(Module(folder, (), (), templates, tree.known, known, tree.guardrails, tuple(errors)))
    return found


def template_paths(sources: list[Source], folder: str) -> set[str]:
    """The files that a literal `templatefile` of the module names."""
    found = set()
    for source in sources:
        for call in source.calls:
            if call.name == "templatefile" and call.node.parts:
                inside = path_inside(call.node.parts[0], at_root=UNIT_FOLDER.fullmatch(folder) is not None)
                if inside is not None:
                    found.add(f"{folder}/{inside}")
    return found


def path_inside(node: Node, *, at_root: bool) -> str | None:
    """`"x/y"`, `"${path.module}/x/y"` -> `x/y`, relative to the module's folder; None for anything else.

    A path without `path.module` is relative to the unit, as is `path.root`: only a unit's own folder has `at_root`.
    """
    if node.kind == "string":
        text = node.text.removeprefix("./") if at_root else None
    elif node.kind == "attr":
        text = "." if _is_base(node, at_root=at_root) else None
    elif node.kind == "template" and len(node.parts) == 2 and node.parts[1].kind == "string":
        tail = node.parts[1].text
        text = tail[1:] if _is_base(node.parts[0], at_root=at_root) and tail.startswith("/") else None
    else:
        text = None
    if text is None or not text or text.startswith(("/", "~")) or ".." in text.split("/") or "\\" in text:
        return None
    return text


def _is_base(node: Node, *, at_root: bool) -> bool:
    names = traversal(node)
    return names == ("path", "module") or (at_root and names == ("path", "root"))


def _read(path: str, text: str, errors: list[Hit], *, changed: bool) -> Source | None:
    try:
        return Source(path, text, parse(text), changed=changed)
    except HclError as error:
        errors.append(Hit(f"Terraform would not read this: {error}", path, text.count("\n", 0, error.at) + 1))
        return None


def _read_template(path: str, text: str, errors: list[Hit]) -> Source | None:
    try:
        return Source(path, text, Body((), ()), template=parse_template(text))
    except HclError as error:
        errors.append(Hit(f"Terraform would not read this template: {error}", path, text.count("\n", 0, error.at) + 1))
        return None
