"""Manifest -> findings: who may do what in the cluster, who can reach it, and secrets as values. Pure."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from agent.gate import secret
from agent.gate.kubernetes_file import Manifest
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item, walk

ROLES = frozenset({"Role", "ClusterRole"})
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
VERBS = frozenset({"*", "escalate", "bind", "impersonate", "approve", "sign"})
RESOURCES = frozenset({
    "*", "secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "nodes/proxy", "nodes",
    "serviceaccounts/token", "clusterroles", "roles", "clusterrolebindings", "rolebindings", "persistentvolumes",
    "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "customresourcedefinitions", "apiservices",
    "certificatesigningrequests/approval", "tokenreviews", "namespaces/finalize", "services/proxy", "pods/proxy",
    "certificatesigningrequests", "signers", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "nodes/exec", "volumeattachments", "nodes/log",
    "nodes/checkpoint", "nodes/configz", "securitycontextconstraints", "podsecuritypolicies",
})  # fmt: skip
STRONG = re.compile(r"cluster-admin|admin|edit|system:(?!auth-delegator|basic-user|discovery|public-info-viewer).*")
# Users and groups of the cluster itself; `system:serviceaccount:<namespace>:<name>` is one account of one application.
BUILT_IN = re.compile(r"system:(?!serviceaccount:).*|system:serviceaccount:(?:kube-.*|default):.*|kubernetes-admin")
SNIPPET = re.compile(r".*/(?:.*-snippets?|auth-url|auth-signin|mirror-(?:target|host)|lua-.*|config-.*)")
FUNCTION = re.compile(r"config\.(?:kubernetes|k8s)\.io/function|config\.kubernetes\.io/.*exec.*")
WIDE = {4: 8, 6: 32}
INTERNAL = re.compile(
    r".*load-balancer-(?:internal|scheme|type)|.*internal-load-balancer|networking\.gke\.io/load-balancer-type"
)


# What an operator that scrapes reads from its own files, and sends to whoever is scraped.
MONITORS = frozenset({"ServiceMonitor", "PodMonitor"})
OPERATORS_FILES = frozenset({"bearerTokenFile", "credentialsFile", "keyFile", "certFile", "caFile"})
# Secrets of an Ingress that may be named with another namespace before a slash.
ELSEWHERE = re.compile(r"nginx\.ingress\.kubernetes\.io/(?:auth-(?:tls-)?secret|proxy-ssl-secret)")


def rights(manifest: Manifest) -> Iterator[Hit]:
    """No wildcard in verbs, resources or API groups; no verb that widens rights (`escalate`, `bind`, `impersonate`); no
    access to secrets, to `exec` and its kin, to tokens, or to what gives rights; no aggregation into another role.
    """
    if manifest.is_one_of(ROLES):
        rules = manifest.root.get("rules")
        for rule in rules.items() if rules is not None else ():
            for name, bad in (
                ("verbs", VERBS),
                ("resources", RESOURCES),
                ("apiGroups", {"*"}),
                ("nonResourceURLs", {"*", "/*"}),
            ):
                for part in (rule.get(name) or Item("list", rule.line)).items():
                    if part.text in bad or ("*" in part.text and name != "nonResourceURLs"):
                        yield manifest.hit(f"{manifest.kind}: {name} {part.text!r} gives too much", part.line)
        if manifest.root.get("aggregationRule") is not None:
            yield manifest.hit("aggregationRule takes rights from roles that nobody has reviewed", manifest.root.line)
        for name, _ in (manifest.root.get("metadata", "labels") or Item("map", 0)).entries():
            if name.startswith("rbac.authorization.k8s.io/aggregate-to-"):
                yield manifest.hit(f"{name} widens another role", manifest.root.line)
    if manifest.is_one_of(BINDINGS):
        role = manifest.root.word("roleRef") or (manifest.root.get("roleRef") or Item("map", 0)).word("name")
        if STRONG.fullmatch(role):
            yield manifest.hit(f"{manifest.kind} to {role} gives too much", manifest.root.line)
        for subject in (manifest.root.get("subjects") or Item("list", 0)).items():
            if BUILT_IN.fullmatch(subject.word("name")):
                yield manifest.hit(f"{subject.word('name')} is everybody, or the cluster's own", subject.line)
            if subject.word("kind") == "ServiceAccount" and subject.word("name") == "default":
                yield manifest.hit("the default service account gets rights: every pod has it", subject.line)


def exposure(manifest: Manifest) -> Iterator[Hit]:
    """A Service is reached inside the cluster, or through an internal or source-limited load balancer: no NodePort, no
    external addresses, no `ExternalName`. An Ingress names its hosts, has TLS, and carries no snippets.
    """
    spec = manifest.root.get("spec") or Item("map", manifest.root.line)
    annotations = dict((manifest.root.get("metadata", "annotations") or Item("map", 0)).entries())
    if manifest.is_one_of({"Service"}):
        kind = spec.word("type")
        if kind in {"NodePort", "ExternalName"}:
            yield manifest.hit(f"Service of type {kind}", spec.line)
        if spec.get("externalIPs") is not None or spec.get("externalName") is not None:
            yield manifest.hit("externalIPs and externalName lead traffic elsewhere", spec.line)
        ranges = [part.text for part in (spec.get("loadBalancerSourceRanges") or Item("list", 0)).items()]
        internal = any(
            INTERNAL.fullmatch(name) and value.text.lower() in {"true", "internal"}
            for name, value in annotations.items()
        ) and not any(
            name.endswith("-scheme") and value.text == "internet-facing" for name, value in annotations.items()
        )
        if kind == "LoadBalancer" and not internal and (not ranges or any(_is_everybody(part) for part in ranges)):
            yield manifest.hit(
                "LoadBalancer open to everybody: name loadBalancerSourceRanges or make it internal", spec.line
            )
    if manifest.kind in {"HTTPRoute", "GRPCRoute", "TLSRoute"} and manifest.patched is None:
        hosts = [part.text for part in (spec.get("hostnames") or Item("list", 0)).items()]
        if not hosts or any(host.startswith("*") for host in hosts):
            yield manifest.hit(f"{manifest.kind} for every host", spec.line)
    if manifest.kind in {"Endpoints", "EndpointSlice"}:
        for _, item in walk(manifest.root):
            if item.kind == "text" and _is_the_node(item.text):
                yield manifest.hit(f"{manifest.kind} leads to {item.text}, which is the node's own", item.line)
    if manifest.kind == "Ingress" and manifest.patched is None:
        if not (spec.get("tls") or Item("list", 0)).items():
            yield manifest.hit("Ingress without tls", spec.line)
        for rule in (spec.get("rules") or Item("list", 0)).items():
            if rule.word("host") in {"", "*"} or rule.word("host").startswith("*"):
                yield manifest.hit("Ingress for every host", rule.line)
        if spec.get("defaultBackend") is not None:
            yield manifest.hit("Ingress with a defaultBackend takes every host", spec.line)
    own = (manifest.root.get("metadata") or Item("map", 0)).word("namespace")
    for name, value, line in manifest.keys:
        if ELSEWHERE.fullmatch(name) and value.text.rpartition("/")[0] not in {"", own}:
            yield manifest.hit(f"annotation {name} reads a secret of another namespace", line)
        if SNIPPET.fullmatch(name) and value.kind == "text" and not name.startswith("checksum/"):
            yield manifest.hit(f"annotation {name} puts code into the proxy", line)
        if FUNCTION.fullmatch(name):
            yield manifest.hit(f"annotation {name} makes a program of the manifest", line)


def _is_everybody(text: str) -> bool:
    """Whether a range of addresses is (nearly) all of them, or cannot be read."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return True
    return network.prefixlen < WIDE[network.version]


def _is_the_node(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_link_local or address.is_unspecified


def secrets(manifest: Manifest) -> Iterator[Hit]:
    """No `kind: Secret` with values, no password, key or token as a literal: in `env`, in a ConfigMap, in
    arguments, in a generator. A pod reads secrets by reference. A monitor does not have the operator send its own
    files, its token among them, to whoever is asked for metrics.
    """
    if manifest.kind == "Secret" and manifest.root.word("type") == "kubernetes.io/service-account-token":
        yield manifest.hit("a Secret of this type is filled with a token that never ends", manifest.root.line)
    if manifest.is_one_of({"Secret"}) and (manifest.kind or manifest.root.get("stringData") is not None):
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
        if name in OPERATORS_FILES and manifest.is_one_of(MONITORS):
            yield manifest.hit(f"{name} is a file of the operator, which would send it away", line)
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
