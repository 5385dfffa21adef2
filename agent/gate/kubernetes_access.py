"""Manifest -> findings: who may do what in the cluster, who can reach it, and secrets as values. Pure."""

import re
from collections.abc import Iterator

from agent.gate import secret
from agent.gate.kubernetes_file import Manifest
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item

ROLES = frozenset({"Role", "ClusterRole"})
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
VERBS = frozenset({"*", "escalate", "bind", "impersonate", "approve", "sign"})
RESOURCES = frozenset({
    "*", "secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "nodes/proxy", "nodes",
    "serviceaccounts/token", "clusterroles", "roles", "clusterrolebindings", "rolebindings", "persistentvolumes",
    "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "customresourcedefinitions", "apiservices",
    "certificatesigningrequests/approval", "tokenreviews", "namespaces/finalize", "services/proxy", "pods/proxy",
})  # fmt: skip
READING = frozenset({"events", "configmaps"})
STRONG = re.compile(r"cluster-admin|admin|edit|system:(?!auth-delegator|basic-user|discovery|public-info-viewer).*")
ANYBODY = frozenset(
    {"system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts", "system:masters"}
)
SNIPPET = re.compile(r".*/(?:.*-snippet|auth-url|auth-signin|modsecurity-snippet|stream-snippet|lua-.*)")
INTERNAL = re.compile(
    r".*load-balancer-(?:internal|scheme|type)|.*internal-load-balancer|networking\.gke\.io/load-balancer-type"
)


def rights(manifest: Manifest) -> Iterator[Hit]:
    """No wildcard in verbs, resources or API groups; no verb that widens rights (`escalate`, `bind`, `impersonate`); no
    access to secrets, to `exec` and its kin, to tokens, or to what gives rights; no aggregation into another role.
    """
    if manifest.kind in ROLES:
        rules = manifest.root.get("rules")
        for rule in rules.items() if rules is not None else ():
            for name, bad in (
                ("verbs", VERBS),
                ("resources", RESOURCES),
                ("apiGroups", {"*"}),
                ("nonResourceURLs", {"*"}),
            ):
                for part in (rule.get(name) or Item("list", rule.line)).items():
                    if part.text in bad or ("*" in part.text and name != "nonResourceURLs"):
                        yield manifest.hit(f"{manifest.kind}: {name} {part.text!r} gives too much", part.line)
        if manifest.root.get("aggregationRule") is not None:
            yield manifest.hit("aggregationRule takes rights from roles that nobody has reviewed", manifest.root.line)
        for name, _ in (manifest.root.get("metadata", "labels") or Item("map", 0)).entries():
            if name.startswith("rbac.authorization.k8s.io/aggregate-to-"):
                yield manifest.hit(f"{name} widens another role", manifest.root.line)
    if manifest.kind in BINDINGS:
        role = manifest.root.word("roleRef") or (manifest.root.get("roleRef") or Item("map", 0)).word("name")
        if STRONG.fullmatch(role):
            yield manifest.hit(f"{manifest.kind} to {role} gives too much", manifest.root.line)
        for subject in (manifest.root.get("subjects") or Item("list", 0)).items():
            if subject.word("name") in ANYBODY or subject.word("name").startswith("system:serviceaccounts"):
                yield manifest.hit(f"{subject.word('name')} is everybody", subject.line)
            if subject.word("kind") == "ServiceAccount" and subject.word("name") == "default":
                yield manifest.hit("the default service account gets rights: every pod has it", subject.line)


def exposure(manifest: Manifest) -> Iterator[Hit]:
    """A Service is reached inside the cluster, or through an internal or source-limited load balancer: no NodePort, no
    external addresses, no `ExternalName`. An Ingress names its hosts, has TLS, and carries no snippets.
    """
    spec = manifest.root.get("spec") or Item("map", manifest.root.line)
    annotations = dict((manifest.root.get("metadata", "annotations") or Item("map", 0)).entries())
    if manifest.kind == "Service":
        kind = spec.word("type")
        if kind in {"NodePort", "ExternalName"}:
            yield manifest.hit(f"Service of type {kind}", spec.line)
        if spec.get("externalIPs") is not None or spec.get("externalName") is not None:
            yield manifest.hit("externalIPs and externalName lead traffic elsewhere", spec.line)
        ranges = [part.text for part in (spec.get("loadBalancerSourceRanges") or Item("list", 0)).items()]
        internal = any(
            INTERNAL.fullmatch(name) and value.text.lower() in {"true", "internal"}
            for name, value in annotations.items()
        )
        if kind == "LoadBalancer" and not internal and (not ranges or any(part.endswith("/0") for part in ranges)):
            yield manifest.hit(
                "LoadBalancer open to everybody: name loadBalancerSourceRanges or make it internal", spec.line
            )
    if manifest.kind == "Ingress":
        if not (spec.get("tls") or Item("list", 0)).items():
            yield manifest.hit("Ingress without tls", spec.line)
        for rule in (spec.get("rules") or Item("list", 0)).items():
            if rule.word("host") in {"", "*"} or rule.word("host").startswith("*"):
                yield manifest.hit("Ingress for every host", rule.line)
        if spec.get("defaultBackend") is not None:
            yield manifest.hit("Ingress with a defaultBackend takes every host", spec.line)
    for name, value in annotations.items():
        if SNIPPET.fullmatch(name):
            yield manifest.hit(f"annotation {name} puts code into the proxy", value.line)


def secrets(manifest: Manifest) -> Iterator[Hit]:
    """No `kind: Secret` with values, no password, key or token as a literal: in `env`, in a ConfigMap, in
    arguments, in a generator. A pod reads secrets by reference.
    """
    if manifest.kind == "Secret":
        for name in ("data", "stringData"):
            value = manifest.root.get(name)
            if value is not None and not value.is_null and (value.parts or value.kind != "map"):
                yield manifest.hit(f"Secret with {name} in the clear", value.line)
    if manifest.is_kustomization:
        for generator in (manifest.root.get("secretGenerator") or Item("list", 0)).items():
            yield manifest.hit("secretGenerator holds values in the clear", generator.line)
        for generator in (manifest.root.get("configMapGenerator") or Item("list", 0)).items():
            for part in (generator.get("literals") or Item("list", 0)).items():
                name, _, given = part.text.partition("=")
                if secret.assigned(name, given.strip("\"'")):
                    yield manifest.hit(f"{name} is given a literal value", part.line)
    for name, value, line in manifest.keys:
        if value.kind == "text" and secret.assigned(name, value.text) and name not in {"secret", "existingSecret"}:
            yield manifest.hit(f"{name} is given a literal value", line)
        if name == "env":
            for variable in value.items():
                if secret.assigned(variable.word("name"), variable.word("value")):
                    yield manifest.hit(f"{variable.word('name')} is given a literal value", variable.line)


def _doc(text: str) -> Example:
    return {"infra/kubernetes/dev/app/app.yaml": text}


def _object(kind: str, body: str, *, spaced: bool = True) -> Example:
    place = "\n  namespace: app" if spaced else ""
    return _doc(f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x{place}\n{body}")


RULES: tuple[Rule[Manifest], ...] = (
    Rule(
        "kubernetes/rights",
        "no rights over everything, over secrets, or over rights",
        rights,
        fires=(
            _object(
                "ClusterRoleBinding",
                "roleRef: { kind: ClusterRole, name: cluster-admin }\nsubjects: []\n",
                spaced=False,
            ),
            _object("Role", "rules: [{ apiGroups: [''], resources: [pods], verbs: ['*'] }]\n"),
            _object("Role", "rules: [{ apiGroups: [''], resources: [secrets], verbs: [get] }]\n"),
            _object("ClusterRole", "aggregationRule: {}\n", spaced=False),
            _object("RoleBinding", "roleRef: { name: x }\nsubjects: [{ kind: Group, name: 'system:authenticated' }]\n"),
        ),
        passes=(_object("Role", "rules: [{ apiGroups: [''], resources: [configmaps], verbs: [get, list, watch] }]\n"),),
    ),
    Rule(
        "kubernetes/exposure",
        "nothing is open to everybody",
        exposure,
        fires=(
            _object("Service", "spec: { type: NodePort }\n"),
            _object("Service", "spec: { type: LoadBalancer }\n"),
            _object("Service", "spec: { externalIPs: [192.0.2.1] }\n"),
            _object("Ingress", "spec: { rules: [{ host: a.example.com }] }\n"),
        ),
        passes=(_object("Service", "spec: { type: ClusterIP, ports: [{ port: 80 }] }\n"),),
    ),
    Rule(
        "kubernetes/secret",
        "no secret as a literal value",
        secrets,
        fires=(
            _object("Secret", "stringData: { password: hunter2 }\n"),
            _object("ConfigMap", "data: { DB_PASSWORD: hunter2hunter2 }\n"),
            _object("Pod", "spec: { containers: [{ name: x, env: [{ name: API_TOKEN, value: a1b2c3d4e5f6 }] }] }\n"),
        ),
        passes=(_object("ConfigMap", "data: { LOG_LEVEL: info }\n"),),
    ),
)
