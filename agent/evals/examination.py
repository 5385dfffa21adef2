"""A change on a ground -> what tools say of it: gate, static checks, a plan against the local cloud, the case's policy.

Tools see a clean copy of files that passed the gate. A unit that stands in code is applied to the local cloud once,
before the first plan of a change to it: else each plan would create what is there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from agent.checks.run import CHECKS, run_checks
from agent.domain import ChangeSet, File, Plan, Target, UnitPlan
from agent.errors import AgentError
from agent.evals.case import Case
from agent.evals.ground import Ground
from agent.evals.judge import Said
from agent.evals.policy import judged_by
from agent.jobs.parts.workspace import refusals, trusted
from agent.targets import terraform
from agent.targets.terraform_files import MODULES
from agent.tools import allowed, clean_copy
from agent.tree import laid_over

STATIC: Mapping[Target, tuple[str, str]] = {
    "terraform": ("terraform", ""),
    "ansible": ("ansible-lint", "ansible"),
    "kubernetes": ("kubernetes", "kubernetes"),
}


def examine(case: Case, change: ChangeSet, ground: Ground) -> Said:
    """What tools say of a written change. One that could not answer is named among `unable`, with its reason."""
    after = laid_over(ground.base, change.files)
    units = tuple(one for one in change.units if one.startswith(f"infra/{case.target}/"))
    code = units if case.target == "terraform" else ()
    try:
        ours = trusted(code, after, base=ground.base, settings=ground.settings, root=ground.root)
    except AgentError as error:
        return Said(unable={"gate": str(error)})
    found = refusals(
        change.files,
        guardrails=ground.guardrails,
        base=ground.base,
        ours=ours,
        root=ground.root,
        today=datetime.now(UTC).date(),
    )
    said: dict[str, Any] = {"gate": found, "unable": {}}
    if found:
        return Said.model_validate(said)
    texts = _texts(after, units, ours)
    if ground.validate:
        _validate(case.target, said, texts, _texts(ground.base, units, ours), units, ours, ground)
    if case.target == "terraform" and ground.cloud is not None:
        _plan(said, [*texts, *ours], units, ground)
    if case.rego:
        _rego(case, said, texts, ground)
    return Said.model_validate(said)


def _texts(every: Mapping[str, str], units: Sequence[str], ours: Sequence[File]) -> list[File]:
    """Every file of the units and of the modules that they may use, without those that trusted code writes."""
    folders, written = tuple(f"{folder}/" for folder in (*units, MODULES)), {file.path for file in ours}
    return [
        File(path=path, content=text)
        for path, text in sorted(every.items())
        if path.startswith(folders) and path not in written
    ]


def _validate(
    target: Target,
    said: dict[str, Any],
    texts: Sequence[File],
    before: Sequence[File],
    units: Sequence[str],
    ours: Sequence[File],
    ground: Ground,
) -> None:
    name, python = STATIC[target]
    if python and not ground.pythons.get(python):
        said["unable"]["validate"] = f"INFRA_AGENT_{python.upper()}_PYTHON is not set; bin/setup-env {python} makes it"
        return
    found = run_checks(
        texts,
        units=units,
        settings=ground.settings,
        guardrails=ground.guardrails,
        tools=ground.tools,
        root=ground.root,
        trusted=ours,
        before=before,
        checkov_python="",
        ansible_python=ground.pythons.get("ansible", ""),
        kubernetes_python=ground.pythons.get("kubernetes", ""),
        today=datetime.now(UTC).date(),
        checks={name: CHECKS[name]},
    )
    unable = [run.detail or "no reason given" for run in found.checks if run.status == "error"]
    if unable:
        said["unable"]["validate"] = unable[0]
    else:
        said["validate_"] = tuple(one for one in found.findings if one.severity != "info")


def _plan(said: dict[str, Any], files: Sequence[File], units: Sequence[str], ground: Ground) -> None:
    tools = replace(ground.tools, environment={**allowed(ground.tools.environment), **(ground.cloud or {})})
    reaching = replace(ground, tools=tools)
    made: list[UnitPlan] = []
    try:
        for unit in units:
            if why := _stand(unit, reaching):
                said["unable"]["plan"] = f"{unit} as it stands cannot be applied here: {why}"
                return
        with clean_copy(files) as folder:
            for unit in units:
                planned, raw = terraform.plan(tools, folder, unit, settings=ground.settings)
                made.append(planned)
                if raw:
                    said.setdefault("raw", {})[unit] = raw
    except AgentError as error:
        said["unable"]["plan"] = str(error)
        return
    said["plan"] = Plan(units=tuple(made))


def _stand(unit: str, ground: Ground) -> str:
    """Apply the unit as it stands to the local cloud, once; why that cannot be, or empty."""
    if unit not in ground.stood and any(path.startswith(f"{unit}/") for path in ground.base):
        ours = trusted([unit], ground.base, base=ground.base, settings=ground.settings, root=ground.root)
        with clean_copy([*_texts(ground.base, [unit], ours), *ours]) as folder:
            planned, _ = terraform.plan(ground.tools, folder, unit, settings=ground.settings)
            done = terraform.apply(ground.tools, folder, unit, settings=ground.settings, expected_digest=planned.digest)
        ground.stood[unit] = "" if done.status == "applied" else planned.reason or done.reason
    return ground.stood.get(unit, "")


def _rego(case: Case, said: dict[str, Any], texts: Sequence[File], ground: Ground) -> None:
    """The case's policy judges plans, or the manifests of the changed units."""
    if case.target == "terraform":
        inputs = [(f"{unit}.json", json.dumps(raw)) for unit, raw in said.get("raw", {}).items()]
        nothing = "the policy judges a plan, and there is none"
    else:
        inputs = [(file.path, file.content or "") for file in texts if file.path.endswith((".yaml", ".yml"))]
        nothing = "there is no YAML file that the policy could judge"
    if not inputs:
        said["unable"]["rego"] = nothing
        return
    try:
        said["rego"] = judged_by(case.rego, inputs, tools=ground.tools)
    except AgentError as error:
        said["unable"]["rego"] = str(error)
