"""`policies/rego` of a trusted checkout -> its policies with their metadata and examples, libraries and data.

A policy's `# METADATA` may say `title`, `custom.id` (else the file's name), `custom.severity`, and `custom.input`:
`terraform-plan`, `kubernetes`, or a list of both, which is what it is without.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.domain import Severity, Value
from agent.errors import UserError
from agent.settings import Shape

POLICIES = "policies/rego"
EXAMPLES = "policies/examples"
PLAN: Final = "terraform-plan"
MANIFEST: Final = "kubernetes"

Kind = Literal["terraform-plan", "kubernetes"]
RuleId = Annotated[str, Shape(r"[A-Za-z][A-Za-z0-9._/-]{1,63}", "letters, digits, dots, hyphens and slashes")]


class Custom(Value):
    """`custom` of a policy's metadata: ours, and conftest passes it over."""

    id: RuleId | None = None
    severity: Severity | None = None
    input: tuple[Kind, ...] | Kind = (PLAN, MANIFEST)


@dataclass(frozen=True)
class Policy:
    """One `.rego` file of package main. `fail` and `pass_` are its examples."""

    id: str
    path: Path
    kinds: tuple[Kind, ...]
    severity: Severity | None
    title: str
    fail: tuple[Path, ...]
    pass_: tuple[Path, ...]


@dataclass(frozen=True)
class PolicySet:
    """Everything below `policies/rego`. `libraries` are files of other packages, `data` files of values."""

    policies: tuple[Policy, ...] = ()
    libraries: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()

    def of(self, kind: Kind) -> "PolicySet":
        return replace(self, policies=tuple(policy for policy in self.policies if kind in policy.kinds))


def find_policies(root: Path) -> PolicySet:
    """The policies below `root/policies/rego`, with their examples. Raises UserError for one that cannot be read."""
    folder = root / POLICIES
    policies: dict[str, Policy] = {}
    libraries: list[Path] = []
    for path in sorted(folder.rglob("*.rego")):
        if path.name.endswith("_test.rego"):
            continue
        named = path.relative_to(root).as_posix()
        try:
            source = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{named}: not UTF-8") from error
        package = re.search(r"^package\s+(\S+)", source, re.MULTILINE)
        if package is None:
            raise UserError(f"{named}: has no package; a policy says `package main`")
        if package[1] != "main":
            libraries.append(path)
            continue
        policy = _policy(path, source, named, root / EXAMPLES)
        if policy.id in policies:
            raise UserError(f"{named}: its id {policy.id} is also that of {policies[policy.id].path.name}")
        policies[policy.id] = policy
    data = sorted(path for path in (folder / "data").glob("*") if path.suffix in {".json", ".yaml", ".yml"})
    return PolicySet(tuple(policies.values()), tuple(libraries), tuple(data))


def _policy(path: Path, source: str, named: str, examples: Path) -> Policy:
    metadata = _metadata(source, named)
    try:
        custom = Custom.model_validate(metadata.get("custom") or {})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise UserError(f"{named}: METADATA custom.{place}: {problem['msg']}") from error
    shown = {
        side: tuple(sorted(item for item in (examples / path.stem / side).glob("*") if item.is_file()))
        for side in ("fail", "pass")
    }
    if not shown["fail"] or not shown["pass"]:
        raise UserError(f"{named}: needs an example in {EXAMPLES}/{path.stem}/fail and one in …/pass")
    kinds = (custom.input,) if isinstance(custom.input, str) else custom.input
    title = metadata.get("title")
    return Policy(
        id=custom.id or path.stem,
        path=path,
        kinds=kinds,
        severity=custom.severity,
        title=title if isinstance(title, str) else "",
        fail=shown["fail"],
        pass_=shown["pass"],
    )


def _metadata(source: str, named: str) -> dict[str, Any]:
    """The first `# METADATA` block of the file."""
    match = re.search(r"^# METADATA[ \t]*\n((?:#.*\n?)*)", source, re.MULTILINE)
    if match is None:
        return {}
    text = "\n".join(line[1:].removeprefix(" ") for line in match[1].splitlines())
    try:
        data = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise UserError(f"{named}: its METADATA is not YAML") from error
    return data if isinstance(data, dict) else {}
