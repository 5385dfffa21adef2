"""Merge and the outcomes of its units -> Outcome: whether what was applied stands still and answers its probes."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent.documents import MAX_BYTES, Documents, parse
from agent.domain import Merge, Outcome, Run, UnitOutcome
from agent.errors import ToolError, UserError
from agent.jobs.parts.workspace import lay_out
from agent.repo import Remote, fetch, open_repo
from agent.settings import Settings
from agent.targets import terraform
from agent.targets.probes import load_probes, run_probe
from agent.tools import Tools

PROBES = "probes.yaml"


def run(
    documents: Documents,
    *,
    root: Path,
    settings: Settings,
    tools: Tools,
    environment: Mapping[str, str],
    remote: Remote,
    this_run: Run,
) -> Outcome:
    """Validate every unit. A unit whose apply left no outcome counts as failed. `environment` reaches the cloud."""
    merge = documents.need(Merge)
    repo = open_repo(root)
    fetch(repo, remote, merge.commit)  # a retry stands on the newest commit
    found = outcomes(documents.folder / "outcomes", merge, this_run)
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
    return Outcome(commit=merge.commit, run=this_run.id, attempt=this_run.attempt, units=tuple(units))


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


def outcomes(folder: Path, merge: Merge, this_run: Run) -> dict[str, UnitOutcome]:
    """What each apply job of this run said of its own unit. Raises UserError naming what is not that.

    GitHub joins the outputs of a matrix, so no digest can bind these documents. What binds them: the artifact
    `outcome-<n>` holds exactly `outcome-<n>.json`, which is of this run, this commit and the nth unit alone.
    """
    found: dict[str, UnitOutcome] = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UserError(f"{path.name}: must be a plain file")
        if path.is_dir():
            continue
        place = re.fullmatch(r"outcome-(0|[1-9][0-9]{0,3})/outcome-\1\.json", path.relative_to(folder).as_posix())
        if place is None or int(place[1]) >= len(merge.units):
            raise UserError(f"{path.relative_to(folder)}: is no outcome of the {len(merge.units)} units of this run")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name}: must have at most {MAX_BYTES} bytes")
        unit = merge.units[int(place[1])]
        outcome = parse(Outcome, path.read_text(encoding="utf-8"), source=path.name)
        if outcome.commit != merge.commit:
            raise UserError(f"{path.name}: is of {outcome.commit[:7]}, merged was {merge.commit[:7]}")
        if outcome.run != this_run.id or not 1 <= outcome.attempt <= this_run.attempt:
            raise UserError(f"{path.name}: is of run {outcome.run or '(none)'}, this is run {this_run.id}")
        if [one.unit for one in outcome.units] != [unit]:
            raise UserError(f"{path.name}: must be the outcome of {unit} alone")
        found[unit] = outcome.units[0]
    return found
