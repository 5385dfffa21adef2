"""An event and the repository's workflow files -> the runs that it starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.sandbox.forge import Event, Forge, git
from agent.sandbox.runner.contexts import Cause, github
from agent.sandbox.runner.expressions import Scope
from agent.sandbox.runner.model import Workflow
from agent.sandbox.runner.records import Run, moment
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.triggers import Input, Occasion, Trigger, starts
from agent.sandbox.runner.values import Value
from agent.sandbox.runner.workflow import load_workflow

FOLDER = ".github/workflows"
_DISPATCHES = ("workflow_dispatch", "repository_dispatch")
_SKIP = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")
_NOTHING = "0" * 40


@dataclass(frozen=True)
class Start:
    """A run to be made. Without a workflow it is one that cannot start, and its `run.error` says why."""

    run: Run
    cause: Cause
    source: str
    workflow: Workflow | None


def find_starts(forge: Forge, event: Event) -> list[Start]:
    """The runs that `event` starts; a workflow file that cannot be read is a run that failed at its start.

    A job's token starts nothing, dispatches excepted; and nothing runs in a fork, as in a new one on GitHub.
    """
    row = forge.repository_row(event.repo)
    if row is None:
        raise KeyError(f"no repository {event.repo!r}")
    git_folder = forge.git_dir(row)
    if event.by_job_token and event.name not in _DISPATCHES:
        return []
    if event.payload.get("repository", {}).get("fork"):
        return []
    if event.name == "push" and (event.payload.get("deleted") or event.payload.get("after") == _NOTHING):
        return []
    if event.name in ("push", "pull_request") and _skipped(event, git_folder):
        return []
    where = event.sha if event.name in ("push", "pull_request", "workflow_dispatch") else _default_branch(event)
    only = event.payload.get("workflow", "") if event.name == "workflow_dispatch" else ""
    occasion = Occasion(event.name, event.action, event.ref, _base(event), _changed(event, git_folder))
    found: list[Start] = []
    for path in _files(forge, event.repo, where):
        if only and path != only and Path(path).name != only:
            continue
        source = forge.read_file(event.repo, where, path).decode("utf-8", "replace")
        try:
            workflow = load_workflow(source, path)
            if starts(workflow.triggers, occasion):
                found.append(_start(forge, event, path, source, workflow))
        except WorkflowError as error:
            found.append(_broken(forge, event, path, source, str(error)))
    return found


def _files(forge: Forge, repo: str, where: str) -> list[str]:
    try:
        paths = forge.list_files(repo, where, f"{FOLDER}/")
    except KeyError:
        return []
    return sorted(path for path in paths if path.endswith((".yml", ".yaml")) and Path(path).parent == Path(FOLDER))


def _default_branch(event: Event) -> str:
    return f"refs/heads/{event.payload.get('repository', {}).get('default_branch', 'main')}"


def _base(event: Event) -> str:
    pull = event.payload.get("pull_request") or {}
    return str(pull.get("base", {}).get("ref", "")) or event.ref.removeprefix("refs/heads/")


def _skipped(event: Event, git_folder: Path) -> bool:
    head = event.payload.get("head_commit") or {}
    message = str(head.get("message", ""))
    if event.name == "pull_request":
        sha = event.payload["pull_request"]["head"]["sha"]
        message = git.git(git_folder, "log", "-1", "--format=%B", sha)
    return any(mark in message for mark in _SKIP)


def _changed(event: Event, git_folder: Path) -> Callable[[], Sequence[str]]:
    """Two dots for a push, three for a pull request, as GitHub compares them."""

    def paths() -> Sequence[str]:
        if event.name == "push":
            before, after = event.payload.get("before", _NOTHING), event.sha
            if before == _NOTHING:
                return _split(git.git(git_folder, "ls-tree", "-r", "-z", "--name-only", after))
            between = [str(before), after]
        else:
            pull = event.payload.get("pull_request") or {}
            between = [f"{pull['base']['sha']}...{pull['head']['sha']}"]
        return _split(git.git(git_folder, "diff", "--name-only", "--no-renames", "-z", *between))

    return paths


def _split(listed: str) -> list[str]:
    return [path for path in listed.split("\0") if path]


def _start(forge: Forge, event: Event, path: str, source: str, workflow: Workflow) -> Start:
    trigger = next(one for one in workflow.triggers if one.event == event.name)
    cause = _cause(forge, event, dispatch_inputs(trigger, event.payload.get("inputs") or {}, path))
    run = _run(event, path, workflow.name)
    if workflow.run_name is not None:
        contexts: dict[str, Value] = {
            "github": github(run, cause),
            "inputs": dict(cause.inputs),
            "vars": dict(forge.variables(event.repo)),
        }
        run = _run(event, path, workflow.name, name=workflow.run_name.text(Scope(contexts)))
    return Start(run, cause, source, workflow)


def _broken(forge: Forge, event: Event, path: str, source: str, error: str) -> Start:
    return Start(_run(event, path, path, error=error), _cause(forge, event, {}), source, None)


def _cause(forge: Forge, event: Event, inputs: Mapping[str, Value]) -> Cause:
    return Cause(event.name, event.ref, event.sha, event.actor, forge.url, event.payload, inputs)


def _run(event: Event, path: str, workflow: str, *, name: str = "", error: str = "") -> Run:
    pull, issue = event.payload.get("pull_request"), event.payload.get("issue")
    head = (pull or {}).get("head", {}) if event.name == "pull_request" else {}
    commit = (event.payload.get("head_commit") or {}).get("message", "")
    title = (pull or issue or {}).get("title") or commit.split("\n")[0] or workflow
    return Run(
        id=0,
        repo=event.repo,
        path=path,
        workflow=workflow,
        name=name or title,
        number=0,
        event=event.name,
        ref=event.ref,
        head_branch=head.get("ref") or event.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
        head_sha=head.get("sha") or event.sha,
        actor=event.actor,
        html_url="",
        created_at=moment(),
        error=error,
    )


def dispatch_inputs(trigger: Trigger, given: Mapping[str, Any], path: str) -> dict[str, Value]:
    """The inputs of a dispatch, with their defaults. Raises WorkflowError for one that is missing or unknown."""
    if trigger.event != "workflow_dispatch":
        return {}
    known = {one.name: one for one in trigger.inputs}
    for name in given:
        if name not in known:
            raise WorkflowError(f"{path}:1: Unexpected inputs provided: {name}")
    return {name: _input(one, given.get(name), path) for name, one in known.items()}


def _input(one: Input, value: Any, path: str) -> Value:
    found: Value = one.default if value is None else value
    if found in (None, ""):
        if one.required:
            raise WorkflowError(f"{path}:1: Required input {one.name!r} not provided")
        return False if one.kind == "boolean" else ""
    if one.kind == "boolean":
        return str(found).lower() == "true"
    if one.kind == "choice" and found not in one.options:
        raise WorkflowError(f"{path}:1: Provided value {found!r} for input {one.name!r} is none of its options")
    return found
