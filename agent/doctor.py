"""A checkout and its tools -> what is there, what is missing, and how to get it."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.checks.severity import SEVERITY_PATH, load_severities
from agent.checks.waivers import WAIVERS_PATH, load_waivers
from agent.errors import AgentError, ToolError
from agent.guardrails import GUARDRAILS_PATH, load_guardrails
from agent.settings import SETTINGS_PATH, load_settings
from agent.tools import Tools

GET_TERRAFORM = (
    "no terraform and no tofu on PATH. Install Terraform 1.10 or newer (developer.hashicorp.com/terraform/install) or "
    "OpenTofu 1.10 or newer (opentofu.org/docs/intro/install), or name a binary in .github/infra-agent.yml under "
    "terraform.binary. Without it no plan can be made"
)


OLDEST = (1, 10)
LOCK_PATH = "policies/terraform.lock.hcl"
APPLY_PATH = ".github/workflows/apply.yml"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at. `ok` is None where nobody could tell: that is never a yes. `detail` says how to
    mend what is missing.
    """

    what: str
    ok: bool | None
    detail: str

    @property
    def state(self) -> Literal["ok", "MISSING", "UNKNOWN"]:
        if self.ok is None:
            return "UNKNOWN"
        return "ok" if self.ok else "MISSING"


def diagnose(root: Path, *, tools: Tools, mirror: str, files: bool = True) -> Iterator[Line]:
    """One line for each thing that the pipeline needs on this machine and, with `files`, in this checkout."""
    yield Line("Python", sys.version_info >= (3, 11), sys.version.split()[0])
    yield _program(tools, "git", "install git")
    yield _terraform(root, tools)
    if mirror:
        there = (Path(mirror) / "registry.terraform.io").is_dir()
        yield Line("provider mirror", there, mirror if there else f"{mirror} holds no folder registry.terraform.io")
    if files:
        yield from _files(root)


def _files(root: Path) -> Iterator[Line]:
    loads = (
        (SETTINGS_PATH, load_settings),
        (GUARDRAILS_PATH, load_guardrails),
        (WAIVERS_PATH, load_waivers),
        (SEVERITY_PATH, load_severities),
    )
    for path, load in loads:
        try:
            load(root)
            yield Line(path, True, "sound")
        except AgentError as error:
            yield Line(path, False, str(error))
    lock = (root / LOCK_PATH).is_file()
    yield Line(LOCK_PATH, lock, "there" if lock else "not there: every unit would take whatever provider it is given")


def _terraform(root: Path, tools: Tools) -> Line:
    try:
        binary = load_settings(root).terraform.binary
    except AgentError:
        binary = ""
    for name in [binary] if binary else ["terraform", "tofu"]:
        if path := tools.which(name):
            return _new_enough(_program(tools, path, GET_TERRAFORM))
    return Line("Terraform or OpenTofu", False, GET_TERRAFORM)


def _new_enough(line: Line) -> Line:
    """The state's lock file needs 1.10, of Terraform and of OpenTofu alike."""
    found = re.search(r"v(\d+)\.(\d+)", line.detail)
    if line.ok and found and (int(found[1]), int(found[2])) < OLDEST:
        return Line(line.what, False, f"{line.detail} is older than {'.'.join(map(str, OLDEST))}. {GET_TERRAFORM}")
    return line


def _program(tools: Tools, name: str, how: str) -> Line:
    label = Path(name).name
    path = tools.which(name)
    if path is None:
        return Line(label, False, how)
    try:
        done = tools.run([path, "version"], cwd=Path("/"), timeout=20)
    except ToolError as error:
        return Line(label, False, str(error))
    return Line(label, True, f"{done.stdout.splitlines()[0]} ({path})")
