"""Kinds of Kubernetes: what one takes, from the schemas that manifests are held against, and which there are."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agent.errors import ToolError, UserError
from agent.models.tools.place import Place, shown
from agent.models.tools.ranking import Ranking, words
from agent.models.tools.tool import Arguments, Tool

SCHEMAS = "lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema"
_KINDS = "x-kubernetes-group-version-kind"


class KubernetesKind(Arguments):
    kind: Annotated[str, Field(pattern=r"^[A-Za-z]{1,80}$")]
    """The kind, such as Deployment."""
    api_version: Annotated[str, Field(pattern=r"^([a-z0-9.-]{1,80}/)?v[0-9][a-z0-9]{0,12}$|^$")] = ""
    """The apiVersion, such as apps/v1. Empty: the stable one."""
    field: str = ""
    """Field to show alone, such as spec.template.spec.containers; empty shows the whole kind."""
    depth: Annotated[int, Field(ge=1, le=6)] = 3
    """How deep fields are shown."""


class SearchKinds(Arguments):
    text: Annotated[str, Field(min_length=2, max_length=200)]
    """What is wanted, in a few words, such as: network policy."""
    most: Annotated[int, Field(ge=1, le=50)] = 15
    """How many kinds to name at most."""


def kubernetes_kind(place: Place, given: KubernetesKind) -> str:
    """Fields with their types; `!` marks those that have to be there."""
    version, path = _schemas(place)
    every = _definitions(path)
    known = _kinds(path)
    fitting = {api: name for (api, kind), name in known.items() if kind.lower() == given.kind.lower()}
    if not fitting or (given.api_version and given.api_version not in fitting):
        others = (
            ", ".join(fitting) or ", ".join(_ranking(path).best(given.kind, most=5)) or "search-kubernetes-kinds helps"
        )
        raise UserError(f"{given.api_version} {given.kind}: no such kind in Kubernetes {version}; there are {others}")
    api = given.api_version or min(fitting, key=lambda one: (_instability(one), one))
    schema = every[fitting[api]]
    for step in given.field.split(".") if given.field else ():
        schema = _resolved(schema, every)
        schema = _resolved(schema.get("items", schema), every)
        fields = schema.get("properties") or {}
        if step not in fields:
            raise UserError(f"{given.kind}: has no field {shown(step)} there; there are {', '.join(fields) or 'none'}")
        schema = fields[step]
    where = f", field {given.field}" if given.field else ""
    head = [f"{api} {given.kind} of Kubernetes {version}{where}; ! has to be given", _described(schema)]
    return "\n".join([*(line for line in head if line), *_fields(schema, every, indent="", depth=given.depth)])


def search_kinds(place: Place, given: SearchKinds) -> str:
    """A line a kind: apiVersion and kind."""
    _, path = _schemas(place)
    return "\n".join(_ranking(path).best(given.text, most=given.most)) or f"{shown(given.text)}: no kind fits"


def _schemas(place: Place) -> tuple[str, Path]:
    """The version of the clusters, else the newest that is known, and the file of its definitions."""
    python = place.pythons.get("kubernetes", "")
    if not python:
        raise ToolError("INFRA_AGENT_KUBERNETES_PYTHON names no interpreter (`bin/setup-env kubernetes` makes one)")
    found = {}
    for path in Path(python).parent.parent.glob(f"{SCHEMAS}/v*.0-local-strict/_definitions.json"):
        found[path.parent.name.removeprefix("v").removesuffix(".0-local-strict")] = path
    if not found:
        raise ToolError(f"{python}: its environment holds no schemas; make it again with `bin/setup-env kubernetes`")
    newest = max(found, key=lambda one: tuple(map(int, one.split("."))))
    version = place.settings.kubernetes.version or newest
    return version, found[version]


@lru_cache(maxsize=2)
def _definitions(path: Path) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    return told


@lru_cache(maxsize=2)
def _kinds(path: Path) -> Mapping[tuple[str, str], str]:
    """(apiVersion, kind) -> the name of its definition. What has no metadata is no object that people write."""
    found = {}
    for name, schema in _definitions(path).items():
        for one in schema.get(_KINDS) or ():
            if "metadata" in (schema.get("properties") or {}) and not one["kind"].endswith("List"):
                found["/".join(part for part in (one["group"], one["version"]) if part), one["kind"]] = name
    return found


@lru_cache(maxsize=2)
def _ranking(path: Path) -> Ranking:
    every = _definitions(path)
    return Ranking({
        f"{api} {kind}": [*words(_split(kind)) * 3, *words(api), *words(str(every[name].get("description") or ""))[:40]]
        for (api, kind), name in sorted(_kinds(path).items())
    })  # fmt: skip


def _split(kind: str) -> str:
    return "".join(f" {char}" if char.isupper() else char for char in kind) + f" {kind}"


def _instability(api: str) -> int:
    return 2 if "alpha" in api else 1 if "beta" in api else 0


def _resolved(schema: Mapping[str, Any], every: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference leads to."""
    for _ in range(8):
        name = str(schema.get("$ref") or "").rpartition("/")[2]
        if name not in every:
            break
        schema = every[name]
    return schema


def _fields(schema: Mapping[str, Any], every: Mapping[str, Any], *, indent: str, depth: int) -> Iterator[str]:
    inner = _resolved(schema, every)
    inner = _resolved(inner.get("items", inner), every)
    required = inner.get("required") or ()
    for name, one in (inner.get("properties") or {}).items():
        yield f"{indent}{name}{'!' if name in required else ''}: {_type(one, every)}{_told(one)}"
        if depth > 1 and name not in ("metadata", "status"):
            yield from _fields(one, every, indent=f"{indent}  ", depth=depth - 1)


def _type(schema: Mapping[str, Any], every: Mapping[str, Any]) -> str:
    inner = _resolved(schema, every)
    if "oneOf" in inner:
        return " or ".join(_type(one, every) for one in inner["oneOf"])
    said = inner.get("type")
    kind = next((one for one in said if one != "null"), "any") if isinstance(said, list) else str(said or "any")
    if kind == "array":
        return f"list of {_type(inner.get('items') or {}, every)}"
    if kind == "object" and isinstance(inner.get("additionalProperties"), dict):
        return f"map of {_type(inner['additionalProperties'], every)}"
    return f"{kind}, one of {', '.join(map(str, inner['enum']))}" if inner.get("enum") else kind


def _told(schema: Mapping[str, Any]) -> str:
    described = _described(schema)
    return f"  # {described}" if described else ""


def _described(schema: Mapping[str, Any]) -> str:
    """The first sentence."""
    return " ".join(str(schema.get("description") or "").split()).partition(". ")[0][:120]


TOOLS = (
    Tool(
        "kubernetes-kind",
        "Shows what a kind of Kubernetes takes in the clusters' version: fields, types, what is required.",
        KubernetesKind,
        kubernetes_kind,
        5_000,
    ),
    Tool("search-kubernetes-kinds", "Finds kinds of Kubernetes by words.", SearchKinds, search_kinds, 1_500),
)
