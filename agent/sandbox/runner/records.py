"""What is known of runs, jobs and steps, and how it goes to JSON and back."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Status = Literal["queued", "pending", "in_progress", "completed"]
Conclusion = Literal["", "success", "failure", "cancelled", "skipped", "startup_failure"]

Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True)
class Step:
    """Times are ISO 8601 in UTC with milliseconds, or "" when the moment has not come."""

    number: int
    name: str
    status: Status = "queued"
    conclusion: Conclusion = ""
    started_at: str = ""
    completed_at: str = ""


@dataclass(frozen=True)
class Annotation:
    """What `::error::`, `::warning::` and `::notice::` said, or the runner itself."""

    level: Level
    message: str
    path: str = ""
    line: int = 0
    title: str = ""


@dataclass(frozen=True)
class Job:
    """One job of one attempt; a matrix makes several with the same `key`, told apart by `index`.

    `result` is what `needs.<key>.result` says: a failure that `continue-on-error` allows is a success there.
    `log_path` is the whole log; each step's part is `<number>.log` beside it.
    """

    id: int
    run_id: int
    attempt: int
    key: str
    name: str
    index: int = 0
    status: Status = "queued"
    conclusion: Conclusion = ""
    result: Conclusion = ""
    created_at: str = ""
    started_at: str = ""
    completed_at: str = ""
    steps: tuple[Step, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    annotations: tuple[Annotation, ...] = ()
    environment: str = ""
    log_path: str = ""


@dataclass(frozen=True)
class Run:
    """One run of a workflow. `workflow` is the workflow's name, `name` the run's; `error` says why it never began."""

    id: int
    repo: str
    path: str
    workflow: str
    name: str
    number: int
    event: str
    ref: str
    head_branch: str
    head_sha: str
    actor: str
    html_url: str
    created_at: str
    status: Status = "queued"
    conclusion: Conclusion = ""
    attempt: int = 1
    started_at: str = ""
    updated_at: str = ""
    error: str = ""
    jobs: tuple[Job, ...] = ()

    def job(self, job_id: int) -> Job:
        """The job of this number. Raises KeyError."""
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise KeyError(f"run {self.id} has no job {job_id}")

    def with_job(self, job: Job) -> "Run":
        """This run with `job` in the place of the one with its number, or at the end."""
        jobs = tuple(job if one.id == job.id else one for one in self.jobs)
        return replace(self, jobs=jobs if job in jobs else (*jobs, job))


def moment() -> str:
    """Now, as the records write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(run: Run) -> dict[str, Any]:
    return asdict(run)


def from_json(data: dict[str, Any]) -> Run:
    """The run that `to_json` wrote."""
    jobs = tuple(
        Job(
            **{
                **job,
                "steps": tuple(Step(**step) for step in job["steps"]),
                "outputs": tuple((name, value) for name, value in job["outputs"]),
                "annotations": tuple(Annotation(**annotation) for annotation in job["annotations"]),
            }
        )
        for job in data["jobs"]
    )
    return Run(**{**data, "jobs": jobs})


def end_all(job: Job, *, at: str) -> Job:
    """`job` and what was under way in it, ended as cancelled."""
    steps = tuple(
        step
        if step.status == "completed"
        else replace(
            step,
            status="completed",
            conclusion="cancelled" if step.status == "in_progress" else "skipped",
            completed_at=at,
        )
        for step in job.steps
    )
    return replace(job, status="completed", conclusion="cancelled", result="cancelled", completed_at=at, steps=steps)


def job_folder(root: Path, job: Job) -> Path:
    """Where a job has its workspace and its logs."""
    return root / "runs" / str(job.run_id) / str(job.attempt) / f"{job.key}-{job.index}"
