"""A unit in a checkout -> Terraform or OpenTofu run on it, shut off from its surroundings, and what it reported."""

import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.errors import ToolError
from agent.render.redact import redact
from agent.settings import Settings
from agent.targets.terraform_files import LOCK_FILE
from agent.tools import CLOUD_VARIABLES, Completed, Tools, allowed

HOW_TO_GET = (
    "install Terraform (developer.hashicorp.com/terraform/install) or OpenTofu (opentofu.org/docs/intro/install), "
    "1.10 or newer, so that it is on PATH, or name it in .github/infra-agent.yml: terraform.binary"
)
INIT_SECONDS = 300.0
QUICK_SECONDS = 120.0

_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_INIT_NOISE = "encountered problems during initiali"


@dataclass(frozen=True)
class Diagnostic:
    """What the tool said about a place. `path` is relative to the checkout's root; `line` 0 means no place."""

    severity: str
    summary: str
    detail: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True)
class Workspace:
    """A unit made ready for commands; its data folder, plans and settings lie outside the checkout and are removed."""

    tools: Tools
    binary: Path
    root: Path
    unit: str
    temp: Path
    variables: Mapping[str, str]
    seconds: float

    def run(
        self, *arguments: str, ok: Iterable[int] = (0, 1), seconds: float | None = None, grace: float = 0.0
    ) -> Completed:
        """One command in the unit's folder. Raises ToolError as `Tools.run` does."""
        return self.tools.run(
            (str(self.binary), *arguments),
            cwd=self.root / self.unit,
            timeout=seconds or self.seconds,
            env=self.variables,
            ok=ok,
            grace=grace,
        )


def find_binary(tools: Tools, settings: Settings) -> Path | None:
    """The tool that the settings name, else `terraform`, else `tofu` on PATH; None when there is none."""
    names = (settings.terraform.binary,) if settings.terraform.binary else ("terraform", "tofu")
    for name in names:
        found = tools.which(name)
        if found:
            return Path(found).absolute()
    return None


def need_binary(tools: Tools, settings: Settings) -> Path:
    """As `find_binary`; raises ToolError that says how to get one."""
    binary = find_binary(tools, settings)
    if binary is None:
        sought = settings.terraform.binary or "neither terraform nor tofu"
        raise ToolError(f"{sought}: not found on PATH; {HOW_TO_GET}")
    return binary


@contextmanager
def workspace(tools: Tools, root: Path, unit: str, settings: Settings) -> Iterator[Workspace]:
    """A workspace for `unit` of the checkout at `root`, not initialised. Raises ToolError: no binary, no such unit.

    Children see the base and cloud variables only. Providers come from the configured mirror and nowhere else, or from
    the registry; never from the checkout, where Terraform would run a committed one.
    """
    binary = need_binary(tools, settings)
    if not (root / unit).is_dir():
        raise ToolError(f"{unit}: no such folder in the checkout")
    lock = root / unit / LOCK_FILE
    locked = lock.exists()
    with tempfile.TemporaryDirectory(prefix="infra-agent-tf-") as name, ExitStack() as after:
        temp = Path(name)
        if not locked:
            # init writes one where there is none, and the checkout is not ours
            after.callback(lock.unlink, missing_ok=True)
        for folder in ("data", "home"):
            (temp / folder).mkdir()
        config = temp / "cli.tfrc"
        config.write_text(cli_config(settings, temp=temp), encoding="utf-8")
        variables = {
            "HOME": str(temp / "home"),
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_DATA_DIR": str(temp / "data"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            # the collector's default costs a third of the CPU time of reading a large provider's schema
            "GOGC": "400",
        }
        yield Workspace(
            tools=replace(tools, environment=allowed(tools.environment, names=CLOUD_VARIABLES)),
            binary=binary,
            root=root,
            unit=unit,
            temp=temp,
            variables=variables,
            seconds=float(settings.terraform.timeout_seconds),
        )


def init(place: Workspace, *, backend: bool) -> tuple[Diagnostic, ...]:
    """Install what the unit needs; the errors when that failed. A lock file that is there is never changed."""
    arguments = ["init", "-json", "-input=false", "-no-color"]
    arguments += [] if backend else ["-backend=false"]
    arguments += ["-lockfile=readonly"] if (place.root / place.unit / LOCK_FILE).is_file() else []
    done = place.run(*arguments, seconds=INIT_SECONDS)
    if done.code == 0:
        return ()
    return errors_of(done, place)


def cli_config(settings: Settings, *, temp: Path) -> str:
    """The tool's own configuration: with a mirror, nothing may come from anywhere else. Raises ToolError: no mirror."""
    lines = ["disable_checkpoint = true"]
    mirror = settings.terraform.provider_mirror
    if mirror:
        if not Path(mirror).is_dir():
            raise ToolError(
                f"terraform.provider_mirror: {mirror} is no folder; it must hold <registry>/<namespace>/<name>/..."
            )
        mirror = str(Path(mirror).absolute())
        lines += ["provider_installation {", "  filesystem_mirror {", f"    path    = {json.dumps(mirror)}"]
        lines += ['    include = ["*/*/*"]', "  }", "  direct {", '    exclude = ["*/*/*"]', "  }", "}"]
    else:
        lines += [
            f"plugin_cache_dir = {json.dumps(str(_plugin_cache(temp)))}",
            "provider_installation {",
            "  direct {}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def errors_of(done: Completed, place: Workspace) -> tuple[Diagnostic, ...]:
    """The errors that a `-json` command reported, at least one. Raises ToolError when it failed without a word."""
    found = tuple(item for item in diagnostics(messages(done.stdout), unit=place.unit) if item.severity == "error")
    telling = tuple(item for item in found if _INIT_NOISE not in item.summary)
    if not found:
        command = " ".join(done.argv[1:2])
        raise ToolError(
            f"{place.unit}: {place.binary.name} {command} ended with code {done.code} and named no error",
            log=redacted(done.stdout + done.stderr, place.tools.environment)[-20_000:],
        )
    return telling or found


def messages(stdout: str) -> tuple[dict[str, Any], ...]:
    """The JSON lines among what a `-json` command printed."""
    parsed = []
    for line in stdout.splitlines():
        if line.startswith("{"):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                parsed.append(message)
    return tuple(parsed)


def diagnostics(found: Iterable[Mapping[str, Any]], *, unit: str) -> Iterator[Diagnostic]:
    """Diagnostics out of messages (or out of the list that `validate -json` prints)."""
    for message in found:
        item = message.get("diagnostic", message if "summary" in message else None)
        if not isinstance(item, dict):
            continue
        place = item.get("range") or {}
        name = str(place.get("filename", ""))
        yield Diagnostic(
            severity=str(item.get("severity", "error")),
            summary=" ".join(str(item.get("summary", "")).split()),
            detail=" ".join(str(item.get("detail", "")).split()),
            path=os.path.normpath(f"{unit}/{name}") if name else "",
            line=int(place.get("start", {}).get("line", 0)),
        )


def reason(found: Sequence[Diagnostic], environment: Mapping[str, str], *, hidden: Collection[str] = ()) -> str:
    """The last errors in words, one a line, without secrets of `environment` and without the values `hidden`; at most
    2,000 characters.
    """
    lines = []
    for item in found[-5:]:
        where = f"{item.path}:{item.line}: " if item.path else ""
        detail = redacted(item.detail, environment, hidden=hidden)  # before the cut: half a secret is not recognised
        detail = detail if len(detail) < 600 else f"{detail[:600]} …"
        lines.append(f"{where}{item.summary}" + (f": {detail}" if detail else ""))
    return redacted("\n".join(lines), environment, hidden=hidden)[:2000]


def redacted(text: str, environment: Mapping[str, str], *, hidden: Collection[str] = ()) -> str:
    """`text` without secrets, those among them that the children were given."""
    return redact(text, values=[*hidden, *(environment[name] for name in _SECRET_VARIABLES if environment.get(name))])


def slug(text: str) -> str:
    """A summary as a rule's name: lower-case letters, digits and hyphens, at most 60 characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "error"


def _plugin_cache(temp: Path) -> Path:
    """A folder of ours that outlives the workspace; one that somebody else made is not used."""
    cache = Path(tempfile.gettempdir()) / f"infra-agent-plugins-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    status = cache.lstat()
    if cache.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
        cache = temp / "plugins"
        cache.mkdir()
    return cache
