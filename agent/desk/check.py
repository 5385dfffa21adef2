"""A folder outside any CI -> Findings: the gate first, then every outside check, as the pipeline would run them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from agent import gate
from agent.checks.check import COULD_NOT_RUN
from agent.checks.checkov_start import worker as checkov_worker
from agent.checks.run import run_checks
from agent.checks.waivers import for_the_gate, load_waivers
from agent.checks.worker import Worker
from agent.desk.configuration import guardrails_of, settings_of
from agent.desk.folder import Folder, look, modules_and_units, stood
from agent.domain import CheckRun, File, Finding, Findings
from agent.errors import ToolError, UserError
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import trusted
from agent.settings import Settings
from agent.tools import Tools


class Interpreters(NamedTuple):
    """The Python interpreters of the tools that have environments of their own; empty where there is none."""

    checkov: str = ""
    ansible: str = ""
    kubernetes: str = ""


@dataclass(frozen=True)
class Examined:
    """`findings` with the person's paths; `units` and `files` count what was looked at, `left_out` what was not.

    `nothing` says why there was nothing to look at, where that is fine.
    """

    findings: Findings
    units: tuple[str, ...]
    files: int
    left_out: int = 0
    nothing: str = ""

    @property
    def exit_code(self) -> int:
        """0 nothing above `info`, 1 something to mend, 2 it could not be decided: a check could not run."""
        if any(run.status == "error" for run in self.findings.checks):
            return 2
        return 1 if any(item.severity != "info" for item in self.findings.findings) else 0


def examine_folder(
    path: Path,
    *,
    tools: Tools,
    pythons: Interpreters,
    mirror: str,
    today: date,
    changed: bool = False,
    base: str = "",
) -> Examined:
    """Run gate and checks on `path` (see `look`). Policies and settings come from the checkout around it, else from
    the package.

    An empty interpreter was not found, which is a check that could not run if there is something for it to check.
    `mirror` is a folder of Terraform providers, or empty. Tools see only what the gate let through. Raises UserError:
    nothing to look at, no such base, wrong configuration.
    """
    folder = look(path, changed=changed, base=base)
    if not folder.files and not folder.findings:
        nothing = "nothing below infra/ differs from the base" if changed else folder.nothing
        if nothing:
            gated = CheckRun(check="gate", status="passed", detail=nothing)
            return Examined(Findings(checks=(gated,)), (), 0, folder.left_out, nothing)
        raise UserError(f"{path}: no infrastructure code there; name a folder with infra/ in it, or that of a unit")
    guardrails, settings = guardrails_of(folder.root), settings_of(folder.root, mirror=mirror)
    # A lone folder has no environment of its own to be looked up.
    ours = () if folder.home else _ours(folder, settings)
    with ExitStack() as stack:
        worker = _worker(stack, folder, tools=tools, checkov=pythons.checkov)
        refused = _gate(folder, guardrails if changed else _for_a_folder(guardrails, folder), ours, today=today)
        given = len(folder.files) + len(folder.findings)
        gated = CheckRun(
            check="gate", status="failed" if refused else "passed", files_given=given, files_seen=given,
        )  # fmt: skip
        if refused:
            undecided = gate.decide(refused) == 2
            gated = gated.model_copy(update={"status": "error"}) if undecided else gated
            found = Findings(findings=refused, checks=(gated,))
        else:
            written = {file.path for file in ours}
            answered = run_checks(
                [file for file in modules_and_units(folder) if file.path not in written],
                units=folder.units,
                settings=settings,
                guardrails=guardrails,
                tools=tools,
                root=folder.root,
                trusted=ours,
                before=[file for file in stood(folder) if file.path not in written],
                checkov_python=pythons.checkov or "checkov's environment",
                ansible_python=pythons.ansible,
                kubernetes_python=pythons.kubernetes,
                today=today,
                worker=worker,
            )
            found = Findings(findings=answered.findings, checks=(gated, *answered.checks))
    shown = tuple(_shown(item, folder) for item in found.findings)
    return Examined(found.model_copy(update={"findings": shown}), folder.units, given, folder.left_out)


def _worker(stack: ExitStack, folder: Folder, *, tools: Tools, checkov: str) -> Worker | None:
    """checkov, getting ready while the gate works; None where it cannot start, which the check then reports."""
    if not checkov or not any(name.endswith(".tf") for name in folder.texts):
        return None
    try:
        return stack.enter_context(checkov_worker(tools, python=checkov, root=folder.root))
    except ToolError:
        return None


def _ours(folder: Folder, settings: Settings) -> tuple[File, ...]:
    units = [unit for unit in folder.units if unit.startswith("infra/terraform/")]
    base = {**folder.before, **{path: text for path, text in folder.texts.items() if path.endswith(".lock.hcl")}}
    return trusted(units, folder.texts, base=base, settings=settings, root=folder.root)


def _gate(folder: Folder, guardrails: Guardrails, ours: tuple[File, ...], *, today: date) -> tuple[Finding, ...]:
    found = gate.examine(
        folder.files,
        guardrails=guardrails,
        base=folder.before or None,
        trusted={file.path: file.content or "" for file in ours},
        waived=for_the_gate(load_waivers(folder.root), today=today),
    )
    if folder.home:  # terraform.tf is the pipeline's in its own tree; elsewhere people write it
        own = f"{folder.home}/terraform.tf"
        found = tuple(item for item in found if (item.rule, item.path) != ("paths/reserved", own))
    empty = not folder.files and bool(folder.findings)
    return (*folder.findings, *(() if empty else found))


def _for_a_folder(guardrails: Guardrails, folder: Folder) -> Guardrails:
    """How many files one change may have says nothing about how many may lie in a folder."""
    limits = guardrails.limits.model_copy(update={"max_files": max(guardrails.limits.max_files, len(folder.files))})
    return guardrails.model_copy(update={"limits": limits})


def _shown(item: Finding, folder: Folder) -> Finding:
    if item.rule == COULD_NOT_RUN:
        return item.model_copy(update={"help": HOW_TO_GET.get(item.source, "")})
    return item.model_copy(update={"path": folder.path(item.path)}) if item.path else item


_MADE_BY = (
    "`bin/setup-env {name}` of infra-agent's own checkout makes its environment, where it is found; or name that one's "
    "Python interpreter in INFRA_AGENT_{variable}_PYTHON"
)
HOW_TO_GET = {
    "ansible-lint": _MADE_BY.format(name="ansible", variable="ANSIBLE"),
    "checkov": _MADE_BY.format(name="checkov", variable="CHECKOV"),
    "kubernetes": _MADE_BY.format(name="kubernetes", variable="KUBERNETES"),
    "terraform": (
        "install Terraform or OpenTofu, 1.10 or newer, so that it is on PATH; without a way to a provider registry, "
        "name a mirror's folder in INFRA_AGENT_PROVIDER_MIRROR"
    ),
}


def find_interpreters(environ: Mapping[str, str], *, homes: tuple[Path, ...]) -> Interpreters:
    """Those that `INFRA_AGENT_<NAME>_PYTHON` names, else of the newest finished environments that bin/setup-env made in
    `homes`.
    """
    return Interpreters(
        *(environ.get(f"INFRA_AGENT_{name.upper()}_PYTHON", "") or _made(name, homes) for name in Interpreters._fields)
    )


def _made(name: str, homes: tuple[Path, ...]) -> str:
    done = [one for home in homes if home.is_dir() for one in home.glob(f"{name}-*/.complete")]
    newest = sorted(done, key=lambda path: path.stat().st_mtime, reverse=True)
    return next((str(one.parent / "bin" / "python") for one in newest if (one.parent / "bin/python").exists()), "")
