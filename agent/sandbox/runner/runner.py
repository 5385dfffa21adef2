"""Events in, runs out: starts, cancels and repeats runs of workflow files."""

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from agent.sandbox.forge import Event, Forge, environments
from agent.sandbox.runner import api, progress
from agent.sandbox.runner.artifacts import Artifacts
from agent.sandbox.runner.launch import find_starts
from agent.sandbox.runner.place import Place
from agent.sandbox.runner.process import end_tracked
from agent.sandbox.runner.records import Run, end_all, moment
from agent.sandbox.runner.schedule import Live, Schedule
from agent.sandbox.runner.store import Runs
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.workflow import load_workflow


class Runner:
    """Runs the workflow files of a forge's repositories on this machine.

    `root`/runs/<run>/<attempt>/<job>-<index>/ holds a job's workspace and logs, `root`/artifacts the artifacts.
    `tools` are the programs that set-up actions may hand out; `machine` is the environment that every job gets.
    `on_change` hears, in order and on a thread of its own, of every change of a run or a job.
    """

    def __init__(
        self,
        forge: Forge,
        root: Path,
        *,
        tools: Mapping[str, Path],
        machine: Mapping[str, str],
        max_parallel: int = 2,
    ) -> None:
        self.on_change: Callable[[Run], None] | None = None
        self.forge = forge
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.store = Runs(forge.db)
        self.artifacts = Artifacts(forge.db, root)
        self._tracking = f"sandbox-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]}-"
        self._news: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        place = Place(forge, root, tools, machine, self.artifacts, self.store, self._tracking)
        self._schedule = Schedule(place, most=max_parallel, tell=self._news.put)
        end_tracked(self._tracking)
        self.store.end_lost()
        self._speaker = threading.Thread(target=self._speak, name="runner-news", daemon=True)
        self._speaker.start()
        self.blueprint = api.blueprint(self)

    # --- what others ask ---

    def handle(self, event: Event) -> list[int]:
        """Start what `event` starts; returns the runs' ids. Jobs run on threads of their own."""
        if self._schedule.stopping:
            return []
        found = find_starts(self.forge, event)
        with self._schedule.locked():
            return [self._schedule.begin(start) for start in found]

    def run(self, run_id: int) -> Run:
        """Raises KeyError."""
        return self.store.get(run_id)

    def runs(self, repo: str) -> list[Run]:
        """Newest first."""
        return self.store.of_repository(repo)

    def set_secret(self, repo: str, name: str, value: str, environment: str | None = None) -> None:
        if environment:
            environments.ensure(self.forge, self.forge.repo_row(repo), environment)
        self.store.set_secret(repo, name, value, environment or "")

    def rerun(self, run_id: int, *, failed_only: bool = False) -> None:
        """Run again, as the next attempt, with the same event and the same file. Raises KeyError, WorkflowError.

        With `failed_only`, jobs that succeeded and need no failed one are kept with their artifacts.
        """
        with self._schedule.locked():
            run = self.store.get(run_id)
            if run_id in self._schedule.live or run.status != "completed":
                raise WorkflowError(f"{run.path}:1: run {run_id} is still running; cancel it or wait for its end")
            cause, source = self.store.cause(run_id)
            workflow = load_workflow(source, run.path)
            failed = {job.key for job in run.jobs if job.result not in ("success", "skipped")}
            again = progress.descendants(workflow, failed) if failed_only else set(workflow.jobs)
            kept = tuple(job for job in run.jobs if job.key not in again)
            ids = {job.id for job in kept}
            self.artifacts.remove(one for one in self.artifacts.of_run(run_id) if one.job_id not in ids)
            cause = replace(cause, url=self.forge.url)
            fresh = replace(
                run, status="queued", conclusion="", attempt=run.attempt + 1, jobs=kept, error="", started_at=""
            )
            self._schedule.admit(Live(fresh, cause, workflow))

    def cancel(self, run_id: int) -> None:
        """End a run; jobs that ask for `always()` or `cancelled()` still run. Raises KeyError."""
        with self._schedule.locked():
            live = self._schedule.live.get(run_id)
            if live is None:
                self.store.get(run_id)
                return
            self._schedule.cancel(("run", run_id))

    def wait(self, run_id: int, timeout: float) -> Run:
        """The run when it has ended, or as it is after `timeout` seconds."""
        self._schedule.wait(run_id, timeout)
        return self.run(run_id)

    def stop(self) -> None:
        """End all jobs with everything they started, mark them cancelled, and take no new event. Takes seconds."""
        with self._schedule.locked():
            self._schedule.stopping = True
            for live in list(self._schedule.live.values()):
                live.cancelled = True
                for halt in live.halts.values():
                    halt.cancelled.set()
                    halt.aborted.set()
            threads = list(self._schedule.threads.values())
        end = time.monotonic() + 10.0
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.1))
        end_tracked(self._tracking)
        with self._schedule.locked():
            for live in list(self._schedule.live.values()):
                at = moment()
                jobs = tuple(job if job.status == "completed" else end_all(job, at=at) for job in live.run.jobs)
                live.run = replace(live.run, jobs=jobs)
                self._schedule.end(live)
        self._news.put(None)
        self._speaker.join(5.0)

    def _speak(self) -> None:
        while (run := self._news.get()) is not None:
            if self.on_change is not None:
                self.on_change(run)
