"""Files of a draft -> what gate and syntax checks say: rules, places and fixed texts, never a tool's own words."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from agent import gate
from agent.checks.run import CHECKS, run_checks
from agent.checks.waivers import for_the_gate, load_waivers
from agent.domain import File, Finding, Value
from agent.errors import UserError
from agent.models.tools.place import Place, other_unit
from agent.models.tools.tool import Arguments, Tool
from agent.repo import read
from agent.targets.terraform_files import LOCK_FILE, affected, reached, trusted_of, uses_of
from agent.tree import laid_over

# Whether the draft can be read at all. What the policies think of it is not for its author to know before.
SYNTAX = ("terraform", "yamllint", "ansible-lint", "kubernetes")
MOST_FINDINGS = 80
MOST_UNITS = 5
SECONDS = 180.0


class DraftFile(Value):
    path: Annotated[str, Field(min_length=1, max_length=240)]
    """Path of the file."""
    content: Annotated[str | None, Field(max_length=200_000)]
    """Its whole new text; null takes the file away."""


class CheckDraft(Arguments):
    files: Annotated[tuple[DraftFile, ...], Field(min_length=1, max_length=100)]
    """New and changed files, whole."""


def check_draft(place: Place, given: CheckDraft) -> str:
    """A line a finding: place, rule and what the rule asks; or that nothing was found."""
    files = [File(path=one.path, content=one.content) for one in given.files]
    units = units_of(place, files)
    found, broken = examine(place, files, units)
    known = {file.path for file in files} | {*units}
    rows: dict[str, None] = {}
    for one in found[:MOST_FINDINGS]:
        rule, text = place.explained(one)
        where = one.path if one.path in known else "(beside the draft)"
        rows.setdefault(f"{where}{f':{one.line}' if one.line else ''}: {rule}: {text}")
    said = [*rows]
    said += [f"and {len(found) - MOST_FINDINGS} more; mend these first"] if len(found) > MOST_FINDINGS else []
    said += [f"{name} could not run, so nothing is known of what it would find" for name in broken]
    return "\n".join(said) or "nothing was found; policies, plan and review come after the draft"


def examine(place: Place, files: Sequence[File], units: Sequence[str]) -> tuple[list[Finding], list[str]]:
    """What gate and syntax checks have against a draft, and which of them could not run.

    No tool sees a file that the gate refused. What stood there before is left out. Raises UserError when the draft
    reaches more units than can be examined at once.
    """
    base = place.texts("infra/")
    waived = for_the_gate(load_waivers(place.root), today=place.today)
    refused = gate.examine(files, guardrails=place.guardrails, base=base, waived=waived)
    if refused:
        return [*refused], []
    if len(units) > MOST_UNITS:
        raise UserError(f"the draft reaches {len(units)} units; check at most {MOST_UNITS} at once")
    after = laid_over(base, files)
    folders = _folders(units, after)
    locks = _locks(place, units)
    ours = trusted_of(
        [unit for unit in units if unit.startswith("infra/terraform/")],
        {**after, **locks},
        base={**base, **locks},
        settings=place.settings,
        lock=place.lock or None,
    )
    written = {file.path for file in ours}
    answered = run_checks(
        [*_files(after, folders, written), *_files(locks, folders, written)],
        units=units,
        settings=place.settings,
        guardrails=place.guardrails,
        tools=place.tools,
        root=place.root,
        trusted=ours,
        before=[*_files(base, folders, written), *_files(locks, folders, written)],
        checkov_python="",
        ansible_python=place.pythons.get("ansible", ""),
        kubernetes_python=place.pythons.get("kubernetes", ""),
        today=place.today,
        timeout=SECONDS,
        checks={name: CHECKS[name] for name in SYNTAX},
    )
    broken = [run.check for run in answered.checks if run.status == "error"]
    found = [one for one in answered.findings if one.severity != "info" and one.source in SYNTAX]
    return [one for one in found if one.source not in broken], broken


def units_of(place: Place, files: Sequence[File]) -> tuple[str, ...]:
    """The units that a draft touches, those that use a module of it included."""
    after = dict(place.infrastructure)
    for file in files:
        if file.path.startswith("infra/terraform/") and file.content is not None:
            after[file.path] = file.content
    paths = [file.path for file in files]
    return tuple(sorted({*affected(paths, after), *(unit for path in paths if (unit := other_unit(path)))}))


def _folders(units: Sequence[str], after: Mapping[str, str]) -> tuple[str, ...]:
    """The units and the modules that they reach."""
    uses = uses_of({path: text for path, text in after.items() if path.startswith("infra/terraform/")})
    return tuple(sorted({*units, *(module for unit in units for module in reached(unit, uses))}))


def _files(texts: Mapping[str, str], folders: Sequence[str], ours: set[str]) -> list[File]:
    inside = tuple(f"{folder}/" for folder in folders)
    return [
        File(path=path, content=text) for path, text in texts.items() if path.startswith(inside) and path not in ours
    ]


def _locks(place: Place, units: Sequence[str]) -> dict[str, str]:
    """The lock files that stand in the units: no tool shows them, and Terraform needs them."""
    found = {}
    for unit in units:
        path = f"{unit}/{LOCK_FILE}"
        data = read(place.repo, place.commit, path) if path in place.every else None
        if data is not None:
            found[path] = data.decode("utf-8", "replace")
    return found


TOOLS = (
    Tool(
        "check-draft",
        "Checks files before they are handed in: the gate, terraform fmt and validate with the real providers, syntax "
        "of YAML, Ansible and Kubernetes. Answers rules and places.",
        CheckDraft,
        check_draft,
        4_000,
    ),
)
