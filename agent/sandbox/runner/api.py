"""GitHub's REST endpoints for workflows, runs, jobs, artifacts and secrets' names, as a blueprint below /api/v3."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import flask

from agent.sandbox.forge import environments, git
from agent.sandbox.forge.errors import ApiError, not_found
from agent.sandbox.forge.events import emit
from agent.sandbox.forge.http import API, Answer, Call, Route, page
from agent.sandbox.forge.http import blueprint as make_blueprint
from agent.sandbox.runner.artifacts import Artifact
from agent.sandbox.runner.launch import FOLDER, dispatch_inputs
from agent.sandbox.runner.records import Run
from agent.sandbox.runner.shapes import artifact_shape, job_shape, run_shape, workflow_id, workflow_shape
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.workflow import load_workflow

if TYPE_CHECKING:
    from agent.sandbox.runner.runner import Runner

_RUNS = "/repos/<owner>/<repo>/actions/runs"
_WORKFLOWS = "/repos/<owner>/<repo>/actions/workflows"
_RUN = f"{_RUNS}/<int:run_id>"
_SIGNS: dict[str, Callable[[str, str], bool]] = {">=": str.__ge__, "<=": str.__le__, ">": str.__gt__, "<": str.__lt__}
_READ = ("actions:read",)
_WRITE = ("actions:write",)


def blueprint(runner: "Runner") -> flask.Blueprint:
    """The routes of `runner`; register it on the forge's app."""
    api = _Api(runner)
    routes = (
        Route("GET", _RUNS, api.runs, "read", _READ),
        Route("GET", f"{_WORKFLOWS}/<name>/runs", api.runs, "read", _READ),
        Route("GET", _RUN, api.run, "read", _READ),
        Route("GET", f"{_RUN}/jobs", api.jobs, "read", _READ),
        Route("GET", f"{_RUN}/artifacts", api.artifacts, "read", _READ),
        Route("POST", f"{_RUN}/rerun", api.rerun, "write", _WRITE),
        Route("POST", f"{_RUN}/rerun-failed-jobs", api.rerun_failed, "write", _WRITE),
        Route("POST", f"{_RUN}/cancel", api.cancel, "write", _WRITE),
        Route("POST", f"{_RUN}/force-cancel", api.cancel, "write", _WRITE),
        Route("GET", "/repos/<owner>/<repo>/actions/jobs/<int:job_id>", api.job, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/jobs/<int:job_id>/logs", api.logs, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/artifacts/<int:artifact_id>", api.artifact, "read", _READ),
        Route("GET", "/repos/<owner>/<repo>/actions/artifacts/<int:artifact_id>/zip", api.archive, "read", _READ),
        Route("GET", _WORKFLOWS, api.workflows, "read", _READ),
        Route("GET", f"{_WORKFLOWS}/<name>", api.workflow, "read", _READ),
        Route("POST", f"{_WORKFLOWS}/<name>/dispatches", api.dispatch, "write", _WRITE),
        Route("GET", "/repos/<owner>/<repo>/actions/secrets", api.secrets, "write", ("secrets:read",)),
        Route(
            "GET",
            "/repos/<owner>/<repo>/environments/<environment>/secrets",
            api.secrets,
            "write",
            ("environments:read",),
        ),
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

    def runs(self, call: Call, name: str = "") -> Answer:
        """Newest first. `name` is a workflow's file or number; `status` may be a conclusion, as on GitHub."""
        wanted = {key: call.query[key] for key in ("event", "actor", "branch", "head_sha") if key in call.query}
        status, created = call.query.get("status", ""), call.query.get("created", "")
        runs = [
            run
            for run in self._runner.runs(_full_name(call))
            if all(getattr(run, "head_branch" if key == "branch" else key) == value for key, value in wanted.items())
            and status in ("", run.status, run.conclusion)
            and (not name or name in (run.path.rsplit("/", 1)[-1], str(workflow_id(run.path))))
            and _within(created, run.created_at)
        ]
        if name and not runs:
            self._path(call, name)
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

    def _workflows(self, call: Call) -> dict[str, str]:
        """Path -> name of each workflow file of the default branch; one that cannot be read has its path for name."""
        found, branch = {}, f"refs/heads/{call.repo['default_branch']}"
        for path in call.forge.list_files(_full_name(call), branch, f"{FOLDER}/"):
            if path.endswith((".yml", ".yaml")):
                source = call.forge.read_file(_full_name(call), branch, path).decode("utf-8", "replace")
                try:
                    found[path] = load_workflow(source, path).name or path
                except WorkflowError:
                    found[path] = path
        return found

    def _path(self, call: Call, name: str) -> str:
        """The workflow file that a file name or a number names. Raises ApiError 404."""
        for path in self._workflows(call):
            if name in (path.rsplit("/", 1)[-1], str(workflow_id(path))):
                return path
        raise not_found()

    def workflows(self, call: Call) -> Answer:
        found = list(self._workflows(call).items())
        return page(call, found, lambda item: workflow_shape(call.forge, call.repo, *item), wrap="workflows")

    def workflow(self, call: Call, name: str) -> Answer:
        path = self._path(call, name)
        return Answer(workflow_shape(call.forge, call.repo, path, self._workflows(call)[path]))

    def secrets(self, call: Call, environment: str = "") -> Answer:
        """Names, never values. A secret's times are the repository's: the sandbox keeps none."""
        if environment:
            environments.find(call, environment)
        times = {"created_at": call.repo["created_at"], "updated_at": call.repo["created_at"]}
        names = self._runner.store.secret_names(_full_name(call), environment)
        return page(call, names, lambda name: {"name": name, **times}, wrap="secrets")

    def dispatch(self, call: Call, name: str) -> Answer:
        ref, inputs = call.body.get("ref"), call.body.get("inputs") or {}
        if not isinstance(ref, str) or not isinstance(inputs, dict):
            raise ApiError(422, "Invalid request. 'ref' must be text and 'inputs' a mapping.")
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        sha = git.resolve(call.forge.git_dir(call.repo), full)
        if sha is None:
            raise ApiError(422, f"No ref found for: {ref}")
        path = self._path(call, name) if name.isdigit() else f"{FOLDER}/{name}"
        self._check_dispatch(call, sha, path, inputs)
        extra = {"inputs": inputs, "ref": full, "workflow": path}
        with call.forge.db.write():
            emit(call.forge, call.repo, call.who, "workflow_dispatch", ref=full, sha=sha, extra=extra)
        return Answer(None, 204)

    def _check_dispatch(self, call: Call, sha: str, path: str, inputs: dict[str, Any]) -> None:
        try:
            source = call.forge.read_file(_full_name(call), sha, path).decode("utf-8", "replace")
            workflow = load_workflow(source, path)
        except KeyError as error:
            raise not_found() from error
        except WorkflowError as error:
            raise ApiError(422, str(error)) from error
        trigger = next((one for one in workflow.triggers if one.event == "workflow_dispatch"), None)
        if trigger is None:
            raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
        try:
            dispatch_inputs(trigger, inputs, path)
        except WorkflowError as error:
            raise ApiError(422, str(error).removeprefix(f"{path}:1: ")) from error


def _within(created: str, moment: str) -> bool:
    """GitHub's date search for `created`: `>=`, `<`, `a..b` or one day; all in UTC, and no word fits everything."""
    if not created:
        return True
    if ".." in created:
        first, last = created.split("..", 1)
        return (first in ("", "*") or moment >= first) and (last in ("", "*") or moment[: len(last)] <= last)
    for sign, holds in _SIGNS.items():
        if created.startswith(sign):
            bound = created.removeprefix(sign).removesuffix("Z")
            return holds(moment[: len(bound)], bound)
    return moment.startswith(created.removesuffix("Z"))


def _full_name(call: Call) -> str:
    return f"{call.repo['owner']}/{call.repo['name']}"


__all__ = ["API", "blueprint"]
