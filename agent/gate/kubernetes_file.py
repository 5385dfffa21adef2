"""The YAML files of one application folder -> manifests, patches and kustomizations with their keys. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from agent.gate.rules import Hit
from agent.gate.yaml_tree import Item, YamlError, parse_yaml, walk

KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml"})


@dataclass(frozen=True)
class Manifest:
    """One document (an item of a `kind: List` counts as one). `registries` is the guardrails' list."""

    path: str
    root: Item
    registries: tuple[str, ...] = ()
    error: Hit | None = None

    def hit(self, message: str, line: int) -> Hit:
        return Hit(message, self.path, line)

    @property
    def kind(self) -> str:
        return self.root.word("kind")

    @property
    def folder(self) -> str:
        """`infra/kubernetes/<env>/<app>`."""
        return "/".join(self.path.split("/")[:4])

    @property
    def is_kustomization(self) -> bool:
        return self.path.rsplit("/", 1)[-1] in KUSTOMIZATIONS or self.root.word("apiVersion").startswith("kustomize.")

    @property
    def is_values(self) -> bool:
        """Whether the file holds the values or the description of a Helm chart."""
        name = self.path.rsplit("/", 1)[-1]
        return name == "Chart.yaml" or name.startswith("values")

    @property
    def is_patch(self) -> bool:
        return "patch" in self.path.rsplit("/", 1)[-1] or "/patches/" in self.path or self.root.kind == "list"

    @cached_property
    def keys(self) -> list[tuple[str, Item, int]]:
        """Every key at any depth with its value and line. A JSON patch's operation counts as the key that it writes,
        and the text of a kustomization's patch is read as YAML.
        """
        found: list[tuple[str, Item, int]] = []
        pending = [self.root]
        while pending:
            for _, item in walk(pending.pop()):
                if item.kind != "map":
                    continue
                found += [(entry.text, entry.parts[0], entry.line) for entry in item.parts]
                path, value = item.word("path"), item.get("value")
                if item.get("op") is not None and path.startswith("/") and value is not None:
                    found.append((_last_name(path), value, item.line))
                inline = item.get("patch")
                if self.is_kustomization and inline is not None and inline.kind == "text":
                    pending += _inline(inline)
                for text in (item.get("patchesStrategicMerge") or Item("list", 0)).items():
                    if self.is_kustomization and text.kind == "text" and "\n" in text.text:
                        pending += _inline(text)
        return found


def _last_name(path: str) -> str:
    """`/spec/template/spec/containers/0/image` -> `image`; numbers and `-` name places in a list."""
    names = [
        part.replace("~1", "/").replace("~0", "~")
        for part in path.split("/")
        if part and part != "-" and not part.isdigit()
    ]
    return names[-1] if names else ""


def _inline(item: Item) -> list[Item]:
    try:
        return [_moved(document, item.line) for document in parse_yaml(item.text)]
    except YamlError:
        return [Item("map", item.line, "", (Item("entry", item.line, "unreadable patch", (item,)),))]


def _moved(document: Item, line: int) -> Item:
    return document._replace(line=line)


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
            yield Manifest(path, item, registries)


def _flat(document: Item) -> list[Item]:
    """A document, or the items of a `kind: List`, lists within lists too."""
    found, stack = [], [document]
    for _, _ in walk(document):
        pass
    while stack:
        item = stack.pop(0)
        inner = item.get("items")
        if item.word("kind").endswith("List") and inner is not None:
            stack = [*inner.items(), *stack]
        else:
            found.append(item)
    return found
