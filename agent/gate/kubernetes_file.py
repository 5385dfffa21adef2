"""The YAML files of one application folder -> manifests, patches and kustomizations with their keys. Pure."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from agent.gate.rules import Hit
from agent.gate.yaml_tree import Item, YamlError, parse_yaml, walk

KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


@dataclass(frozen=True)
class Manifest:
    """One document (an item of a `kind: List` counts as one). `registries` is the guardrails' list.

    `patched` is None but for what a patch writes: then it is the kind of the patch's target, empty when not said.
    """

    path: str
    root: Item
    registries: tuple[str, ...] = ()
    error: Hit | None = None
    patched: str | None = None

    def hit(self, message: str, line: int) -> Hit:
        return Hit(message, self.path, line)

    @property
    def kind(self) -> str:
        return self.root.word("kind") or self.patched or ""

    def is_one_of(self, kinds: Collection[str]) -> bool:
        """Whether the manifest is of one of these kinds, or a patch that could be for one."""
        return self.kind in kinds or (self.patched is not None and not self.kind)

    @property
    def folder(self) -> str:
        """`infra/kubernetes/<env>/<app>`."""
        return "/".join(self.path.split("/")[:4])

    @property
    def is_kustomization(self) -> bool:
        if self.patched is not None:
            return False
        return self.path.rsplit("/", 1)[-1] in KUSTOMIZATIONS or self.root.word("apiVersion").startswith("kustomize.")

    @property
    def is_values(self) -> bool:
        """Whether the file holds the values or the description of a Helm chart."""
        name = self.path.rsplit("/", 1)[-1]
        return name == "Chart.yaml" or name.startswith("values")

    @property
    def is_patch(self) -> bool:
        return self.patched is not None or "patch" in self.path.rsplit("/", 1)[-1] or "/patches/" in self.path

    @property
    def is_list(self) -> bool:
        return self.root.kind == "list"

    @cached_property
    def keys(self) -> list[tuple[str, Item, int]]:
        """Every key at any depth with its value and line."""
        return [
            (entry.text, entry.parts[0], entry.line)
            for _, item in walk(self.root)
            if item.kind == "map"
            for entry in item.parts
        ]


def patches(manifest: Manifest) -> Iterator[Manifest]:
    """What the patches inside a kustomization, or the operations of a file with a JSON patch, would write: one manifest
    each, of the kind that the patch names as its target.
    """
    texts: list[tuple[Item, str]] = []
    if manifest.is_kustomization:
        for name in ("patches", "patchesJson6902"):
            for part in _items(manifest.root, name):
                inline, target = part.get("patch"), part.get("target")
                if inline is not None and inline.kind == "text":
                    texts.append((inline, target.word("kind") if target is not None else ""))
        texts += [(part, "") for part in _items(manifest.root, "patchesStrategicMerge") if "\n" in part.text]
    for inline, kind in texts:
        try:
            documents = parse_yaml(inline.text)
            for document in documents:
                deque(walk(document), maxlen=0)
        except YamlError:
            yield replace(manifest, patched=kind, error=manifest.hit("a patch that is not YAML", inline.line))
            continue
        for document in documents:
            for operation in _operations(document) or [document]:
                yield replace(manifest, root=_at_line(operation, inline.line), patched=kind)
    if not manifest.is_kustomization:
        for operation in _operations(manifest.root):
            yield replace(manifest, root=operation, patched="")


def _items(root: Item, name: str) -> tuple[Item, ...]:
    value = root.get(name)
    return value.items() if value is not None else ()


def _operations(document: Item) -> list[Item]:
    """What the operations of a JSON patch write, each as the object that it would be part of. A `move` or `copy` writes
    what stands elsewhere, which is not known here: a text that no rule takes for harmless.
    """
    found = []
    for part in document.items():
        path, value = part.word("path"), part.get("value")
        if part.get("op") is not None and (path.startswith("/") or not path):
            if part.word("op") in {"move", "copy"}:
                value = Item("text", part.line, f"what stands at {part.word('from')}", quoted=True)
            if value is not None:
                found.append(_nested(path, value, part.line))
    return found


def _nested(path: str, value: Item, line: int) -> Item:
    """`/spec/args/-` and x -> `{spec: {args: [x]}}`; numbers and `-` name places in a list."""
    for part in reversed([part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]):
        if part == "-" or part.isdigit():
            value = Item("list", line, "", (value,))
        else:
            value = Item("map", line, "", (Item("entry", line, part, (value,)),))
    return value


def _at_line(item: Item, line: int) -> Item:
    """The same tree, all of it at the line where its text begins."""
    return item._replace(line=line, parts=tuple(_at_line(part, line) for part in item.parts))


def read_manifests(files: Mapping[str, str | None], registries: tuple[str, ...]) -> Iterator[Manifest]:
    """The documents of the change's files below `infra/kubernetes/`."""
    for path, content in sorted(files.items()):
        if content is None or not path.startswith("infra/kubernetes/") or not path.endswith((".yaml", ".yml", ".json")):
            continue
        try:
            documents = parse_yaml(content)
            found = [part for document in documents for part in _flat(document)]
        except YamlError as problem:
            yield Manifest(path, Item("map", 1), registries, Hit(str(problem), path, problem.line))
            continue
        for item in found:
            manifest = Manifest(path, item, registries)
            yield manifest
            yield from patches(manifest)


def _flat(document: Item) -> list[Item]:
    """A document, or the items of a `kind: List`, lists within lists too."""
    found, stack = [], [document]
    deque(walk(document), maxlen=0)
    while stack:
        item = stack.pop(0)
        inner = item.get("items")
        if item.word("kind").endswith("List") and inner is not None:
            stack = [*inner.items(), *stack]
        else:
            found.append(item)
    return found
