"""A change's files below `infra/kubernetes/` -> findings: what would reach beyond its application. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.domain import File, Finding
from agent.gate import kubernetes_access, kubernetes_pods
from agent.gate.kubernetes_file import Manifest, read_manifests
from agent.gate.kubernetes_pods import REGISTRIES, full_name, pod
from agent.gate.kubernetes_template import KIND, TEMPLATES, certain, chart_folders, in_templates, read_templates
from agent.gate.rules import Example, Hit, Rule, finding
from agent.gate.yaml_tree import Item
from agent.guardrails import Guardrails

NAMESPACED = frozenset({
    "ConfigMap", "CronJob", "DaemonSet", "Deployment", "EndpointSlice", "Endpoints", "HorizontalPodAutoscaler",
    "Ingress", "Job", "LimitRange", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget",
    "PodTemplate", "ReplicaSet", "ReplicationController", "ResourceQuota", "Role", "RoleBinding", "Secret",
    "Service", "ServiceAccount", "StatefulSet", "Certificate", "ExternalSecret", "HTTPRoute", "GRPCRoute",
    "PodMonitor", "PrometheusRule", "ScaledObject", "SealedSecret", "ServiceMonitor", "VerticalPodAutoscaler",
})  # fmt: skip
# Whose kinds these are: the groups of Kubernetes itself, and for what others define the group that everybody means.
BUILT_IN = re.compile(r"(?:apps|batch|policy|autoscaling|extensions|(?:[a-z]+\.)+k8s\.io)/v[a-z0-9]+|v1")
DEFINED = {
    "Certificate": "cert-manager.io", "ExternalSecret": "external-secrets.io", "SealedSecret": "bitnami.com",
    "ScaledObject": "keda.sh", "ServiceMonitor": "monitoring.coreos.com", "PodMonitor": "monitoring.coreos.com",
    "PrometheusRule": "monitoring.coreos.com",
}  # fmt: skip
CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding", "Namespace"})
PROTECTED = re.compile(
    r"kube-.*|default|argocd|argo.*|flux.*|cert-manager|istio-.*|linkerd.*|gatekeeper-.*|kyverno|ingress-.*|monitoring"
    r"|vault|external-secrets|calico-.*|tigera-.*|cilium.*|rook-.*|longhorn-.*|cattle-.*|openshift-.*|gmp-.*"
)
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
KUSTOMIZE_KEYS = frozenset({
    "apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace", "namePrefix", "nameSuffix",
    "labels", "commonLabels", "commonAnnotations", "images", "replicas", "patches", "patchesStrategicMerge",
    "patchesJson6902", "configMapGenerator", "secretGenerator", "generatorOptions", "sortOptions", "buildMetadata",
})  # fmt: skip
PATH_LISTS = ("resources", "bases", "components", "patchesStrategicMerge")
CHART_KEYS = frozenset({"repository"})
LOCAL = re.compile(r"(?:\.\.?/)*[a-z0-9][a-z0-9._/-]*/?|(?:\.\./)+|\.\.(?:/\.\.)*")
UNDECIDED = "gate/undecided"


class Application(NamedTuple):
    """All manifests of one application folder. `released` are paths of a chart, which goes into one namespace whole."""

    folder: str
    manifests: list[Manifest]
    released: frozenset[str] = frozenset()


def unparsable(manifest: Manifest) -> Iterator[Hit]:
    """YAML that cannot be read in one way only. A Helm template is read when a Chart.yaml stands beside its folder
    `templates/`.
    """
    if manifest.error is not None:
        yield manifest.error


def kinds(manifest: Manifest) -> Iterator[Hit]:
    """Only kinds of an application itself: workloads, services, configuration, its own roles. Admission webhooks,
    custom resource definitions, API services, GitOps controllers' objects, kubeconfigs, kinds that nobody has listed
    and kinds of the same name in another API group could act for the cluster or bring in other code.
    """
    if manifest.error is not None or manifest.is_kustomization or manifest.is_list:
        return
    values = manifest.is_values and manifest.root.kind == "map"
    if manifest.root.is_null or ((manifest.patched is not None or values) and not manifest.kind):
        return
    if not manifest.kind:
        yield manifest.hit("a document without a kind", manifest.root.line)
    elif manifest.kind not in NAMESPACED | CLUSTER_WIDE:
        yield manifest.hit(f"kind {manifest.kind} is not one that an application may have", manifest.root.line)
    group = manifest.root.word("apiVersion")
    if group and not BUILT_IN.fullmatch(group) and group.partition("/")[0] != DEFINED.get(manifest.kind):
        yield manifest.hit(f"{manifest.kind} of {group[:60]} is another kind than Kubernetes' own", manifest.root.line)
    for name, value, line in manifest.keys:
        if name == "exec" and value.get("apiVersion") is not None:
            yield manifest.hit("exec credentials run a program wherever kubectl runs", line)


def namespaces(application: Application) -> Iterator[Hit]:
    """Everything stands in one namespace, said in each manifest or in the kustomization, and that is not one of the
    cluster's own (`kube-system`, `default`, `argocd`, …).
    """
    said: dict[str, Manifest] = {}
    kustomized = False
    for manifest in application.manifests:
        own = (
            manifest.root.word("namespace")
            if manifest.is_kustomization
            else (manifest.root.get("metadata") or Item("map", 0)).word("namespace")
        )
        if manifest.kind == "Namespace":
            own = (manifest.root.get("metadata") or Item("map", 0)).word("name")
        kustomized = kustomized or (manifest.is_kustomization and bool(own))
        if own:
            said.setdefault(own, manifest)
        for part in (*(manifest.root.get("subjects") or Item("list", 0)).items(), *_referred(manifest)):
            if part.word("namespace"):
                said.setdefault(part.word("namespace"), manifest)
    for name, manifest in sorted(said.items()):
        if PROTECTED.fullmatch(name) or not NAME.fullmatch(name):
            yield manifest.hit(f"namespace {name!r} is not an application's", manifest.root.line)
    if len(said) > 1:
        last = said[sorted(said)[-1]]
        yield last.hit(f"one application, several namespaces: {', '.join(sorted(said))}", last.root.line)
    for manifest in application.manifests:
        lacks = not (manifest.root.get("metadata") or Item("map", 0)).word("namespace")
        whole = manifest.patched is None and manifest.path not in application.released
        if manifest.kind in NAMESPACED and lacks and not kustomized and whole:
            yield manifest.hit(f"{manifest.kind} without a namespace", manifest.root.line)


def _referred(manifest: Manifest) -> Iterator[Item]:
    """What a manifest uses that may stand in another namespace: where a route leads, what a volume is copied from."""
    for name, value, _ in manifest.keys:
        if name in {"backendRefs", "backendRef", "dataSourceRef"}:
            yield from value.items() or (value,)


def kustomizations(manifest: Manifest) -> Iterator[Hit]:
    """A kustomization takes resources, components and patches from its own application folder only: no remote base, no
    plugins (`generators`, `transformers`, `validators`), no `helmCharts`, no replacements that hide what ends up where.
    """
    if not manifest.is_kustomization:
        return
    for name, value in manifest.root.entries():
        if name not in KUSTOMIZE_KEYS:
            yield manifest.hit(f"{name} is not a change's to use in a kustomization", value.line)
    if manifest.kind not in {"", "Kustomization", "Component"}:
        yield manifest.hit(f"{manifest.kind} is a plugin", manifest.root.line)
    here = manifest.path.rsplit("/", 1)[0]
    for name in PATH_LISTS:
        for part in (manifest.root.get(name) or Item("list", 0)).items():
            if not ("\n" in part.text and name == "patchesStrategicMerge") and not _inside(
                part.text, here, manifest.folder
            ):
                yield manifest.hit(f"{name}: {part.text[:80]!r} leads out of the application's folder", part.line)
    for name in ("patches", "patchesJson6902"):
        for part in (manifest.root.get(name) or Item("list", 0)).items():
            path = part.word("path")
            if path and not _inside(path, here, manifest.folder):
                yield manifest.hit(f"{name}: {path[:80]!r} leads out of the application's folder", part.line)
    for generator in (manifest.root.get("configMapGenerator") or Item("list", 0)).items():
        for name in ("files", "envs"):
            for part in (generator.get(name) or Item("list", 0)).items():
                if not _inside(part.text.rpartition("=")[2], here, manifest.folder, endings=("",)):
                    yield manifest.hit(f"configMapGenerator reads {part.text[:80]!r}", part.line)
        if generator.word("env"):
            yield manifest.hit("configMapGenerator.env: use envs", generator.line)
    for item in (manifest.root.get("images") or Item("list", 0)).items():
        new = full_name(item.word("newName") or item.word("name"))
        if item.word("newTag") or not re.fullmatch(r"sha256:[0-9a-f]{64}", item.word("digest")):
            yield manifest.hit("images: name the digest, not a tag", item.line)
        if not any(new.startswith(registry.rstrip("/") + "/") for registry in manifest.registries or REGISTRIES):
            yield manifest.hit(f"images: {new[:80]!r} comes from a registry that is not allowed", item.line)


def _inside(path: str, here: str, folder: str, *, endings: tuple[str, ...] = (".yaml", ".yml", ".json")) -> bool:
    *above, last = path.rstrip("/").split("/")
    # A name with a dot that is no file's could be a host's: kustomize takes `github.com/x/y` for an address.
    named = all("." not in part for part in above if part not in {".", ".."})
    if not LOCAL.fullmatch(path) or "//" in path or not named:
        return False
    if "." in last.strip(".") and not last.endswith(endings):
        return False
    parts = here.split("/")
    for part in path.rstrip("/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts = [*parts, part]
    where = "/".join(parts)
    return where == folder or where.startswith(f"{folder}/")


def charts(manifest: Manifest) -> Iterator[Hit]:
    """A Helm chart has no dependencies from elsewhere, no post-renderer, and no schema of its values from elsewhere."""
    name = manifest.path.rsplit("/", 1)[-1]
    if name == "Chart.yaml":
        for part in (manifest.root.get("dependencies") or Item("list", 0)).items():
            yield manifest.hit(f"dependency {part.word('name')!r} brings in another chart", part.line)
    if manifest.is_values:
        for key, value, line in manifest.keys:
            if key in {"$ref", "$dynamicRef", "$schema"} and name == "values.schema.json":
                if not value.text.startswith(("#", "http://json-schema.org/", "https://json-schema.org/")):
                    yield manifest.hit(f"{key} {value.text[:80]!r} is read from elsewhere while rendering", line)
            elif key in {"postRenderer", "post-renderer"} or "{{" in value.text:
                yield manifest.hit(f"{key[:60]} would be rendered as a template or run a program", line)


def _file(text: str, name: str = "app.yaml") -> Example:
    return {f"infra/kubernetes/dev/app/{name}": text}


def _kustomization(text: str) -> Example:
    return _file(f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{text}\n", "kustomization.yaml")


def _named(kind: str, namespace: str) -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x\n  namespace: {namespace}\n"


NAMESPACES: Rule[Application] = Rule(
    "kubernetes/namespace",
    "one application, one namespace of its own",
    namespaces,
    fires=(
        _file(_named("ConfigMap", "kube-system")),
        _file("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n"),
        _file(_named("ConfigMap", "app") + "---\n" + _named("ConfigMap", "other")),
    ),
    passes=(
        _file(_named("ConfigMap", "app")),
        {
            **_kustomization("namespace: app\nresources: [a.yaml]"),
            **_file("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n", "a.yaml"),
        },
    ),
)
RULES: tuple[Rule[Manifest], ...] = (
    Rule(
        "kubernetes/unparsable",
        "every file can be read in one way",
        unparsable,
        fires=(_file("a: {\n"), _file("kind: {{ .Values.kind }}\n"), _file("a: 1\na: 2\n")),
        passes=(_file(_named("ConfigMap", "app")),),
        waivable=False,
    ),
    Rule(
        KIND,
        "only kinds of an application itself",
        kinds,
        fires=(
            _file(_named("MutatingWebhookConfiguration", "app")),
            _file(_named("Application", "app")),
            _file(_named("GitRepository", "app")),
            _file("apiVersion: v1\nkind: List\nitems:\n  - kind: APIService\n"),
            _file("kind: Config\nusers: []\n"),
        ),
        passes=(pod("  restartPolicy: Never\n"),),
    ),
    Rule(
        "kubernetes/kustomize",
        "a kustomization stays in its folder",
        kustomizations,
        fires=(
            _kustomization("resources: ['https://github.com/attacker/x?ref=main']"),
            _kustomization("resources: [git@github.com:a/b]"),
            _kustomization("generators: [x.yaml]"),
            _kustomization("helmCharts: [{ name: x, repo: https://x.example }]"),
            _kustomization("resources: [../../../../../policies]"),
            _kustomization("images: [{ name: nginx, newName: attacker.io/x, newTag: '1' }]"),
        ),
        passes=(_kustomization("resources: [deployment.yaml, base/]\nnamespace: app"),),
    ),
    Rule(
        "kubernetes/chart",
        "a chart brings in nothing",
        charts,
        fires=(
            _file(
                "apiVersion: v2\nname: x\ndependencies: [{ name: y, repository: https://attacker.example }]\n",
                "Chart.yaml",
            ),
            _file("x: '{{ tpl }}'\n", "values.yaml"),
            _file('{"properties": {"x": {"$ref": "file:///etc/passwd"}}}', "values.schema.json"),
        ),
        passes=(_file("apiVersion: v2\nname: x\nversion: 1.0.0\n", "Chart.yaml"),),
    ),
    *kubernetes_pods.RULES,
    *kubernetes_access.RULES,
)
# Of these, what a template says nothing about is not missing: they fire on what is there.
CERTAIN = tuple(
    rule
    for rule in RULES
    if rule.id in {KIND, "kubernetes/host", "kubernetes/privilege", "kubernetes/command", "kubernetes/rights"}
)


def examine_kubernetes(
    files: Sequence[File], *, base: Mapping[str, str] | None, guardrails: Guardrails
) -> list[Finding]:
    """Findings of all Kubernetes rules on the change's manifests; namespaces are judged over the whole folder."""
    own = {file.path: file.content for file in files}
    registries = guardrails.image_registries
    charts = chart_folders({**(base or {}), **own})
    templates = list(read_templates(own, charts))
    unrendered = {template.path for template in templates}
    manifests = list(read_manifests({path: own[path] for path in own if path not in unrendered}, registries))
    found = [hit for manifest in manifests for rule in RULES for hit in rule.findings(manifest)]
    for template in templates:
        found += [*TEMPLATES.findings(template), *certain(template, CERTAIN, registries)]
    touched = {manifest.folder for manifest in manifests}
    rest = {
        path: text
        for path, text in (base or {}).items()
        if path not in own and "/".join(path.split("/")[:4]) in touched
    }
    unrendered |= {template.path for template in read_templates(rest, charts)}
    everything = [
        *manifests,
        *read_manifests({path: rest[path] for path in rest if path not in unrendered}, registries),
    ]
    before = {path: text for path, text in (base or {}).items() if "/".join(path.split("/")[:4]) in touched}
    templated = {template.path for template in read_templates(before, charts)}
    standing = list(read_manifests({path: before[path] for path in before if path not in templated}, registries))
    released = frozenset(item.path for item in (*everything, *standing) if in_templates(item.path, charts))
    for folder in sorted(touched):
        # What stands there already, in a file that stays as it is, is not the change's doing.
        stood = {(hit.path, hit.message) for hit in _namespaces(folder, standing, released)}
        found += [
            hit
            for hit in _namespaces(folder, everything, released)
            if hit.path in own or (hit.path, hit.message) not in stood
        ]
    return found


def _namespaces(folder: str, manifests: Sequence[Manifest], released: frozenset[str]) -> list[Finding]:
    inside = [item for item in manifests if item.folder == folder]
    return NAMESPACES.findings(Application(folder, inside, released))


def undecided(files: Sequence[File]) -> list[Finding]:
    """Templates of charts: what they render to is not known to the gate, which runs no renderer."""
    own = {file.path: file.content for file in files}
    why = "a Helm template: what it renders to is judged by `infra-agent check`, which renders the chart"
    return [finding(UNDECIDED, Hit(why, path)) for path, _ in read_templates(own, chart_folders(own))]
