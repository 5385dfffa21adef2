"""Routes for workflow runs: list, run with its jobs as a graph, job with the log of each step; run again, cancel."""

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flask
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agent.sandbox.forge.errors import ApiError
from agent.sandbox.pages.logs import groups
from agent.sandbox.pages.site import Place, Site, attempt, place, show

if TYPE_CHECKING:
    from agent.sandbox.runner.records import Job, Run

MAX_LOG = 2_000_000
REFRESH_SECONDS = 3


def add(pages: flask.Blueprint, site: Site) -> None:
    @pages.get("/<owner>/<repo>/actions")
    def runs(owner: str, repo: str) -> flask.Response:
        here = place(site, owner, repo, "actions", maintains=True)
        found = sorted(site.runner.runs(here.repo), key=lambda run: run.id, reverse=True) if site.runner else []
        wanted = flask.request.args.get("workflow", "")
        shown = [run for run in found if not wanted or run.workflow == wanted]
        workflows = sorted({run.workflow for run in found})
        return show(here, "runs.html", runs=shown, workflows=workflows, wanted=wanted, refresh=_refresh(*shown))

    @pages.get("/<owner>/<repo>/actions/runs/<int:run_id>")
    def run(owner: str, repo: str, run_id: int) -> flask.Response:
        return _run_page(place(site, owner, repo, "actions", maintains=True), run_id)

    @pages.get("/<owner>/<repo>/actions/runs/<int:run_id>/job/<int:job_id>")
    def job(owner: str, repo: str, run_id: int, job_id: int) -> flask.Response:
        here = place(site, owner, repo, "actions", maintains=True)
        found = _find(here, run_id)
        one = _job(found, job_id)
        steps = [
            {
                "step": step,
                "groups": groups(_step_log(one, step.number)),
                "open": _opens(one, step.conclusion, step.status),
            }
            for step in one.steps
        ]
        whole = [] if steps else groups(_read(Path(one.log_path))) if one.log_path else []
        return show(here, "job.html", run=found, job=one, steps=steps, whole=whole, refresh=_refresh(one))

    @pages.get("/<owner>/<repo>/actions/runs/<int:run_id>/job/<int:job_id>/raw")
    def raw_log(owner: str, repo: str, run_id: int, job_id: int) -> flask.Response:
        here = place(site, owner, repo, "actions", maintains=True)
        one = _job(_find(here, run_id), job_id)
        return flask.Response(_read(Path(one.log_path)) if one.log_path else "", mimetype="text/plain")

    @pages.post("/<owner>/<repo>/actions/runs/<int:run_id>/<action>")
    def change_run(owner: str, repo: str, run_id: int, action: str) -> flask.typing.ResponseReturnValue:
        here = place(site, owner, repo, "actions", maintains=True)
        if action not in ("rerun", "rerun-failed-jobs", "cancel"):
            raise ApiError(404, f"There is nothing called {action!r} to do to a run.")

        def do() -> str:
            here.send("POST", f"/actions/runs/{run_id}/{action}")
            return here.link(f"/actions/runs/{run_id}")

        return attempt(do, lambda error, status: _run_page(here, run_id, error=error, status=status))


def stages(run: "Run", needs: dict[str, list[str]]) -> list[list["Job"]]:
    """The run's jobs in columns: a job stands behind all that it needs. `needs` is by job key."""
    depth: dict[str, int] = {}

    def measure(key: str, above: frozenset[str]) -> int:
        if key not in depth:
            wanted = [need for need in needs.get(key, []) if need not in above | {key}]
            depth[key] = 1 + max((measure(need, above | {key}) for need in wanted), default=-1)
        return depth[key]

    columns: dict[int, list[Job]] = {}
    for job in run.jobs:
        columns.setdefault(measure(job.key, frozenset()), []).append(job)
    return [columns[number] for number in sorted(columns)]


def read_needs(workflow: str) -> dict[str, list[str]]:
    """`jobs.<key>.needs` of a workflow file's text; empty for one that cannot be read."""
    try:
        data = YAML(typ="safe").load(StringIO(workflow))
    except YAMLError:
        return {}
    jobs = data.get("jobs") if isinstance(data, dict) else None
    found: dict[str, list[str]] = {}
    for key, job in (jobs if isinstance(jobs, dict) else {}).items():
        needs = job.get("needs", []) if isinstance(job, dict) else []
        found[str(key)] = [needs] if isinstance(needs, str) else [str(need) for need in needs or []]
    return found


def _run_page(here: Place, run_id: int, *, error: str = "", status: int = 200) -> flask.Response:
    run = _find(here, run_id)
    try:
        workflow = here.site.forge.read_file(here.repo, run.head_sha, run.path).decode("utf-8", "replace")
    except KeyError:
        workflow = ""
    summaries = [(job, text) for job in run.jobs if (text := _summary(job))]
    return show(
        here, "run.html", status=status, run=run, stages=stages(run, read_needs(workflow)), summaries=summaries,
        error=error, refresh=_refresh(run),
    )  # fmt: skip


def _find(here: Place, run_id: int) -> "Run":
    runner = here.site.runner
    if runner is None:
        raise ApiError(404, "This sandbox runs no workflows.")
    try:
        found = runner.run(run_id)
    except KeyError as error:
        raise ApiError(404, f"{here.repo} has no run {run_id}.") from error
    if found.repo != here.repo:
        raise ApiError(404, f"{here.repo} has no run {run_id}.")
    return found


def _job(run: "Run", job_id: int) -> "Job":
    try:
        return run.job(job_id)
    except KeyError as error:
        raise ApiError(404, f"Run {run.id} has no job {job_id}.") from error


def _refresh(*items: Any) -> int:
    """Seconds after which the page loads itself again; 0 once nothing runs any more."""
    return REFRESH_SECONDS if any(item.status != "completed" for item in items) else 0


def _opens(job: "Job", conclusion: str, status: str) -> bool:
    """A failed or running step shows its log at once; so does the only step of a job."""
    return conclusion == "failure" or status == "in_progress" or len(job.steps) == 1


def _step_log(job: "Job", number: int) -> str:
    return _read(Path(job.log_path).parent / f"{number}.log") if job.log_path else ""


def _summary(job: "Job") -> str:
    """What the job's steps wrote to GITHUB_STEP_SUMMARY, in their order."""
    return _read(Path(job.log_path).parent / "summary.md").strip() if job.log_path else ""


def _read(path: Path) -> str:
    """The text of a log, its end when it is very long; "" when it is not there (yet)."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - MAX_LOG, 0))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
