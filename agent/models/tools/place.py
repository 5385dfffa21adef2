"""A commit and what stands around it -> what reading tools may look at: infra/ and knowledge/, and nothing else."""

import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import git

from agent.clean import clean
from agent.domain import Finding, OpenChange, Outcome, Plan, Target, Verb
from agent.errors import UserError
from agent.gate import RULES
from agent.guardrails import Guardrails
from agent.render.redact import redact
from agent.repo import REGULAR, Entry, blob, entries
from agent.settings import Settings
from agent.targets.terraform_files import ROOT, discover, uses_of
from agent.targets.terraform_inventory import Fact, Inventory
from agent.targets.terraform_warm import LOCK
from agent.tools import Tools

FOLDERS = ("infra", "knowledge")
# Files that people also keep beside code, and that hold secrets or the state of the world.
PRIVATE = re.compile(
    r"(?i)(?:.*\.(?:tfstate(?:\..*)?|tfplan|tfvars(?:\.json)?|pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg|env)"
    r"|id_(?:rsa|dsa|ecdsa|ed25519).*|.*kubeconfig(?:\.(?:ya?ml|json))?|credentials?(?:\.(?:json|csv|ini|txt|ya?ml))?"
    r"|(?:.*[._-])?vault\.ya?ml|.*vault[_-]pass(?:word)?.*)"
)
# What is read of one file: larger ones are data, and looking through them for secrets would take seconds.
MOST_BYTES = 128 * 1024
_OTHER_UNIT = re.compile(r"(infra/(?:ansible/[a-z][a-z0-9-]*|kubernetes/[a-z][a-z0-9-]*/[a-z][a-z0-9-]*))/.+")


class GoldenPath(Protocol):
    """What the tools show of a blueprint; a loaded one has more."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def when_to_use(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def resources(self) -> Mapping[str, tuple[Verb, ...]]: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...
    @property
    def templates(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Place:
    """What reading tools may look at, as of `commit`, a commit of the default branch that `repo` holds.

    Nothing is checked out for them. `root` is a checkout of the default branch: waivers and severities are taken from
    there, no tool shows what lies in it. `tools` start children, with their own allow-listed environment; `cache` is a
    folder of ours for what is slow to ask for again, and `pythons` the interpreters of `ansible` and `kubernetes`.
    What this job cannot know is None: then a tool says that, rather than that there is nothing. `drift` is a plan of
    the code as it stands, `facts` counts resources by environment and type, `secrets` appear in no answer. `explained`
    turns a finding into its rule and a fixed text.
    """

    repo: git.Repo
    commit: str
    root: Path
    settings: Settings
    guardrails: Guardrails
    tools: Tools
    cache: Path
    today: date
    blueprints: Mapping[str, GoldenPath] = field(default_factory=dict)
    pythons: Mapping[str, str] = field(default_factory=dict)
    open_changes: tuple[OpenChange, ...] | None = None
    locks: Mapping[str, str] | None = None
    facts: Mapping[str, Mapping[str, int]] | None = None
    plan: Plan | None = None
    drift: Plan | None = None
    outcomes: tuple[Outcome, ...] = ()
    secrets: Collection[str] = field(default=(), repr=False)
    explained: Callable[[Finding], tuple[str, str]] = field(default_factory=lambda: by_rule)
    _read: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _told: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def every(self) -> Mapping[str, Entry]:
        """Everything below the allowed folders, by path: what no tool reads is in here as well."""
        return {entry.path: entry for entry in entries(self.repo, self.commit, [f"{folder}/" for folder in FOLDERS])}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths that may be read, sorted."""
        return tuple(sorted(path for path in self.every if not self.refused(path)))

    @cached_property
    def infrastructure(self) -> Mapping[str, str]:
        """Every text below infra/terraform that may be read."""
        return self.texts(f"{ROOT}/")

    @cached_property
    def inventory(self) -> Inventory:
        """What the units hold, offer and need."""
        return Inventory(self.infrastructure, settings=self.settings)

    @cached_property
    def uses(self) -> Mapping[str, tuple[str, ...]]:
        """Unit or module -> the folders of the local modules that its code names itself."""
        return {folder: tuple(sorted(named)) for folder, named in uses_of(self.infrastructure).items()}

    @cached_property
    def offered(self) -> Mapping[Fact, tuple[str, ...]]:
        """What Terraform units offer to each other -> the units that do."""
        return _turned((unit, self.inventory.offers(unit)) for unit in self.inventory.units)

    @cached_property
    def wanted(self) -> Mapping[Fact, tuple[str, ...]]:
        """What Terraform units need of each other -> the units that do."""
        return _turned((unit, self.inventory.needs(unit)) for unit in self.inventory.units)

    @cached_property
    def units(self) -> Mapping[str, Target]:
        """Every unit, sorted, with its target."""
        found: dict[str, Target] = dict.fromkeys(discover(self.paths), "terraform")
        for path in self.paths:
            other = other_unit(path)
            if other and path.endswith((".yml", ".yaml")):
                found[other] = "ansible" if path.startswith("infra/ansible/") else "kubernetes"
        return dict(sorted(found.items()))

    def refused(self, path: str) -> str:
        """Why no tool reads `path`; empty when it may be read."""
        parts = path.split("/")
        if posixpath.normpath(path) != path or parts[0] not in FOLDERS or "\\" in path or not path.isprintable():
            return f"only paths below {' and '.join(f'{folder}/' for folder in FOLDERS)} are read, written plainly"
        if any(part.startswith(".") for part in parts):
            return "files and folders whose names begin with a dot are not read"
        if any(PRIVATE.fullmatch(part) for part in parts):
            return "state, plans, variable files, keys and credentials are not read"
        entry = self.every.get(path)
        if entry is not None and entry.mode != REGULAR:
            return "links, submodules and executables are not read"
        if entry is not None and entry.size > MOST_BYTES:
            return f"it has {entry.size} bytes; files of at most {MOST_BYTES} are read"
        return ""

    def text(self, path: str) -> str:
        """Content of one file. Raises UserError: not to be read, not there, no text."""
        if why := self.refused(path):
            raise UserError(f"{shown(path)}: {why}")
        if path not in self._read:
            entry = self.every.get(path)
            if entry is None:
                raise UserError(f"{shown(path)}: no such file at {self.commit[:7]}; list-files shows what there is")
            try:
                self._read[path] = blob(self.repo, entry).decode()
            except UnicodeDecodeError as error:
                raise UserError(f"{shown(path)}: not UTF-8 text") from error
        return self._read[path]

    def told(self, path: str) -> str:
        """The same as it may be shown: without secrets; of notes, what a reader of the page sees."""
        if path not in self._told:
            text = self.text(path)
            # The whole text at once: half a secret is no longer recognised.
            self._told[path] = redact(clean(text).text if path.startswith("knowledge/") else text, values=self.secrets)
        return self._told[path]

    def texts(self, prefix: str) -> dict[str, str]:
        """Path -> content of every file below `prefix` that may be read; what is no text is left out."""
        found = {}
        for path in self.paths:
            if path.startswith(prefix):
                try:
                    found[path] = self.text(path)
                except UserError:
                    continue
        return found

    def unit(self, name: str) -> str:
        """`name` or the one unit that ends with it. Raises UserError: none, or more than one."""
        name = name.strip("/")
        if name in self.units:
            return name
        ending = [unit for unit in self.units if unit.endswith(f"/{name}")]
        if len(ending) == 1:
            return ending[0]
        said = f"fits {', '.join(ending[:5])}" if ending else "no such unit; list-units shows what there is"
        raise UserError(f"{shown(name)}: {said}")

    @cached_property
    def lock(self) -> str:
        """The trusted provider lock of the default branch; empty without one."""
        found = [one for one in entries(self.repo, self.commit, [LOCK]) if one.path == LOCK and one.mode == REGULAR]
        return blob(self.repo, found[0]).decode("utf-8", "replace") if found else ""


def _turned(facts: Iterable[tuple[str, Collection[Fact]]]) -> dict[Fact, tuple[str, ...]]:
    found: dict[Fact, list[str]] = {}
    for unit, said in facts:
        for fact in said:
            found.setdefault(fact, []).append(unit)
    return {fact: tuple(units) for fact, units in found.items()}


def other_unit(path: str) -> str:
    """The Ansible or Kubernetes unit that `path` lies in; empty for what lies in none."""
    match = _OTHER_UNIT.fullmatch(path)
    return match[1] if match else ""


def by_rule(finding: Finding) -> tuple[str, str]:
    """A finding's rule and a fixed text for it: of the gate's rules their reason, else only whose it is."""
    if finding.source == "gate" and finding.rule in RULES:
        return finding.rule, RULES[finding.rule].reason
    return f"{finding.source}/other", "the tool refuses what stands here"


def shown(text: str) -> str:
    """A name that somebody asked for, as an error names it."""
    return repr(text[:120])
