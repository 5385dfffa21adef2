"""Merge and the outcomes of its units -> Outcome: whether what was applied stands still and answers its probes."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent.documents import Documents, parse
from agent.domain import Merge, Outcome, UnitOutcome
from agent.errors import ToolError, UserError
from agent.jobs.workspace import lay_out
from agent.repo import open_repo
from agent.settings import Settings
from agent.targets import terraform
from agent.targets.probes import load_probes, run_probe
from agent.tools import Tools

PROBES = "probes.yaml"


def run(
    documents: Documents, *, root: Path, settings: Settings, tools: Tools, environment: Mapping[str, str]
) -> Outcome:
    """Validate every unit. A unit whose apply left no outcome counts as failed. `environment` reaches the cloud."""
    merge = documents.need(Merge)
    repo = open_repo(root)
    found = _outcomes(documents.folder / "outcomes", merge)
    units = []
    with tempfile.TemporaryDirectory(prefix="infra-agent-validate-") as folder:
        lay_out(repo, merge.commit, merge.units, into=Path(folder))
        for unit in merge.units:
            outcome = found.get(unit) or UnitOutcome(
                unit=unit, status="failed", reason="the apply job ended without an outcome; its log says why"
            )
            if outcome.status == "applied":
                outcome = _validated(outcome, Path(folder), settings=settings, tools=tools, environment=environment)
            units.append(outcome)
    return Outcome(commit=merge.commit, units=tuple(units))


def _validated(
    outcome: UnitOutcome, folder: Path, *, settings: Settings, tools: Tools, environment: Mapping[str, str]
) -> UnitOutcome:
    file = folder / outcome.unit / PROBES
    try:
        second = terraform.second_plan(tools, folder, outcome.unit, settings=settings)
        probes = load_probes(file.read_text(encoding="utf-8")) if file.is_file() else ()
        results = tuple(run_probe(probe, outputs=second.outputs, environment=environment) for probe in probes)
    except (ToolError, UserError) as error:
        return outcome.model_copy(update={"healthy": False, "reason": f"could not be validated: {error}"})
    reasons = [second.reason] if not second.empty else []
    reasons += [f"probe {result.probe}: {result.detail}" for result in results if not result.passed]
    return outcome.model_copy(
        update={
            "second_plan_empty": second.empty,
            "probes": results,
            "healthy": not reasons,
            "reason": "; ".join([outcome.reason, *reasons]).strip("; "),
        }
    )


def _outcomes(folder: Path, merge: Merge) -> dict[str, UnitOutcome]:
    found: dict[str, UnitOutcome] = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        outcome = parse(Outcome, path.read_text(encoding="utf-8"), source=path.name)
        if outcome.commit != merge.commit:
            raise UserError(f"{path.name}: is of {outcome.commit[:7]}, merged was {merge.commit[:7]}")
        for unit in outcome.units:
            if unit.unit in found:
                raise UserError(f"{path.name}: a second outcome of {unit.unit}")
            found[unit.unit] = unit
    return found
