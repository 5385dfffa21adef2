"""Units of a checkout -> what init and `validate` say of each; units that ask for the same providers share one process.

Installing and hashing a large provider and making it tell its schema is most of what validating costs. Units whose
`required_providers` and lock file are the same, word for word, and that call no module would each install, hash and
start the same program: the first one does, and hands it on; or one that is running already (`terraform_warm`), when
they ask for nothing but that. Each unit's own init still runs, for everything else.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.domain import Finding
from agent.errors import ToolError
from agent.gate.hcl import HclError
from agent.gate.hcl_parse import parse
from agent.settings import Settings
from agent.targets import terraform_cli as cli
from agent.targets.terraform_cli import Diagnostic, Workspace
from agent.targets.terraform_files import LOCK_FILE, lock_for, required_providers
from agent.targets.terraform_handover import REATTACH, START_SECONDS
from agent.targets.terraform_provider import running
from agent.targets.terraform_warm import Warm
from agent.tools import Tools

# One validation takes about a core and a third of a gigabyte, and a provider half a gigabyte.
_AT_ONCE = 2
# What init says when it got no answer, as Go's net package words it. That says nothing about the code.
_NO_ANSWER = re.compile(
    r"(?i)could not connect to|discovery document|dial tcp|no such host|could not resolve host|no route to host"
    r"|connection (?:refused|reset)|network is unreachable|i/o timeout|handshake (?:timeout|failure)|client\.timeout"
    r"|deadline exceeded|proxyconnect|x509:|request failed after \d+ attempts|unexpected EOF"
    r"|\b50[234] (?:Bad|Service|Gateway)"
)


def validate(tools: Tools, root: Path, unit: str, settings: Settings) -> tuple[Finding, ...]:
    """What init (without its backend) and `validate` have to say, each at its path and line. Needs no credentials."""
    return validate_all(tools, root, (unit,), settings)


def validate_all(
    tools: Tools, root: Path, units: Sequence[str], settings: Settings, *, warmed: Warm | None = None
) -> tuple[Finding, ...]:
    """The same for several units, in their order; `warmed` answers for those that ask for exactly that provider.

    Raises ToolError for the first that could not be judged.
    """
    groups: dict[str, list[str]] = {}
    for unit in units:
        groups.setdefault(_needs(root, unit) or unit, []).append(unit)
    found: dict[str, tuple[Finding, ...]] = {}
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="validate") as pool:
        shared = ""
        if warmed is not None and (asked := _asked_for(warmed)) in groups:
            # it hashes the provider first; then it has START_SECONDS of its own
            shared = warmed.answer(timeout=cli.QUICK_SECONDS + START_SECONDS)
            if shared:
                units_of_it = groups.pop(asked)
                answers = pool.map(lambda unit: _other(tools, root, unit, settings, shared), units_of_it)
                found |= dict(zip(units_of_it, answers, strict=True))
        if len(groups) == 1:
            found |= _group(tools, root, next(iter(groups.values())), settings, pool)
        else:
            for answer in pool.map(lambda group: _group(tools, root, group, settings, None), groups.values()):
                found |= answer
    return tuple(item for unit in units for item in found[unit])


def _group(
    tools: Tools, root: Path, units: Sequence[str], settings: Settings, pool: ThreadPoolExecutor | None
) -> dict[str, tuple[Finding, ...]]:
    """Units that ask for the same: the first installs and starts the provider. `pool` runs the others beside it."""
    first, others = units[0], units[1:]
    with cli.workspace(tools, root, first, settings) as place:
        failed = _init(place)
        if failed:
            found = {first: tuple(finding_of(item, "init", place) for item in failed)}
            return found | (_group(tools, root, others, settings, pool) if others else {})
        with running(place) as ready:
            shared = ready.variables.get(REATTACH, "")
            work = [partial(_ready, ready), *(partial(_other, tools, root, unit, settings, shared) for unit in others)]
            answers = [do() for do in work] if pool is None else list(pool.map(_call, work))
    return dict(zip(units, answers, strict=True))


def _init(place: Workspace) -> tuple[Diagnostic, ...]:
    """What init has against the code. Raises ToolError when it got no answer from a registry: that is no finding."""
    failed = cli.init(place, backend=False)
    silent = [item for item in failed if _NO_ANSWER.search(item.detail) and re.search("provider|module", item.summary)]
    if silent:
        detail = cli.redacted(silent[0].detail, place.tools.environment).partition(" To see which ")[0][:300]
        raise ToolError(
            f"{place.unit}: init got no answer from where providers and modules come from ({detail}); name the folder "
            "of a provider mirror in INFRA_AGENT_PROVIDER_MIRROR, or let this machine reach the registry"
        )
    return failed


def _call(do: Callable[[], tuple[Finding, ...]]) -> tuple[Finding, ...]:
    return do()


def _other(tools: Tools, root: Path, unit: str, settings: Settings, shared: str) -> tuple[Finding, ...]:
    with cli.workspace(tools, root, unit, settings) as place:
        if shared:
            place = replace(place, variables={**place.variables, REATTACH: shared})
        failed = _init(place)
        if failed:
            return tuple(finding_of(item, "init", place) for item in failed)
        return _ready(place)


def _ready(place: Workspace) -> tuple[Finding, ...]:
    done = place.run("validate", "-json", "-no-color", seconds=cli.QUICK_SECONDS)
    try:
        answer = json.loads(done.stdout)
        valid, listed = bool(answer["valid"]), list(cli.diagnostics(answer["diagnostics"], unit=place.unit))
    except (ValueError, KeyError, TypeError) as error:
        log = cli.redacted(done.stdout + done.stderr, place.tools.environment)[-20_000:]
        raise ToolError(f"{place.unit}: `validate -json` gave an answer that cannot be read", log=log) from error
    if not valid and not any(item.severity == "error" for item in listed):
        raise ToolError(f"{place.unit}: `validate -json` says invalid and names no error")
    return tuple(finding_of(item, "validate", place) for item in listed)


def finding_of(item: Diagnostic, command: str, place: Workspace) -> Finding:
    """A diagnostic of `command` as a finding, without secrets."""
    message = cli.redacted(f"{item.summary}: {item.detail}" if item.detail else item.summary, place.tools.environment)
    return Finding(
        source="terraform",
        rule=f"{command}/{cli.slug(item.summary)}",
        severity="high" if item.severity == "error" else "low",
        message=message[:1000],
        path=item.path or place.unit,
        line=item.line,
    )


def _needs(root: Path, unit: str) -> str:
    """Which providers a unit asks for, as text that equals another's when it asks for the same; empty: unlike any."""
    paths = [path for path in sorted((root / unit).iterdir()) if path.is_file()]
    return _needs_of({path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths})


def _asked_for(warmed: Warm) -> str:
    """What a unit needs that asks for the provider of the settings as trusted code writes it, and for nothing else."""
    block = required_providers({warmed.name: warmed.provider})
    lock = lock_for(warmed.lock, sources={warmed.provider.source})
    return _needs_of({"terraform.tf": "\n".join(["terraform {", *block, "}", ""]), LOCK_FILE: lock})


def _needs_of(files: Mapping[str, str]) -> str:
    """The same of a unit's files, name -> content."""
    if LOCK_FILE not in files:
        return ""
    asked = []
    for name, text in sorted(files.items()):
        if name.endswith((".tf.json", ".tofu", ".tofu.json")):
            return ""
        if not name.endswith(".tf"):
            continue
        try:
            blocks = parse(text).blocks
        except HclError:
            return ""
        if any(block.kind == "module" for block in blocks):
            return ""
        asked += [
            text[inner.at : inner.end]
            for block in blocks
            if block.kind == "terraform"
            for inner in block.body.blocks
            if inner.kind == "required_providers"
        ]
    return json.dumps([files[LOCK_FILE], sorted(asked)])
