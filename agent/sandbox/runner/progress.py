"""A workflow and the results so far -> which jobs come next. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.sandbox.runner.expressions import Literal, Scope
from agent.sandbox.runner.matrix import combinations
from agent.sandbox.runner.model import Job as Plan
from agent.sandbox.runner.model import Workflow
from agent.sandbox.runner.records import Conclusion, Job
from agent.sandbox.runner.template import WorkflowError, fill
from agent.sandbox.runner.values import Value, number, text, truthy
from agent.sandbox.runner.workflow import check_image


@dataclass(frozen=True)
class Instance:
    """One combination of a job, with what its expressions see. `max_parallel` 0 is no limit."""

    name: str
    index: int
    contexts: Mapping[str, Value]
    minutes: float
    keep_going: bool
    environment: str
    fail_fast: bool
    max_parallel: int


def done(jobs: Iterable[Job], key: str) -> bool:
    """Whether every instance of `key` has ended (and there is one)."""
    found = [job for job in jobs if job.key == key]
    return bool(found) and all(job.status == "completed" for job in found)


def result(jobs: Iterable[Job], key: str) -> Conclusion:
    """What `needs.<key>.result` is."""
    results = {job.result for job in jobs if job.key == key}
    order: tuple[Conclusion, ...] = ("failure", "cancelled", "success")
    return next((one for one in order if one in results), "skipped")


def ready(workflow: Workflow, jobs: Sequence[Job]) -> list[Plan]:
    """The jobs that have not been looked at and whose needs have all ended."""
    known = {job.key for job in jobs}
    return [
        plan
        for key, plan in workflow.jobs.items()
        if key not in known and all(done(jobs, needed) for needed in plan.needs)
    ]


def ancestors(workflow: Workflow, key: str) -> set[str]:
    """All jobs that `key` needs, and that those need."""
    found: set[str] = set()
    waiting = list(workflow.jobs[key].needs)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += workflow.jobs[one].needs
    return found


def descendants(workflow: Workflow, keys: Iterable[str]) -> set[str]:
    """`keys` and all jobs that need one of them, directly or not."""
    wanted = set(keys)
    return wanted | {key for key in workflow.jobs if ancestors(workflow, key) & wanted}


def needs(plan: Plan, jobs: Sequence[Job]) -> dict[str, Value]:
    """The `needs` context; of a matrix' outputs the last that is not empty counts."""
    found: dict[str, Value] = {}
    for key in plan.needs:
        outputs: dict[str, Value] = {}
        for job in jobs:
            if job.key == key:
                outputs |= {name: value for name, value in job.outputs if value or name not in outputs}
        found[key] = {"result": result(jobs, key), "outputs": outputs}
    return found


def wanted(workflow: Workflow, plan: Plan, jobs: Sequence[Job], contexts: Mapping[str, Value], cancelled: bool) -> bool:
    """Whether the `if` of a job whose needs have ended holds. Raises WorkflowError."""
    results = {key: result(jobs, key) for key in ancestors(workflow, plan.key)}

    def chosen(names: tuple[Value, ...]) -> list[str]:
        asked = {text(name) for name in names}
        return [value for key, value in results.items() if not asked or key in asked]

    scope = Scope(
        contexts,
        {
            "success": lambda names: not cancelled and all(value == "success" for value in chosen(names)),
            "failure": lambda names: not cancelled and "failure" in chosen(names),
            "always": lambda _: True,
            "cancelled": lambda _: cancelled,
        },
    )
    return plan.condition.holds(scope) if plan.condition else truthy(scope.functions["success"](()))


def instances(plan: Plan, contexts: Mapping[str, Value]) -> list[Instance]:
    """The combinations of a job that will run. Raises WorkflowError."""
    before = Scope(contexts)
    strategy = plan.strategy
    found: list[dict[str, Value]] = [{}]
    if strategy and strategy.matrix is not None:
        try:
            found = combinations(fill(strategy.matrix, before))
        except ValueError as error:
            raise WorkflowError(f"{strategy.place}: {error}") from error
        if not found:
            raise WorkflowError(f"{strategy.place}: the matrix has no combination")
    fail_fast = truthy(strategy.fail_fast.value(before)) if strategy and strategy.fail_fast else True
    most = number(strategy.max_parallel.value(before)) if strategy and strategy.max_parallel else 0.0
    return [
        _instance(
            plan,
            {
                **contexts,
                "matrix": matrix,
                "strategy": {
                    "fail-fast": fail_fast,
                    "job-index": index,
                    "job-total": len(found),
                    "max-parallel": int(most) or len(found),
                },
            },
            fail_fast=fail_fast,
            max_parallel=int(most),
        )
        for index, matrix in enumerate(found)
    ]


def _instance(plan: Plan, contexts: Mapping[str, Value], *, fail_fast: bool, max_parallel: int) -> Instance:
    scope = Scope(contexts)
    labels = fill(plan.runs_on, scope)
    for label in labels if isinstance(labels, list) else [labels]:
        check_image(text(label), plan.place)
    matrix, strategy = contexts["matrix"], contexts["strategy"]
    assert isinstance(matrix, dict)
    assert isinstance(strategy, dict)
    name = plan.name.text(scope) if plan.name else plan.key
    if matrix and not (plan.name and any(not isinstance(part, Literal) for part in plan.name.parts)):
        name = f"{name} ({', '.join(text(value) for value in matrix.values())})"
    return Instance(
        name=name,
        index=int(number(strategy["job-index"])),
        contexts=contexts,
        minutes=number(plan.timeout.value(scope)) if plan.timeout else 360.0,
        keep_going=truthy(plan.keep_going.value(scope)) if plan.keep_going else False,
        environment=plan.environment.text(scope) if plan.environment else "",
        fail_fast=fail_fast,
        max_parallel=max_parallel,
    )


def conclusion(jobs: Sequence[Job], *, cancelled: bool) -> Conclusion:
    """How a run ended whose jobs have all ended."""
    if cancelled:
        return "cancelled"
    results = {job.result for job in jobs}
    order: tuple[Conclusion, ...] = ("failure", "cancelled", "success")
    return next((one for one in order if one in results), "skipped")
