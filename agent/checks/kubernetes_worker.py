"""A folder with request.json in, one JSON object out: schemas and charts, run by the Kubernetes environment's Python.

Imports nothing of ours: this file is started by path in an environment that holds none of our libraries.

    request.json   {"version": "1.37", "files": ["a.yaml"],                                 below FOLDER/files
                    "charts": [{"path": "app", "values": "app/values-prod.yaml", "name": "shop", "namespace": "shop",
                                "upgrade": true}]}
    -> {"version": "1.37", "seen": {"a.yaml": 2},
        "problems": [{"rule", "message", "path", "document", "keys": ["spec", "replicas"]}],
        "rendered": [{"templates": {"templates/x.yaml": "…"}, "error": ""}]}    one a chart, in order

`seen` counts the documents of each file, the items of a `kind: List` one by one (-1: not YAML); `document` counts them
from 0.
It has no network and starts no program: an audit hook refuses both, and Helm's own code is asked for nothing but to
render (its template functions for the cluster and for names of hosts answer nothing there).
"""

import functools
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFUSED_EVENTS = frozenset(
    {
        *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"),
        *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.sendto"),
    }
)
# Names of files are made of these: nothing else may reach the schemas' folder.
KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
VERSION = re.compile(r"(?:[a-z0-9][a-z0-9.-]{0,252}/)?v[0-9][a-z0-9]{0,20}")


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Audit hook: PermissionError for whatever reaches out of this process."""
    if event in REFUSED_EVENTS:
        raise PermissionError(f"{event} is not allowed here")


def documents(text: str) -> list[Any]:
    """The manifests of a YAML or JSON text, the items of lists in their place; empty documents are none."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Dates stay text, as kubectl reads them."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    pending = [part for part in yaml.load_all(text, Loader=Loader) if part is not None]
    found: list[Any] = []
    while pending:
        part = pending.pop(0)
        if (
            isinstance(part, dict)
            and str(part.get("kind", "")).endswith("List")
            and isinstance(part.get("items"), list)
        ):
            pending = [*part["items"], *pending]
        else:
            found.append(part)
    return found


def validate(manifest: Any, version: str) -> Iterator[tuple[str, str, list[Any]]]:
    """One manifest -> rule, message and the keys that lead to the place."""
    kubernetes_validate = importlib.import_module("kubernetes_validate")
    kind, api = (manifest.get("kind"), manifest.get("apiVersion")) if isinstance(manifest, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(api, str):
        yield "schema/not-a-manifest", "a manifest says its apiVersion and its kind", []
        return
    if not KIND.fullmatch(kind) or not VERSION.fullmatch(api):
        yield "schema/unknown-kind", f"{api[:80]!r} {kind[:80]!r} is no kind", ["kind"]
        return
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        yield (
            "schema/unknown-kind",
            f"{api} {kind} is no kind of Kubernetes {version}: nobody has checked its fields",
            ["kind"],
        )
    except kubernetes_validate.ValidationError as error:
        yield "schema/invalid", f"{api} {kind}: {error.message[:300]}", list(error.absolute_path)


def judged(text: bytes, path: str, version: str) -> tuple[int, list[dict[str, Any]]]:
    """A file's bytes -> how many documents it holds and what is wrong with them."""
    import yaml

    try:
        manifests = documents(text.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = f"not YAML: {getattr(error, 'problem', '') or type(error).__name__}"
        return -1, [{"rule": "schema/unreadable", "message": what, "path": path, "document": 0, "keys": []}]
    return len(manifests), [
        {"rule": rule, "message": message, "path": path, "document": number, "keys": [str(key) for key in keys]}
        for number, manifest in enumerate(manifests)
        for rule, message, keys in validate(manifest, version)
    ]


def render(chart: dict[str, Any], root: Path) -> dict[str, Any]:
    """One chart with one set of values -> its templates' texts, custom resource definitions among them."""
    helm_python = importlib.import_module("helm_python")
    folder = root / chart["path"]
    try:
        values = helm_python.values_from_yaml((root / chart["values"]).read_text()) if chart["values"] else {}
        with helm_python.Chart.load(folder) as loaded:
            templates = loaded.render(
                values,
                name=chart["name"],
                namespace=chart["namespace"],
                is_install=not chart["upgrade"],
                is_upgrade=chart["upgrade"],
                revision=2 if chart["upgrade"] else 1,
            )
            templates |= {part["filename"]: part["data"] for part in loaded.crds}
            name = loaded.name
    except helm_python.HelmError as error:
        return {"templates": {}, "error": str(error).replace(str(root.resolve()), "")[:600]}
    texts = {
        path.removeprefix(f"{name}/"): text
        for path, text in templates.items()
        if path.endswith((".yaml", ".yml", ".json")) and text.strip()
    }
    return {"templates": texts, "error": ""}


def main(folder: Path) -> dict[str, Any]:
    request = json.loads((folder / "request.json").read_text())
    sys.addaudithook(refuse)
    utils: Any = importlib.import_module("kubernetes_validate.utils")
    utils.schema_contents = functools.cache(utils.schema_contents)  # else a megabyte is read again for each manifest
    version = request["version"] or utils.latest_version()
    seen: dict[str, int] = {}
    problems: list[dict[str, Any]] = []
    root = folder / "files"
    for path in request["files"]:
        seen[path], found = judged((root / path).read_bytes(), path, version)
        problems += found
    rendered = [render(chart, root) for chart in request["charts"]]
    return {"version": version, "seen": seen, "problems": problems, "rendered": rendered}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
