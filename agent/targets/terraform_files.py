"""Repository paths and file contents -> units, the units that a change touches, and the trusted files. Pure."""

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import hcl2
from lark.exceptions import LarkError

from agent.domain import File
from agent.errors import UserError
from agent.settings import Provider, Settings

ROOT = "infra/terraform"
MODULES = f"{ROOT}/modules"
HEADER = "# Written by infra-agent from .github/infra-agent.yml. Changes belong there: this file is overwritten."
LOCK_FILE = ".terraform.lock.hcl"

_UNIT = re.compile(rf"({re.escape(ROOT)}/(?P<env>[a-z][a-z0-9-]*)/(?P<stack>[a-z][a-z0-9-]*))/[^/]")
_SOURCE = re.compile(r'\bsource"?\s*[=:]\s*"(\.{1,2}/[^"\n]*)"')
_LOCK_BLOCK = re.compile(r'^provider "[^"/]+/(?P<source>[^"]+)" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)
_AWS = "hashicorp/aws"


def unit_of(path: str) -> str | None:
    """`infra/terraform/dev/queue/main.tf` -> `infra/terraform/dev/queue`; None for what lies in no unit."""
    if posixpath.normpath(path) != path:
        return None
    match = _UNIT.match(path)
    return match.group(1) if match and match["env"] != "modules" else None


def discover(paths: Iterable[str]) -> tuple[str, ...]:
    """The units among `paths`: folders at a unit's place that hold a Terraform file themselves. Sorted."""
    return tuple(sorted({unit for path in paths if _is_code(path) and (unit := unit_of(path)) == _folder(path)}))


def affected(changed_paths: Iterable[str], all_files: Mapping[str, str]) -> tuple[str, ...]:
    """The units that a change touches: their own files changed, or those of a local module that they use. Sorted.

    `all_files` maps every path below `infra/terraform` to its content after the change. A unit whose last file went is
    in the answer too: what it deployed is still there.
    """
    changed = tuple(changed_paths)
    units = {unit for path in changed if (unit := unit_of(path))}
    uses = uses_of(all_files)
    for unit in discover(all_files):
        folders = reached(unit, uses)
        if any(path.startswith(f"{folder}/") for path in changed for folder in folders):
            units.add(unit)
    return tuple(sorted(units))


def trusted_files(unit: str, *, settings: Settings, lock: str | None, existing: Collection[str]) -> tuple[File, ...]:
    """`terraform.tf` and, with the text of the repository's `lock`, the provider lock of `unit`.

    `existing` holds the contents of the unit's own `*.tf` files: a unit that people wrote with a backend or with
    provider blocks stays as it is (no files), and only providers whose resources the code uses are named. Raises
    UserError when `unit` names no environment of the settings.
    """
    match = _UNIT.match(f"{unit}/x")
    environment = settings.environments.get(match["env"]) if match else None
    if match is None or environment is None:
        known = ", ".join(sorted(settings.environments)) or "none"
        raise UserError(f"{unit}: no environment for it in .github/infra-agent.yml (environments there: {known})")
    blocks = [parsed for text in existing if not text.startswith(HEADER) and (parsed := _parse(text)) is not None]
    if any(_stands_alone(block) for block in blocks):
        return ()
    names = _providers(blocks, settings)
    stack = match["stack"]
    tags = {
        "Environment": match["env"],
        **environment.tags,
        "ManagedBy": "infra-agent",
        "Stack": stack,
        "Unit": unit,
    }
    state = environment.state
    lines = [HEADER, "", "terraform {", f"  required_version = {_quote(settings.terraform.required_version)}", ""]
    lines += required_providers({name: settings.terraform.providers[name] for name in names})
    lines += ["", '  backend "s3" {']
    backend: dict[str, str | bool] = {
        "bucket": state.bucket,
        "key": f"{state.prefix}{match['env']}/{stack}.tfstate",
        "region": state.region,
        "encrypt": True,
        "use_lockfile": True,
    }
    lines += [*_aligned(backend, 4), "  }", "}"]
    for name in names:
        if settings.terraform.providers[name].source == _AWS:
            lines += ["", f"provider {_quote(name)} {{", f"  region = {_quote(environment.region)}", ""]
            lines += ["  default_tags {", "    tags = {", *_aligned(_quoted_keys(tags), 6), "    }", "  }", "}"]
    files = [File(path=f"{unit}/terraform.tf", content="\n".join(lines) + "\n")]
    if lock is not None:
        sources = {settings.terraform.providers[name].source for name in names}
        files.append(File(path=f"{unit}/{LOCK_FILE}", content=lock_for(lock, sources=sources)))
    return tuple(files)


def trusted_of(
    units: Iterable[str], after: Mapping[str, str], *, base: Mapping[str, str], settings: Settings, lock: str | None
) -> tuple[File, ...]:
    """The trusted files of all `units`; `after` is every text once a change of `base` is made, `lock` as above.

    A lock file that a unit has in `base`, the default branch, stays as it is.
    """
    files: list[File] = []
    for unit in units:
        code = [text for path, text in after.items() if path.startswith(f"{unit}/") and path.endswith(".tf")]
        if all(text.startswith(HEADER) for text in code):
            continue  # what is left names the providers that take away what was deployed
        made = trusted_files(unit, settings=settings, lock=lock, existing=code)
        files += [file for file in made if not (file.path.endswith(".lock.hcl") and file.path in base)]
    return tuple(files)


def required_providers(providers: Mapping[str, Provider]) -> list[str]:
    """The lines of the block that asks for `providers`, local name -> provider, indented for a `terraform` block."""
    lines = ["  required_providers {"]
    for index, (name, provider) in enumerate(providers.items()):
        lines += [] if index == 0 else [""]
        lines += [f"    {name} = {{", *_aligned({"source": provider.source, "version": provider.version}, 6), "    }"]
    return [*lines, "  }"]


def lock_for(lock: str, *, sources: Collection[str]) -> str:
    """The part of a provider lock that names `sources` (`hashicorp/aws`): init refuses to drop the rest read-only."""
    blocks = [match.group(0) for match in _LOCK_BLOCK.finditer(lock) if match["source"] in sources]
    return "\n".join(["# Written by infra-agent from policies/terraform.lock.hcl.\n", *blocks])


def _is_code(path: str) -> bool:
    return path.endswith((".tf", ".tf.json"))


def _folder(path: str) -> str:
    return posixpath.dirname(path)


def uses_of(files: Mapping[str, str]) -> dict[str, set[str]]:
    """Folder -> folders of the local modules that its code names; read by text, so broken code counts as well."""
    uses: dict[str, set[str]] = {}
    for path, content in files.items():
        if _is_code(path):
            for source in _SOURCE.findall(content):
                uses.setdefault(_folder(path), set()).add(posixpath.normpath(posixpath.join(_folder(path), source)))
    return uses


def reached(folder: str, uses: Mapping[str, set[str]]) -> set[str]:
    """The folders of the local modules that `folder` uses, directly or through another."""
    found: set[str] = set()
    waiting = list(uses.get(folder, ()))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(uses.get(module, ()))
    return found


def _parse(text: str) -> dict[str, Any] | None:
    try:
        parsed = hcl2.loads(text if text.endswith("\n") else f"{text}\n")
    except (LarkError, ValueError, RecursionError):
        return None  # `terraform validate` names the place
    return parsed if isinstance(parsed, dict) else None


def _stands_alone(parsed: Mapping[str, Any]) -> bool:
    settings_blocks = [block for block in parsed.get("terraform", []) if isinstance(block, dict)]
    return bool(parsed.get("provider")) or any("backend" in block or "cloud" in block for block in settings_blocks)


def _providers(blocks: Iterable[Mapping[str, Any]], settings: Settings) -> tuple[str, ...]:
    known = settings.terraform.providers
    used = {prefix for block in blocks for prefix in _prefixes(block)} & set(known)
    return tuple(sorted(used or {"aws"} & set(known)))


def _prefixes(parsed: Mapping[str, Any]) -> Iterator[str]:
    for kind in ("resource", "data", "ephemeral"):
        for block in parsed.get(kind, []):
            for type_name in block:
                yield str(type_name).strip('"').split("_", 1)[0]


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _quoted_keys(values: Mapping[str, str]) -> dict[str, str]:
    return {key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key) else _quote(key): values[key] for key in sorted(values)}


def _aligned(values: Mapping[str, str | bool], indent: int) -> list[str]:
    """Attribute lines with their equals signs below each other, as `terraform fmt` writes them."""
    width = max(len(key) for key in values)
    return [
        f"{' ' * indent}{key.ljust(width)} = {'true' if value is True else _quote(str(value))}"
        for key, value in values.items()
    ]
