"""Files below `infra/kubernetes/` -> what each is for: a manifest, part of a kustomization, part of a chart."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.domain import File
from agent.gate.kubernetes_file import KUSTOMIZATIONS
from agent.gate.yaml_tree import Item, YamlError, parse_yaml

FOLDER = "infra/kubernetes/"
SUFFIXES = (".yaml", ".yml", ".json")


class Chart(NamedTuple):
    """`values` are its values files beside the default one; each is rendered, and none is as well."""

    folder: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Paths. `sources` maps the folders that nothing else builds on, which are what is built, to their kustomizations.

    `manifests` stand for themselves; `parts` (kustomizations, patches, generators' files) are seen through one;
    `unused` are parts that none reaches. `charted` are the files of charts.
    """

    manifests: tuple[str, ...]
    sources: dict[str, str]
    parts: tuple[str, ...]
    unused: tuple[str, ...]
    charts: tuple[Chart, ...]
    charted: tuple[str, ...]


class _Kustomization(NamedTuple):
    path: str
    kind: str
    builds_on: frozenset[str]
    resources: frozenset[str]
    parts: frozenset[str]


def kubernetes_files(files: Iterable[File]) -> tuple[File, ...]:
    """The files below `infra/kubernetes/` that are there."""
    return tuple(file for file in files if file.content is not None and file.path.startswith(FOLDER))


def application(path: str) -> str:
    """`infra/kubernetes/<env>/<application>/…` -> the application's folder."""
    return "/".join(path.split("/")[:4])


def layout(files: Sequence[File]) -> Layout:
    """What each of the `kubernetes_files` is for. Pure; what cannot be read is a manifest, so that it is found."""
    texts = {file.path: file.content or "" for file in files}
    charts = _charts(texts)
    charted = tuple(path for path in texts if any(_rendered(path, chart) for chart in charts))
    read = {path: text for path, text in texts.items() if path not in set(charted) and path.endswith(SUFFIXES)}
    kustomizations = {
        posixpath.dirname(path): _kustomization(path, text)
        for path, text in read.items()
        if posixpath.basename(path) in KUSTOMIZATIONS
    }
    used = {folder for each in kustomizations.values() for folder in each.builds_on}
    roots = [folder for folder, each in kustomizations.items() if folder not in used and each.kind != "Component"]
    reached = set(_reached(roots, kustomizations))
    resources = {path for each in kustomizations.values() for path in each.resources}
    own = {each.path for each in kustomizations.values()}
    parts = {path for each in kustomizations.values() for path in each.parts if path in read} - resources | own
    seen = {path for folder in reached for path in (kustomizations[folder].path, *kustomizations[folder].parts)}
    return Layout(
        manifests=tuple(path for path in read if path not in parts),
        sources={folder: kustomizations[folder].path for folder in roots},
        parts=tuple(sorted(parts & seen)),
        unused=tuple(sorted(parts - seen)),
        charts=charts,
        charted=charted,
    )


def place(text: str, document: int, keys: Sequence[str]) -> int:
    """The line of the value below `keys` in a text's document (items of lists count), as far as they lead."""
    try:
        found = [part for whole in parse_yaml(text) for part in _flat(whole)]
    except YamlError as error:
        return error.line
    if document >= len(found):
        return 0
    item = found[document]
    line = item.line
    for key in keys:
        entry = next((part for part in item.parts if item.kind == "map" and part.text == key), None)
        if entry is not None:
            line, item = entry.line, entry.parts[0]
        elif item.kind == "list" and key.isdigit() and int(key) < len(item.parts):
            item = item.parts[int(key)]
            line = item.line
        else:
            break
    return line


def count(text: str) -> int:
    """How many manifests a text holds, the items of lists one by one. Raises YamlError."""
    return sum(1 for whole in parse_yaml(text) for part in _flat(whole) if not part.is_null)


def _flat(document: Item) -> Iterator[Item]:
    pending = [document]
    while pending:
        item = pending.pop(0)
        inner = item.get("items")
        if item.word("kind").endswith("List") and inner is not None and inner.kind == "list":
            pending = [*inner.items(), *pending]
        else:
            yield item


def _rendered(path: str, chart: Chart) -> bool:
    """Whether Helm gives the file a meaning; any other file beside Chart.yaml stands for itself."""
    inside = path.removeprefix(f"{chart.folder}/")
    if inside == path:
        return False
    return inside == "Chart.yaml" or inside.startswith(("values", "templates/", "charts/", "crds/"))


def _charts(texts: Mapping[str, str]) -> tuple[Chart, ...]:
    folders = [posixpath.dirname(path) for path in sorted(texts) if posixpath.basename(path) == "Chart.yaml"]
    top = [folder for folder in folders if not any(folder.startswith(f"{other}/") for other in folders)]
    return tuple(
        Chart(
            folder,
            tuple(
                path
                for path in sorted(texts)
                if posixpath.dirname(path) == folder
                and posixpath.basename(path).startswith("values")
                and path.endswith((".yaml", ".yml"))
                and posixpath.basename(path) != "values.yaml"
            ),
        )
        for folder in top
    )


def _kustomization(path: str, text: str) -> _Kustomization:
    here = posixpath.dirname(path)
    try:
        (root,) = parse_yaml(text) or [Item("map", 1)]
    except (YamlError, ValueError):
        root = Item("map", 1)  # the renderer refuses it, or does not say the same as the gate, which has refused it

    def named(*lists: str) -> Iterator[str]:
        for name in lists:
            yield from (
                posixpath.normpath(posixpath.join(here, part.text))
                for part in (root.get(name) or Item("list", 1)).items()
                if part.kind == "text" and "\n" not in part.text
            )

    def inner(name: str, *keys: str) -> Iterator[str]:
        for part in (root.get(name) or Item("list", 1)).items():
            if part.word("path"):
                yield posixpath.normpath(posixpath.join(here, part.word("path")))
            for key in keys:
                for file in (part.get(key) or Item("list", 1)).items():
                    yield posixpath.normpath(posixpath.join(here, file.text.rpartition("=")[2]))

    resources = frozenset(named("resources", "bases", "components"))
    return _Kustomization(
        path=path,
        kind=root.word("kind"),
        builds_on=frozenset(part for part in resources if not part.endswith(SUFFIXES)),
        resources=frozenset(part for part in resources if part.endswith(SUFFIXES)),
        parts=frozenset(
            (
                *named("patchesStrategicMerge"),
                *inner("patches"),
                *inner("patchesJson6902"),
                *inner("configMapGenerator", "files", "envs"),
                *inner("secretGenerator", "files", "envs"),
            )
        ),
    )


def _reached(roots: Iterable[str], kustomizations: Mapping[str, _Kustomization]) -> Iterator[str]:
    pending, done = list(roots), set()
    while pending:
        folder = pending.pop()
        if folder in kustomizations and folder not in done:
            done.add(folder)
            yield folder
            pending += kustomizations[folder].builds_on
