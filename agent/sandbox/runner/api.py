"""GitHub's REST endpoints for runs, jobs, artifacts and workflow dispatches, as a blueprint below /api/v3."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import flask

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError, not_found
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import API, Answer, Call, Route, page
from agent.sandbox.forge.http import blueprint as make_blueprint
from agent.sandbox.runner.artifacts import Artifact
from agent.sandbox.runner.launch import FOLDER
from agent.sandbox.runner.records import Run
from agent.sandbox.runner.shapes import artifact_shape, job_shape, run_shape
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.workflow import load_workflow

if TYPE_CHECKING:
    from agent.sandbox.runner.runner import Runner

_RUNS = "/repos/<owner>/<repo>/actions/runs"
_RUN = f"{_RUNS}/<int:run_id>"
_READ = ("actions:read",)
_WRITE = ("actions:write",)


def blueprint(runner: "Runner") -> flask.Blueprint:
    """The routes of `runner`; register it on the forge's app."""
    api = _Api(runner)
    routes = (
        Route("GET", _RUNS, api.runs, "read", _READ),
        Route("GET", _RUN, api.run, "read", _READ),
        Route("GET", f"{_RUN}/jobs", api.jobs, "read", _READ),
        Route("GET", f"{_RUN}/artifacts", api.artifacts, "read", _READ),
        Route("POST", f"{_RUN}/rerun", api.rerun, "write", _WRITE),
        Route("POST", f"{_RUN}/rerun-failed-jobs", api.rerun_failed, "write", _WRITE),
        Route("POST", f"{_RUN}/cancel", api.cancel, "write", _WRITE),
        Route("GET", "/repos/<owner>/<repo>/actions/jobs/<int:job_id>", api.job, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/jobs/<int:job_id>/logs", api.logs, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/artifacts/<int:artifact_id>", api.artifact, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/artifacts/<int:artifact_id>/zip", api.archive, "read", _READ),
        Route("POST", "/repos/<owner>/<repo>/actions/workflows/<name>/dispatches", api.dispatch, "write", _WRITE),
    )
    return make_blueprint(runner.forge, "actions", routes)


class _Api:
    def __init__(self, runner: "Runner") -> None:
        self._runner = runner

    def _find(self, call: Call, run_id: int) -> Run:
        try:
            run = self._runner.run(run_id)
        except KeyError as error:
            raise not_found() from error
        if run.repo != _full_name(call):
            raise not_found()
        return run

    def _find_job(self, call: Call, job_id: int) -> tuple[Run, Any]:
        try:
            run = self._find(call, self._runner.store.run_of_job(job_id))
            return run, run.job(job_id)
        except KeyError as error:
            raise not_found() from error

    def _find_artifact(self, call: Call, artifact_id: int) -> Artifact:
        try:
            artifact = self._runner.artifacts.get(artifact_id)
        except KeyError as error:
            raise not_found() from error
        if artifact.repo != _full_name(call):
            raise not_found()
        return artifact

    def runs(self, call: Call) -> Answer:
        wanted = {key: call.query[key] for key in ("event", "actor", "branch", "head_sha") if key in call.query}
        status = call.query.get("status", "")
        runs = [
            run
            for run in self._runner.runs(_full_name(call))
            if all(getattr(run, "head_branch" if key == "branch" else key) == value for key, value in wanted.items())
            and status in ("", run.status, run.conclusion)
        ]
        return page(call, runs, lambda run: run_shape(call.forge, call.repo, run), wrap="workflow_runs")

    def run(self, call: Call, run_id: int) -> Answer:
        return Answer(run_shape(call.forge, call.repo, self._find(call, run_id)))

    def jobs(self, call: Call, run_id: int) -> Answer:
        run = self._find(call, run_id)
        latest = [job for job in run.jobs if job.attempt == run.attempt or call.query.get("filter") != "attempt"]
        return page(call, latest, lambda job: job_shape(call.forge, run, job), wrap="jobs")

    def job(self, call: Call, job_id: int) -> Answer:
        return Answer(job_shape(call.forge, *self._find_job(call, job_id)))

    def logs(self, call: Call, job_id: int) -> Answer:
        _, job = self._find_job(call, job_id)
        try:
            with open(job.log_path, "rb") as file:  # noqa: PTH123
                content = file.read()
        except OSError as error:
            raise not_found() from error
        return Answer(raw=content, headers={"Content-Type": "text/plain; charset=utf-8"})

    def artifacts(self, call: Call, run_id: int) -> Answer:
        run = self._find(call, run_id)
        found = self._runner.artifacts.of_run(run_id)
        if name := call.query.get("name"):
            found = [one for one in found if one.name == name]
        return page(call, found, lambda one: artifact_shape(call.forge, call.repo, run, one), wrap="artifacts")

    def artifact(self, call: Call, artifact_id: int) -> Answer:
        artifact = self._find_artifact(call, artifact_id)
        return Answer(artifact_shape(call.forge, call.repo, self._runner.run(artifact.run_id), artifact))

    def archive(self, call: Call, artifact_id: int) -> Answer:
        artifact = self._find_artifact(call, artifact_id)
        if artifact.expires_at < datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"):
            raise ApiError(410, "Artifact has expired")
        return Answer(raw=artifact.path.read_bytes(), headers={"Content-Type": "application/zip"})

    def rerun(self, call: Call, run_id: int) -> Answer:
        return self._again(call, run_id, failed_only=False)

    def rerun_failed(self, call: Call, run_id: int) -> Answer:
        return self._again(call, run_id, failed_only=True)

    def _again(self, call: Call, run_id: int, *, failed_only: bool) -> Answer:
        self._find(call, run_id)
        try:
            self._runner.rerun(run_id, failed_only=failed_only)
        except WorkflowError as error:
            raise ApiError(403, str(error)) from error
        return Answer({}, 201)

    def cancel(self, call: Call, run_id: int) -> Answer:
        if self._find(call, run_id).status == "completed":
            raise ApiError(409, "Cannot cancel a workflow run that is completed.")
        self._runner.cancel(run_id)
        return Answer({}, 202)

    def dispatch(self, call: Call, name: str) -> Answer:
        ref, inputs = call.body.get("ref"), call.body.get("inputs") or {}
        if not isinstance(ref, str) or not isinstance(inputs, dict):
            raise ApiError(422, "Invalid request. 'ref' must be text and 'inputs' a mapping.")
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        sha = git.resolve(call.forge.git_dir(call.repo), full)
        if sha is None:
            raise ApiError(422, f"No ref found for: {ref}")
        path = f"{FOLDER}/{name}"
        self._check_dispatch(call, sha, path)
        extra = {"inputs": inputs, "ref": full, "workflow": path}
        with call.forge.db.write():
            emit(call.forge, call.repo, call.who, "workflow_dispatch", ref=full, sha=sha, extra=extra)
        return Answer(None, 204)

    def _check_dispatch(self, call: Call, sha: str, path: str) -> None:
        try:
            source = call.forge.read_file(_full_name(call), sha, path).decode("utf-8", "replace")
            workflow = load_workflow(source, path)
        except KeyError as error:
            raise not_found() from error
        except WorkflowError as error:
            raise ApiError(422, str(error)) from error
        if not any(trigger.event == "workflow_dispatch" for trigger in workflow.triggers):
            raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")


def _full_name(call: Call) -> str:
    return f"{call.repo['owner']}/{call.repo['name']}"


__all__ = ["API", "blueprint"]
