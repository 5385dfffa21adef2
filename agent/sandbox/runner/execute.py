"""One job and its bench in; its steps are run, their state reported, its conclusion and outputs out."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.sandbox.runner import model
from agent.sandbox.runner.bench import Bench
from agent.sandbox.runner.builtin import BUILTIN
from agent.sandbox.runner.commands import StepFailed, check_variables, read_pairs
from agent.sandbox.runner.expressions import Scope
from agent.sandbox.runner.listen import Listener
from agent.sandbox.runner.process import Stopped, end_tracked
from agent.sandbox.runner.records import Conclusion, Step, moment
from agent.sandbox.runner.template import Template, WorkflowError, fill_texts
from agent.sandbox.runner.triggers import matches
from agent.sandbox.runner.values import Exact, Value, number, text, truthy

GRACE_SECONDS = 300.0  # how long `always()` steps may go on after a cancellation; GitHub gives five minutes
_SHELLS = {
    "": ("bash", "-e"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    "sh": ("sh", "-e"),
    "python": ("python3",),
}
_SUFFIX = {"python": ".py"}
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")


@dataclass(frozen=True)
class Assignment:
    """One job to run: `contexts` are those that are the same for all its steps."""

    job: model.Job
    workflow_env: Mapping[str, Template]
    contexts: Mapping[str, Value]


@dataclass(frozen=True)
class Result:
    conclusion: Conclusion
    outputs: tuple[tuple[str, str], ...]


class Execution:
    """The state of a job while its steps run; `report` hears of every change of a step."""

    def __init__(self, task: Assignment, bench: Bench, report: Callable[[Sequence[Step]], None]) -> None:
        self._task = task
        self._bench = bench
        self._report = report
        self._steps = [Step(step.number, _title(step)) for step in task.job.steps]
        self._results: dict[str, Value] = {}
        self._status: Conclusion = "success"

    def run(self) -> Result:
        """Run all steps. What they left in the background is ended on the way out."""
        bench = self._bench
        try:
            base = self._scope(self._task.contexts)
            bench.variables |= fill_texts(self._task.workflow_env, base)
            bench.variables |= fill_texts(self._task.job.env, base)
            self._env = {*self._task.workflow_env, *self._task.job.env}
            for step in self._task.job.steps:
                bench.log.begin(step.number)
                self._step(step)
            return Result(self._status, self._outputs())
        except WorkflowError as error:
            bench.note("error", str(error))
            return Result("failure", ())
        finally:
            end_tracked(bench.tracking)
            self._save_summary()

    # --- one step ---

    def _step(self, step: model.Step) -> None:
        bench = self._bench
        try:
            env = fill_texts(step.env, self._scope(self._contexts({})))
            scope = self._scope(self._contexts(env))
            wanted = not bench.halt.aborted.is_set() and _holds(step.condition, scope)
            if wanted and step.name is not None:
                name = step.name.text(scope).strip().split("\n")[0]
                self._change(replace(self._steps[step.number - 1], name=bench.log.masked(name)))
        except WorkflowError as error:
            self._begin(step)
            bench.note("error", str(error))
            self._finish(step, "failure", "failure", {})
            return
        if not wanted:
            self._finish(step, "skipped", "skipped", {})
            return
        self._begin(step)
        outcome, outputs = self._attempt(step, env, scope)
        self._finish(step, outcome, self._forgiven(step, outcome, scope), outputs)

    def _attempt(self, step: model.Step, env: Mapping[str, str], scope: Scope) -> tuple[Conclusion, dict[str, str]]:
        bench = self._bench
        outputs: dict[str, str] = {}
        try:
            timeout = number(step.timeout.value(scope)) * 60 if step.timeout else None
            if bench.halt.cancelled.is_set():
                timeout = min(timeout or GRACE_SECONDS, GRACE_SECONDS)
            bench.limit = timeout
            outputs = self._use(step, env, scope) if step.uses else self._run_script(step, env, scope)
        except StepFailed as error:
            bench.note("error", str(error))
            return "failure", outputs
        except WorkflowError as error:
            bench.note("error", str(error))
            return "failure", outputs
        except Stopped as stopped:
            bench.note("error", str(stopped))
            bench.halt.cancelled.set()
            return "cancelled", outputs
        return "success", outputs

    def _use(self, step: model.Step, env: Mapping[str, str], scope: Scope) -> dict[str, str]:
        bench = self._bench
        inputs = fill_texts(step.inputs, scope)
        bench.log.write(f"##[group]{step.title}")
        for name in sorted(inputs):
            if inputs[name]:
                bench.log.write(f"  {name}: {inputs[name]}")
        bench.log.write("##[endgroup]")
        before = dict(bench.variables)
        bench.variables |= env
        try:
            return BUILTIN[step.uses](bench, inputs)
        finally:
            for name in env:
                if name in before:
                    bench.variables[name] = before[name]
                elif bench.variables.get(name) == env[name]:
                    bench.variables.pop(name)

    def _run_script(self, step: model.Step, env: Mapping[str, str], scope: Scope) -> dict[str, str]:
        bench, defaults = self._bench, self._task.job.defaults
        assert step.run is not None
        shell = step.shell or defaults.shell
        directory = step.directory or defaults.directory
        folder = bench.workspace / (directory.text(scope) if directory else "")
        if not folder.is_dir():
            raise StepFailed(f"{step.place}: working-directory {folder} does not exist")
        script = bench.temp / f"step-{step.number}{_SUFFIX.get(shell, '.sh')}"
        script.write_text(step.run.text(scope) + "\n", encoding="utf-8")
        files = {name: bench.temp / f"{name.lower()}-{step.number}" for name in _FILES}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        argv = [*_SHELLS[shell], str(script)]
        listener = Listener(bench)
        bench.log.write(f"##[group]{bench.log.masked(self._steps[step.number - 1].name)}")
        bench.log.write(step.run.text(scope).rstrip("\n"))
        bench.log.write(f"shell: {' '.join(argv[:-1])} {{0}}")
        bench.log.write("##[endgroup]")
        named = {name: str(path) for name, path in files.items()}
        environment = bench.environment({**env, **named, "GITHUB_ACTION": step.id or f"__run_{step.number}"})
        try:
            code = bench.run(argv, cwd=folder, env=environment, on_line=listener)
        finally:
            outputs = self._take_files(files)
        if code:
            raise StepFailed(f"Process completed with exit code {code}.")
        return outputs

    def _take_files(self, files: Mapping[str, Path]) -> dict[str, str]:
        bench = self._bench
        read = {name: _read(path) for name, path in files.items()}
        variables = read_pairs(read["GITHUB_ENV"], "GITHUB_ENV")
        check_variables(variables)
        bench.variables |= variables
        self._env |= variables.keys()
        for line in read["GITHUB_PATH"].splitlines():
            if line.strip():
                bench.path.insert(0, line.strip())
        return read_pairs(read["GITHUB_OUTPUT"], "GITHUB_OUTPUT")

    def _forgiven(self, step: model.Step, outcome: Conclusion, scope: Scope) -> Conclusion:
        if outcome == "failure" and step.keep_going is not None and truthy(step.keep_going.value(scope)):
            return "success"
        return outcome

    def _finish(self, step: model.Step, outcome: Conclusion, conclusion: Conclusion, outputs: dict[str, str]) -> None:
        if step.id:
            found: dict[str, Value] = {**outputs}
            self._results[step.id] = {"outputs": found, "outcome": outcome, "conclusion": conclusion}
        if conclusion == "failure" or (conclusion == "cancelled" and self._status == "success"):
            self._status = conclusion
        now = self._steps[step.number - 1]
        self._change(replace(now, status="completed", conclusion=conclusion, completed_at=moment()))

    def _change(self, step: Step) -> None:
        self._steps[step.number - 1] = step
        self._report(tuple(self._steps))

    def _begin(self, step: model.Step) -> None:
        self._change(replace(self._steps[step.number - 1], status="in_progress", started_at=moment()))

    # --- what expressions see ---

    def _contexts(self, env: Mapping[str, str]) -> dict[str, Value]:
        bench = self._bench
        known = {name: value for name, value in bench.variables.items() if name in self._env}
        return {
            **self._task.contexts,
            "env": Exact({**known, **env}),
            "steps": self._results,
            "job": {"status": self._status},
            "runner": {
                "os": "Linux",
                "arch": "X64",
                "name": "sandbox",
                "environment": "self-hosted",
                "temp": str(bench.temp),
                "tool_cache": bench.variables.get("RUNNER_TOOL_CACHE", ""),
                "debug": "",
            },
        }

    def _scope(self, contexts: Mapping[str, Value]) -> Scope:
        cancelled = self._bench.halt.cancelled.is_set() or time.monotonic() > self._bench.deadline
        return Scope(
            contexts,
            {
                "success": lambda _: self._status == "success" and not cancelled,
                "failure": lambda _: self._status == "failure" and not cancelled,
                "always": lambda _: True,
                "cancelled": lambda _: cancelled,
                "hashfiles": self._hash_files,
            },
        )

    def _hash_files(self, values: tuple[Value, ...]) -> Value:
        workspace = self._bench.workspace
        patterns = [text(value) for value in values]
        files = sorted(path for path in workspace.rglob("*") if path.is_file())
        chosen = [path for path in files if matches(patterns, path.relative_to(workspace).as_posix())]
        digests = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in chosen)
        return hashlib.sha256(digests).hexdigest() if chosen else ""

    def _outputs(self) -> tuple[tuple[str, str], ...]:
        scope, found = self._scope(self._contexts({})), []
        for name, template in self._task.job.outputs.items():
            value = template.text(scope)
            if self._bench.log.masked(value) != value:
                self._bench.note("warning", f"Skip output '{name}' since it may contain secret.")
                continue
            found.append((name, value))
        return tuple(found)

    def _save_summary(self) -> None:
        files = (self._bench.temp / f"github_step_summary-{step.number}" for step in self._steps)
        whole = "\n".join(part for part in (_read(path) for path in files if path.is_file()) if part)
        (self._bench.folder / "logs" / "summary.md").write_text(self._bench.log.masked(whole), encoding="utf-8")


def _holds(condition: Template | None, scope: Scope) -> bool:
    return truthy(scope.functions["success"](())) if condition is None else condition.holds(scope)


def _title(step: model.Step) -> str:
    return step.title if step.name is None else "".join(text(getattr(part, "value", "…")) for part in step.name.parts)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def write_event(path: Path, payload: Mapping[str, object]) -> None:
    """The file of GITHUB_EVENT_PATH."""
    path.write_text(json.dumps(payload, ensure_ascii=False, indent=2), encoding="utf-8")
