"""A job that is to run -> its folder, environment and token; its conclusion once it has run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agent.errors import AgentError
from agent.sandbox.forge import Forge
from agent.sandbox.runner import progress
from agent.sandbox.runner.artifacts import Artifacts
from agent.sandbox.runner.bench import Bench, Halt
from agent.sandbox.runner.contexts import Cause, default_variables, github
from agent.sandbox.runner.execute import Assignment, Execution, write_event
from agent.sandbox.runner.log import Log
from agent.sandbox.runner.model import Workflow
from agent.sandbox.runner.records import Annotation, Conclusion, Job, Run, Step, job_folder
from agent.sandbox.runner.store import Runs
from agent.sandbox.runner.values import Value

# What a token may do when the file says nothing: GitHub's setting for new repositories.
DEFAULT_PERMISSIONS = {"contents": "read", "packages": "read"}
Ending: TypeAlias = tuple[Conclusion, tuple[tuple[str, str], ...], tuple[Annotation, ...]]


@dataclass(frozen=True)
class Place:
    """What all jobs of a runner share."""

    forge: Forge
    root: Path
    tools: Mapping[str, Path]
    machine: Mapping[str, str]
    artifacts: Artifacts
    store: Runs
    tracking: str


def from_fork(cause: Cause) -> bool:
    """Whether a run is of a pull request from a fork: its jobs get no secret and may write nothing."""
    if not cause.event.startswith("pull_request") or cause.event == "pull_request_target":
        return False
    pull = cause.payload.get("pull_request") or {}
    names = [((pull.get(side) or {}).get("repo") or {}).get("full_name") for side in ("head", "base")]
    return names[0] is None or names[0] != names[1]


def work(
    place: Place,
    workflow: Workflow,
    run: Run,
    cause: Cause,
    job: Job,
    instance: progress.Instance,
    halt: Halt,
    report: Callable[[Sequence[Step]], None],
) -> Ending:
    """Run one job to its end, with a token of its own that ends with it. Errors become annotations."""
    plan = workflow.jobs[job.key]
    permissions = DEFAULT_PERMISSIONS if plan.permissions is None else plan.permissions
    foreign = from_fork(cause)
    if foreign:
        permissions = {name: "read" for name, level in permissions.items() if level != "none" and name != "id-token"}
    folder = job_folder(place.root, job)
    log = Log(folder / "logs")
    token = place.forge.issue_job_token(run.repo, permissions, run_id=run.id, job=job.name)
    try:
        environments = [instance.environment] if instance.environment else []
        secrets = {} if foreign else place.store.secrets(run.repo, environments)
        for secret in (token, *secrets.values()):
            log.mask(secret)
        bench = Bench(
            folder=folder,
            repo=run.repo,
            run_id=run.id,
            attempt=run.attempt,
            job_id=job.id,
            job_key=job.key,
            url=place.forge.url,
            token=token,
            permissions=permissions,
            tools=place.tools,
            artifacts=place.artifacts,
            log=log,
            halt=halt,
            deadline=time.monotonic() + instance.minutes * 60,
            tracking=f"{place.tracking}{job.id}",
            variables={},
        )
        event_path = bench.temp / "event.json"
        write_event(event_path, cause.payload)
        context = {
            **github(run, cause),
            "job": job.key,
            "token": token,
            "workspace": str(bench.workspace),
            "event_path": str(event_path),
        }
        bench.variables |= {
            **place.machine,
            **default_variables(context),
            "GITHUB_JOB": job.key,
            "GITHUB_WORKSPACE": str(bench.workspace),
            "GITHUB_EVENT_PATH": str(event_path),
            "RUNNER_TEMP": str(bench.temp),
            "RUNNER_TOOL_CACHE": place.machine.get("RUNNER_TOOL_CACHE", str(folder / "tools")),
            "HOME": str(bench.home),
        }
        named: dict[str, Value] = {**secrets, "GITHUB_TOKEN": token}
        contexts: dict[str, Value] = {**instance.contexts, "github": context, "secrets": named}
        ending = Execution(Assignment(plan, workflow.env, contexts), bench, report).run()
        return ending.conclusion, ending.outputs, tuple(bench.annotations)
    except (AgentError, OSError) as error:
        log.write(f"##[error]{error}")
        return "failure", (), (Annotation("error", log.masked(str(error))),)
    finally:
        place.forge.revoke_token(token)
        log.close()
