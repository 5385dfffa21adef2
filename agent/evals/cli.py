"""`infra-agent eval`: what was asked for on the command line -> an evaluation, its text and its exit code."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.errors import UserError
from agent.evals import policy, reviewing
from agent.evals.case import Case, load_cases
from agent.evals.ground import ground
from agent.evals.record import new_folder
from agent.evals.replay import load_recordings
from agent.evals.report import Report, exit_code, report_of, text_of
from agent.evals.run import live, recorded
from agent.models.providers import Providers
from agent.models.roles import Role, load_roles
from agent.models.tools import TOOLS
from agent.settings import MODEL, Settings, Shape, load_settings
from agent.targets.terraform_cli import find_binary
from agent.tools import Tools

DATASET = Path(__file__).resolve().parent.parent.parent / "evals" / "requests.yaml"
SEEDS = DATASET.parent / "analyst" / "seeds.yaml"
# Where what stands before the requests is kept, beside the dataset.
STANDING = "repository"
MEASURED = ("strategist", "author-terraform", "author-ansible", "author-kubernetes")
ANALYST = "analyst"
Cloud = Callable[[Settings], AbstractContextManager[Mapping[str, str]]]


@dataclass(frozen=True)
class Options:
    """What was asked for. `models` are `provider:model`, or `role=provider:model`; `quick` leaves tools out."""

    dataset: Path | None = None
    models: Sequence[str] = ()
    only: Sequence[str] = ()
    repeats: int = 1
    recorded: Path | None = None
    json_file: Path | None = None
    usd: float = 20.0
    quick: bool = False
    analyst: bool = False
    record: Path | None = None


def run_eval(
    options: Options,
    *,
    root: Path,
    providers: Providers,
    tools: Tools,
    pythons: Mapping[str, str],
    mirror: str,
    cloud: Cloud,
    tell: Callable[[str], None],
) -> tuple[str, int]:
    """Evaluate; the report as a text, and 0, 1 (not as recorded) or 2 (something could not be judged).

    Raises UserError before anything is asked: no dataset, no such case, role or model, no key, wrong recordings.
    """
    if options.analyst:
        return _run_analyst(options, root=root, providers=providers, tell=tell)
    dataset = dataset_of(options.dataset, DATASET, "requests: .yaml, or JSON lines with id and prompt")
    cases = load_cases(dataset, tell=tell, unreadable=lambda policies: policy.unreadable(policies, tools=tools))
    cases = _chosen(cases, options.only, dataset)
    settings = load_settings(root)
    roles = roles_of(load_roles(root, tools=frozenset(TOOLS), chosen=settings.models.roles), options.models)
    replays = load_recordings(options.recorded) if options.recorded is not None else ()
    if replays and options.repeats != 1:
        raise UserError("--repeat: a recording says the same each time; leave it out with --recorded")
    if replays and options.record is not None:
        raise UserError("--record: keeps what models answer; leave it out with --recorded, which asks none")
    if not replays:
        _reachable(roles, MEASURED, providers)
    record = new_folder(options.record) if options.record is not None else None
    with ExitStack() as stack:
        planned = not options.quick and any(case.target == "terraform" for case in cases)
        if planned and find_binary(tools, settings) is None:
            tell("neither terraform nor tofu is there: nothing is planned or validated")
            planned = False
        place = stack.enter_context(
            ground(
                root,
                dataset.parent / STANDING,
                tools=tools,
                pythons=pythons,
                mirror=mirror,
                cloud=stack.enter_context(cloud(settings)) if planned else None,
                validate=not options.quick,
            )
        )
        if replays:
            wanted = {case.id for case in cases}
            replays = tuple(one for one in replays if one.case in wanted or not options.only)
            answers = recorded(cases, replays, place, roles=roles)
        else:
            answers = live(
                cases, place, providers=providers, roles=roles, repeats=options.repeats, usd=options.usd, tell=tell,
                record=record,
            )  # fmt: skip
    report = report_of(answers, dataset=dataset.name, recorded=bool(replays), repeats=options.repeats)
    if options.json_file is not None:
        _write(report, options.json_file)
    return text_of(report), exit_code(report)


def _run_analyst(options: Options, *, root: Path, providers: Providers, tell: Callable[[str], None]) -> tuple[str, int]:
    if options.recorded is not None or options.record is not None or options.repeats != 1:
        raise UserError("--analyst: goes with neither --recorded nor --record nor --repeat")
    settings = load_settings(root)
    known = load_roles(root, tools=frozenset(TOOLS), chosen=settings.models.roles)
    roles = roles_of(known, options.models, measured=(ANALYST,))
    _reachable(roles, (ANALYST,), providers)
    made = reviewing.reviewed(
        dataset_of(options.dataset, SEEDS, "changes with a fault each, as YAML"),
        only=options.only,
        role=roles[ANALYST],
        providers=providers,
        settings=settings,
        usd=options.usd,
        tell=tell,
    )
    if options.json_file is not None:
        _write(made, options.json_file)
    return reviewing.text_of(made), reviewing.exit_code(made)


def roles_of(
    roles: Mapping[str, Role], chosen: Sequence[str], *, measured: Sequence[str] = MEASURED
) -> dict[str, Role]:
    """The roles with the models that were chosen for all that are measured, or for one (`role=provider:model`).

    A model that was chosen has no successor: another one's answers would count as its own.
    """
    made = dict(roles)
    for one in chosen:
        name, given, model = one.rpartition("=") if "=" in one.partition(":")[0] else ("", "", one)
        if not Shape(MODEL, "").fits(model):
            raise UserError(f"--model: {one}: must be provider:model, or ROLE=provider:model")
        if given and name not in made:
            raise UserError(f"--model: {name}: no such role; there are {', '.join(made)}")
        for role in (name,) if given else measured:
            made[role] = made[role].model_copy(update={"models": (model,)})
    return made


def _reachable(roles: Mapping[str, Role], measured: Sequence[str], providers: Providers) -> None:
    for name in measured:
        if not any(providers.can(model) for model in roles[name].models):
            models = ", ".join(roles[name].models)
            raise UserError(
                f"{name}: none of its models ({models}) has a key or an address in the environment; set one, choose "
                "another with --model, or replay recorded answers with --recorded"
            )


def dataset_of(given: Path | None, ours: Path, what: str) -> Path:
    """The file that was named, else ours; an installed package has none."""
    if given is None and not ours.is_file():
        raise UserError(
            f"--dataset: this installation brings no {ours.parent.name}/{ours.name}; name a file of {what} "
            "(docs/evals.md says how one is written), or run this in a checkout of infra-agent's own source"
        )
    return given or ours


def _chosen(cases: Sequence[Case], only: Sequence[str], dataset: Path) -> tuple[Case, ...]:
    if not only:
        return tuple(cases)
    known = {case.id for case in cases}
    missing = [name for name in only if name not in known]
    if missing:
        raise UserError(f"--only: {missing[0]}: no such case in {dataset.name}")
    return tuple(case for case in cases if case.id in only)


def _write(report: Report | reviewing.Reviewed, path: Path) -> None:
    try:
        path.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
