"""Manifests -> the same objects elsewhere: in templates, lists, other documents, patches, under other names."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from agent.gate.rules import Example
from tests.gate.respell_yaml import load, write

APP = "infra/kubernetes/dev/app"
META = {"name": "x", "namespace": "app"}
CALM = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "calm", "namespace": "app"}}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")
PATCHED = frozenset({"kubernetes/host", "kubernetes/privilege", "kubernetes/command"})
NAMES = ("app.yaml", "a.yml", "base/b.yaml", "values.yaml", "x-patch.yaml", "overlays/prod/c.yaml")


def respell_kubernetes(rule: str, example: Example, rng: Random) -> Example:
    """The example with each of its files in another spelling and place."""
    out: dict[str, str | None] = {}
    for path, content in example.items():
        documents = load(content or "")
        if documents is None or rule == "kubernetes/unparsable":
            out[path] = rng.choice(["", "# x\n", "\n"]) + (content or "")
            continue
        name = path.rsplit("/", 1)[-1]
        special = name.startswith(("Chart.", "values", "kustomization."))
        if not special and rule in PATCHED and rng.random() < 0.3:
            patched = _as_patch(documents[0], rng)
            if patched:
                return patched
        if not special:
            documents = [_placed(document, rng, lists=rule != "kubernetes/namespace") for document in documents]
            if rng.random() < 0.3 and rule != "kubernetes/namespace":
                documents.insert(rng.randint(0, len(documents)), CALM)
        texts = [write(document, rng, json_only=name.endswith(".json")) for document in documents]
        where = path
        if name.startswith("kustomization"):
            where = f"{APP}/{rng.choice(['kustomization.yaml', 'kustomization.yml'])}"
        elif not special and len(example) == 1:
            # A container without an image is only wrong where it is no patch of one.
            where = f"{APP}/{rng.choice([one for one in NAMES if 'image' in (content or '') or 'patch' not in one])}"
        out[where] = "".join(text if number == 0 else "---\n" + _headless(text) for number, text in enumerate(texts))
    return out


def _headless(text: str) -> str:
    lines = text.split("\n")
    if lines[0].startswith("---"):
        return text.removeprefix("---").lstrip(" ")
    return "\n".join(lines[2:]) if len(lines) > 1 and lines[1] == "---" else text


def _placed(document: Any, rng: Random, *, lists: bool) -> Any:
    if not isinstance(document, dict):
        return document
    if document.get("kind") == "Pod" and isinstance(document.get("spec"), dict) and rng.random() < 0.7:
        document = _workload(document["spec"], document.get("metadata") or {}, rng)
    for _ in range(rng.choice([0, 0, 1, 2]) if lists else 0):
        kind = rng.choice(["List", "List", f"{document.get('kind', '')}List"])
        document = {"apiVersion": "v1", "kind": kind, "items": rng.choice([[document], [CALM, document]])}
    return document


def _workload(spec: dict[str, Any], meta: dict[str, Any], rng: Random) -> dict[str, Any]:
    """A pod's specification in a template of some kind; its containers perhaps of another sort."""
    if "containers" in spec and rng.random() < 0.4:
        spec = {rng.choice(["initContainers", "ephemeralContainers"]): spec["containers"], **spec}
        del spec["containers"]
    kind = rng.choice([*WORKLOADS, "CronJob", "PodTemplate"])
    template: dict[str, Any] = {"metadata": {"labels": {"app": "x"}, **meta}, "spec": spec}
    head = {"apiVersion": "apps/v1", "kind": kind, "metadata": dict(META)}
    if kind == "PodTemplate":
        return {**head, "template": template}
    if kind == "CronJob":
        return {**head, "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}}
    return {**head, "spec": {"template": template}}


def _as_patch(document: Any, rng: Random) -> Example | None:
    """The pod's specification as a patch: strategic or JSON, in a file of its own or inside the kustomization."""
    if not isinstance(document, dict) or not isinstance(document.get("spec"), dict) or not document["spec"]:
        return None
    spec = document["spec"]
    whole = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(META),
        "spec": {"template": {"spec": spec}},
    }
    steps = [
        {"op": rng.choice(["add", "replace"]), "path": f"/spec/template/spec/{name}", "value": value}
        for name, value in spec.items()
    ]
    tested = [{"op": "test", "path": "/kind", "value": "Deployment"}, *steps]
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "namespace": "app"}
    target = {"kind": "Deployment", "name": "x"}
    text = write(whole, rng, merging=False)
    ways: list[Callable[[], dict[str, str | None]]] = [
        lambda: {"x-patch.yaml": text},
        lambda: {"patches/x.yaml": text},
        lambda: {"patch.json": json.dumps(tested)},
        lambda: {"json-patch.yaml": write(tested, rng)},
        lambda: {"kustomization.yaml": write({**head, "patches": [{"target": target, "patch": text}]}, rng)},
        lambda: {"kustomization.yaml": write({**head, "patchesStrategicMerge": [text + "\n"]}, rng)},
        lambda: {
            "kustomization.yaml": write({**head, "patches": [{"target": target, "patch": write(steps, rng)}]}, rng)
        },
        lambda: {
            "kustomization.yaml": write(
                {**head, "patchesJson6902": [{"target": target, "patch": json.dumps(steps)}]}, rng
            )
        },
    ]
    return {f"{APP}/{name}": body for name, body in rng.choice(ways)().items()}
