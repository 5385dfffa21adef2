"""A request and what its models may look at -> the strategist's answer, and the change that an author writes.

Nothing of a draft is run. Gate, `fmt`, `validate` and syntax checks see it in a clean copy, after the gate, in children
that hold no key; the policies that judge the finished change stay out of its author's sight.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from agent import gate, permit
from agent.author import model, repair
from agent.author.catalog import Blueprint, load_blueprints
from agent.author.draft import TRUSTED
from agent.author.model import Bench
from agent.author.strategist import Grounds, Understanding, understand
from agent.checks.check import COULD_NOT_RUN
from agent.domain import ChangeSet, File, Finding, Intent, Request, Situation
from agent.errors import AgentError, UserError
from agent.guardrails import Guardrails
from agent.jobs.parts.workspace import texts
from agent.models.call import Models, Reading
from agent.models.roles import Role
from agent.models.tools import TOOLS
from agent.models.tools.draft import examine
from agent.models.tools.place import Place
from agent.models.tools.tool import answer
from agent.repo import open_repo
from agent.settings import Settings
from agent.targets.probes import PROBES_FILE, load_probes
from agent.targets.terraform import lay_out
from agent.tools import Tools, allowed, clean_copy

# By target: the tool that says how something is written, and the ways to ask it for a name.
SCHEMAS = {
    "terraform": ("resource-schema", ({"kind": "resource"}, {"kind": "data"}), "type"),
    "ansible": ("ansible-module", ({},), "module"),
    "kubernetes": ("kubernetes-kind", ({},), "kind"),
}
# Checks whose tools come only where a request seems to need them; `examine` runs them in any case.
OPTIONAL = {"ansible-lint": "ansible", "kubernetes": "kubernetes"}
BESIDE = "standing"


def place_of(
    request: Request,
    *,
    root: Path,
    settings: Settings,
    guardrails: Guardrails,
    tools: Tools,
    pythons: Mapping[str, str],
    blueprints: Mapping[str, Blueprint],
    cache: Path,
    today: date,
    around: Situation,
    secrets: Collection[str],
) -> Place:
    """What the strategist and the authors may look at: the commit of the default branch that the request stands on, and
    what `intake` was told around it. `secrets` appear in no answer of a tool.
    """
    return Place(
        repo=open_repo(root), commit=request.base_sha, root=root, settings=settings, guardrails=guardrails,
        tools=replace(tools, environment=allowed(tools.environment)), cache=cache, today=today, blueprints=blueprints,
        pythons=pythons, explained=repair.told, open_changes=around.open_changes, locks=around.locks, secrets=secrets,
    )  # fmt: skip


def understood(request: Request, place: Place, around: Situation, *, models: Models, role: Role) -> Understanding:
    """The strategist's answer, held against what there is and what the request's pull request holds already."""
    grounds = Grounds(
        environments=[name for name in place.guardrails.environments if name in place.settings.environments],
        blueprints=load_blueprints(),
        paths=(*place.paths, *(file.path for file in around.draft if file.content is not None)),
        draft=[file for file in around.draft if not place.refused(file.path)],
    )
    return understand(request, grounds=grounds, readings=readings(place, role.tools), models=models, role=role)


def written(
    request: Request, intent: Intent, place: Place, around: Situation, *, models: Models, role: Role
) -> ChangeSet:
    """The change that the author of the intent's target writes, examined draft by draft. It begins from what the
    request's pull request holds in the intent's units; the change, and what examines it, is against the default branch.
    """
    found = bench(intent, place, names=role.tools, draft=around.draft)
    # What was asked for by `/agent revise` is not there yet; any other command goes on with what stands.
    found = replace(found, more_asked=request.trigger == "revise")
    made = model.write(request, intent, bench=found, models=models, role=role)
    return made.model_copy(update={"begun_from": around.draft_commit}) if found.draft else made


def readings(place: Place, names: Collection[str]) -> tuple[Reading, ...]:
    """The reading tools of a role, bound to a place."""
    return tuple(_reading(place, name) for name in names if name in TOOLS)


def _reading(place: Place, name: str) -> Reading:
    tool = TOOLS[name]
    return Reading(tool.name, tool.description, tool.parameters, lambda given: answer(tool, place, given))


def bench(intent: Intent, place: Place, *, names: Collection[str], draft: Sequence[File] = ()) -> Bench:
    """Everything that the author of `intent` works with; of `draft`, what lies in the intent's units, without the files
    that only trusted code writes.
    """
    base = texts(place.repo, place.commit, ["infra"])
    inside = tuple(f"{unit}/" for unit in intent.units)
    begun = tuple(
        file for file in draft if file.path.startswith(inside) and file.path.rpartition("/")[2] not in TRUSTED
    )

    def look(files: Sequence[File]) -> Sequence[Finding]:
        found, broken = examine(place, files, intent.units)
        # What could be laid out is laid out already; of a file that never was, nothing else is to be touched.
        kept = [one for one in found if not (one.rule == "fmt/layout" and one.path in base)]
        missing = {name for name, python in OPTIONAL.items() if not place.pythons.get(python)}
        return [*kept, *_probes(files), *(_silent(name) for name in broken if name not in missing)]

    def laid_out(files: Sequence[File]) -> Sequence[File]:
        if gate.examine(files, guardrails=place.guardrails, base=base):
            return files  # no tool sees what the gate refuses
        try:
            return formatted(files, base=base, tools=place.tools, settings=place.settings)
        except AgentError:  # without terraform `look` says that nothing was examined
            return files

    return Bench(
        base=base,
        readings=readings(place, names),
        describe=_describe(place, intent),
        examine=look,
        laid_out=laid_out,
        most_creates=permit.limits_of(place.guardrails, intent.environment).max_creates,
        draft=begun,
        refused=place.refused,
    )


def formatted(files: Sequence[File], *, base: Mapping[str, str], tools: Tools, settings: Settings) -> tuple[File, ...]:
    """`files` as `terraform fmt` lays them out; it only reads their syntax. A file that stands and is not laid out so
    itself stays as it was written: the change would touch lines that are none of its business.
    """
    code = [File(path=f"{at}.tf", content=file.content) for at, file in enumerate(files) if _is_code(file)]
    if not code:
        return tuple(files)
    beside = [
        File(path=f"{BESIDE}/{at}.tf", content=base[file.path])
        for at, file in enumerate(files)
        if _is_code(file) and file.path in base
    ]
    with clean_copy([*code, *beside]) as copy:
        lay_out(tools, copy, settings)
        made = {file.path: (copy / file.path).read_text(encoding="utf-8") for file in (*code, *beside)}
    loose = {file.path.removeprefix(f"{BESIDE}/") for file in beside if made[file.path] != file.content}
    return tuple(
        file.model_copy(update={"content": made[f"{at}.tf"]}) if _is_code(file) and f"{at}.tf" not in loose else file
        for at, file in enumerate(files)
    )


def _is_code(file: File) -> bool:
    return file.path.endswith(".tf") and file.content is not None


def _probes(files: Sequence[File]) -> Iterator[Finding]:
    for file in files:
        if file.content is not None and file.path.endswith(f"/{PROBES_FILE}"):
            try:
                load_probes(file.content, path=file.path)
            except UserError:
                yield Finding(source="draft", rule="probes/invalid", severity="high", message="", path=file.path)


def _silent(check: str) -> Finding:
    return Finding(source=check, rule=COULD_NOT_RUN, severity="critical", message=f"{check} could not run")


def _describe(place: Place, intent: Intent) -> Callable[[str], str]:
    name, ways, argument = SCHEMAS[intent.target]

    def describe(what: str) -> str:
        """The schema as the tool says it; empty when there is none of that name."""
        for way in ways:
            try:
                return answer(TOOLS[name], place, {**way, argument: what})
            except AgentError:
                continue
        return ""

    return describe
