"""Path -> findings: where a change may write at all, and under which names. Pure; nothing is looked up on a disk."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from agent.gate.rules import Hit, Rule

UNIT = "infra/terraform/dev/app"
SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
NAME = r"[a-z][a-z0-9-]*"
MAX_SEGMENTS = 10
MAX_LENGTH = 240

# Each folder that a change may write to, and the extensions that may stand below it.
FOLDERS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = (
    (re.compile(rf"infra/terraform/{NAME}/{NAME}(?:/[^/]+)+"), frozenset({"tf", "tftpl", "json", "yaml", "yml"})),
    (
        re.compile(rf"infra/ansible/{NAME}(?:/[^/]+)+"),
        frozenset(
            {
                "yml",
                "yaml",
                "ini",
                "j2",
                "json",
                "conf",
                "cfg",
                "cnf",
                "txt",
                "toml",
                "xml",
                "html",
                "service",
                "timer",
                "sql",
                "properties",
                "rules",
                "list",
                "repo",
                "crt",
                "pub",
            }
        ),
    ),
    (
        re.compile(rf"infra/kubernetes/{NAME}/{NAME}(?:/[^/]+)+"),
        frozenset({"yaml", "yml", "json", "tpl", "conf", "cfg", "ini", "txt", "toml", "properties", "html", "sql"}),
    ),
)
# Names that people expect although they are not in lower case, or have no extension: name -> folder.
EXPECTED = {
    "README.md": "infra/",
    "Chart.yaml": "infra/kubernetes/",
    "NOTES.txt": "infra/kubernetes/",
    "_helpers.tpl": "infra/kubernetes/",
    "hosts": "infra/ansible/",
    "inventory": "infra/ansible/",
}
TRUSTED = frozenset({"terraform.tf", ".terraform.lock.hcl"})
PROTECTED = TRUSTED | {"backend.tf", "providers.tf", "versions.tf", "probes.yaml"}
DEVICES = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
RESERVED = re.compile(
    r"(?i).*\.tf\.json|.*\.tfvars|.*\.tfvars\.json|(?:.*_)?override\.(?:tf|tofu)|.*\.tftest\..*|.*\.tfmock\..*"
    r"|.*\.tfstate(?:\..*)?|.*\.lock|.*\.lock\..*|.*[.-]lock\.(?:json|yaml|yml)|.*\.tfplan|.*\.tfcomponent\..*"
    r"|.*\.tfdeploy\..*|.*\.tfquery\..*"
)
FOREIGN = frozenset({
    "ansible.cfg", "ansible-navigator.yml", "ansible-navigator.yaml", "galaxy.yml", "galaxy.yaml",
    "requirements.yml", "requirements.yaml", "requirements.txt", "execution-environment.yml", "molecule.yml",
    "trivy.yaml", "trivy.yml", "trivy-secret.yaml", "tfsec.yml", "tfsec.yaml", "tfsec.json", "kics.yaml", "kics.json",
    "kics.config", "checkov.yaml", "checkov.yml", "tflint.yaml", "atlantis.yaml", "terragrunt.json", "infracost.yml",
    "infracost.yaml", "infracost-usage.yml", "package.json", "tsconfig.json", "renovate.json", "skaffold.yaml",
    "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "conftest.toml", "pyproject.toml",
    "cargo.toml", "mcp.json", "devcontainer.json", "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml", "pom.xml",
    "kube-linter.yaml", "kubescape.json", "cosign.pub", "helmfile.yaml", "helmfile.yml", "pluto.yaml", "wrangler.toml",
    "taskfile.yml", "taskfile.yaml", "netlify.toml", "vercel.json", "mkdocs.yml", "codecov.yml", "mise.toml",
})  # fmt: skip
PLUGINS = re.compile(
    r"(?i)[a-z_]*_plugins?|plugins|library|module_utils|collections|terraform\.d|node_modules|molecule|site-packages"
)


def folders(path: str) -> Iterator[Hit]:
    """A change writes below `infra/terraform/<environment>/<stack>/`, `infra/terraform/modules/<module>/`,
    `infra/ansible/<play>/` and `infra/kubernetes/<environment>/<application>/`, and nowhere else: not to workflows,
    policies, the agent's own code, files that tell agents what to do, or git's own files. Paths are compared as text,
    so `..`, links and quoting cannot lead elsewhere.
    """
    if not any(pattern.fullmatch(path) for pattern, _ in FOLDERS) or ".." in path.split("/"):
        yield Hit("outside the folders that a change may write to", path)


def segments(path: str) -> Iterator[Hit]:
    """Every part of a path is ASCII: small letters, digits, dot, dash and underscore, beginning with a letter or
    digit, at most 64 long, and no device name of Windows. That leaves out dot-files, hidden and look-alike characters,
    backslashes, streams (`main.tf:x`) and names that differ only in case. `README.md`, `Chart.yaml`, `NOTES.txt` and
    `_helpers.tpl` are the only exceptions.
    """
    parts = path.split("/")
    if len(path) > MAX_LENGTH:
        yield Hit(f"the path is longer than {MAX_LENGTH} characters", path[:MAX_LENGTH])
    elif len(parts) > MAX_SEGMENTS:
        yield Hit(f"the path has more than {MAX_SEGMENTS} parts", path)
    for part in parts:
        plain = SEGMENT.fullmatch(part) and not part.endswith(".") and not DEVICES.fullmatch(part)
        if not plain and not (part == parts[-1] and path.startswith(EXPECTED.get(part, "\0"))):
            yield Hit(f"{part[:80]!r} is no name that a change may use", path[:MAX_LENGTH])


def extensions(path: str) -> Iterator[Hit]:
    """Each target has its list of extensions; scripts, binaries and archives are on none of them. A `.json` or `.yaml`
    file of a Terraform module is allowed when the module reads it by its literal name (`terraform/unread-file`).
    """
    name = path.rsplit("/", 1)[-1]
    if path.startswith(EXPECTED.get(name, "\0")):
        return
    extension = PurePosixPath(name).suffix.lstrip(".")
    for pattern, allowed in FOLDERS:
        if pattern.fullmatch(path) and extension not in allowed:
            yield Hit(f"files of this kind ({extension or 'no extension'}) are not written here", path)


def reserved(path: str) -> Iterator[Hit]:
    """Names with a meaning of their own for Terraform: override files replace what a reviewer read, `*.auto.tfvars`
    and `terraform.tfvars` win over defaults, `.tf.json` is a second syntax, `*.tftest.hcl` applies what it names, lock
    files decide which provider binary runs, state is state. `terraform.tf` and `.terraform.lock.hcl` of a unit are
    written by the pipeline alone; a change may hold them only when they are exactly what the pipeline would write.
    """
    name = path.rsplit("/", 1)[-1]
    if name in TRUSTED or RESERVED.fullmatch(name):
        yield Hit(f"{name} is reserved: the pipeline writes it, or it changes what the reviewed code means", path)


def tool_configuration(path: str) -> Iterator[Hit]:
    """Configuration that a scanner, a package manager or an agent would pick up from the tree it looks at: it can
    switch checks off or run code.
    """
    name = path.rsplit("/", 1)[-1]
    if name.lower() in FOREIGN:
        yield Hit(f"{name} configures a tool; tools take their configuration from the default branch only", path)


def plugin_folders(path: str) -> Iterator[Hit]:
    """Folders from which a tool loads code: Ansible's plugin folders and `library`, `terraform.d/plugins`,
    `.terraform`, `collections`, `node_modules`.
    """
    for part in path.split("/")[:-1]:
        if PLUGINS.fullmatch(part):
            yield Hit(f"{part}/ is a folder that tools load code from", path)


def _at(path: str) -> dict[str, str | None]:
    return {path: "# nothing\n"}


RULES: tuple[Rule[str], ...] = (
    Rule(
        "paths/folder",
        "a change writes only to the folders of units and modules",
        folders,
        fires=(_at(".github/workflows/x.yml"), _at("infra/../.github/workflows/x.yml"), _at("policies/deny.rego")),
        passes=(_at(f"{UNIT}/main.tf"), _at("infra/terraform/modules/bucket/main.tf")),
        waivable=False,
    ),
    Rule(
        "paths/name",
        "every part of a path is a plain ASCII name",
        segments,
        fires=(_at(f"{UNIT}/.checkov.yaml"), _at(f"{UNIT}/main.tf:ads"), _at(f"{UNIT}/con.tf"), _at(f"{UNIT}/Main.tf")),
        passes=(_at(f"{UNIT}/network.tf"), _at(f"{UNIT}/README.md")),
        waivable=False,
    ),
    Rule(
        "paths/extension",
        "only kinds of files that the target needs",
        extensions,
        fires=(_at(f"{UNIT}/run.sh"), _at(f"{UNIT}/provider.exe"), _at("infra/ansible/web/filter.py")),
        passes=(_at(f"{UNIT}/user-data.sh.tftpl"), _at("infra/ansible/web/site.yml")),
        waivable=False,
    ),
    Rule(
        "paths/reserved",
        "no override, variable, test, lock or state files",
        reserved,
        fires=(
            _at(f"{UNIT}/zz_override.tf"),
            _at(f"{UNIT}/main.tf.json"),
            _at(f"{UNIT}/zzz.auto.tfvars"),
            _at(f"{UNIT}/terraform.tf"),
            _at(f"{UNIT}/.terraform.lock.hcl"),
        ),
        passes=(_at(f"{UNIT}/overrides.tf"), _at(f"{UNIT}/variables.tf")),
        waivable=False,
    ),
    Rule(
        "paths/tool-configuration",
        "no configuration of scanners, package managers or agents",
        tool_configuration,
        fires=tuple(_at(f"infra/ansible/web/{name}") for name in ("ansible.cfg", "requirements.yml", "trivy.yaml")),
        passes=(_at("infra/ansible/web/site.yml"),),
        waivable=False,
    ),
    Rule(
        "paths/plugins",
        "no folder that tools load code from",
        plugin_folders,
        fires=(_at("infra/ansible/web/filter_plugins/f.yml"), _at(f"{UNIT}/terraform.d/plugins/x.json")),
        passes=(_at("infra/ansible/web/roles/nginx/tasks/main.yml"),),
        waivable=False,
    ),
)
