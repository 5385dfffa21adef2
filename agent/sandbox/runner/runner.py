"""Events in, runs out: queues, starts, cancels and repeats the jobs of workflow files."""

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.sandbox.forge import Event, Forge
from agent.sandbox.runner import api, progress
from agent.sandbox.runner.artifacts import Artifacts
from agent.sandbox.runner.bench import Halt
from agent.sandbox.runner.contexts import Cause, github
from agent.sandbox.runner.expressions import Scope
from agent.sandbox.runner.groups import Groups, Member
from agent.sandbox.runner.launch import Start, find_starts
from agent.sandbox.runner.place import Place, work
from agent.sandbox.runner.process import end_tracked
from agent.sandbox.runner.records import Annotation, Conclusion, Job, Run, Status, Step, end_all, job_folder, moment
from agent.sandbox.runner.store import Runs
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.values import Value, truthy
from agent.sandbox.runner.workflow import Concurrency, Workflow, load_workflow


@dataclass
class _Live:
    """A run that has not ended."""

    run: Run
    cause: Cause
    workflow: Workflow
    cancelled: bool = False
    granted: bool = False
    group: str = ""
    instances: dict[int, progress.Instance] = field(default_factory=dict)
    halts: dict[int, Halt] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)


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
        self._place = Place(forge, root, tools, machine, self.artifacts, self.store, self._tracking)
        self._most = max_parallel
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._live: dict[int, _Live] = {}
        self._groups = Groups()
        self._threads: dict[int, threading.Thread] = {}
        self._stopping = False
        self._news: queue.SimpleQueue[Run | None] = queue.SimpleQueue()
        end_tracked(self._tracking)
        self.store.end_lost()
        self._speaker = threading.Thread(target=self._speak, name="runner-news", daemon=True)
        self._speaker.start()
        self.blueprint = api.blueprint(self)

    # --- what others ask ---

    def handle(self, event: Event) -> list[int]:
        """Start what `event` starts; returns the runs' ids. Jobs run on threads of their own."""
        if self._stopping:
            return []
        return [self._begin(start) for start in find_starts(self.forge, event)]

    def run(self, run_id: int) -> Run:
        """Raises KeyError."""
        return self.store.get(run_id)

    def runs(self, repo: str) -> list[Run]:
        """Newest first."""
        return self.store.of_repository(repo)

    def set_secret(self, repo: str, name: str, value: str, environment: str | None = None) -> None:
        self.store.set_secret(repo, name, value, environment or "")

    def rerun(self, run_id: int, *, failed_only: bool = False) -> None:
        """Run again, as the next attempt, with the same event and the same file. Raises KeyError, WorkflowError.

        With `failed_only`, jobs that succeeded and need no failed one are kept with their artifacts.
        """
        with self._lock:
            run = self.store.get(run_id)
            if run_id in self._live or run.status != "completed":
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
            self._admit(_Live(fresh, cause, workflow))

    def cancel(self, run_id: int) -> None:
        """End a run; jobs that ask for `always()` or `cancelled()` still run. Raises KeyError."""
        with self._lock:
            live = self._live.get(run_id)
            if live is None:
                self.store.get(run_id)
                return
            self._cancel(("run", run_id))

    def wait(self, run_id: int, timeout: float) -> Run:
        """The run when it has ended, or as it is after `timeout` seconds."""
        end = time.monotonic() + timeout
        with self._changed:
            while run_id in self._live and (left := end - time.monotonic()) > 0:
                self._changed.wait(min(left, 5.0))
        return self.run(run_id)

    def stop(self) -> None:
        """End all jobs with everything they started, mark them cancelled, and take no new event. Takes seconds."""
        with self._lock:
            self._stopping = True
            for live in list(self._live.values()):
                live.cancelled = True
                for halt in live.halts.values():
                    halt.cancelled.set()
                    halt.aborted.set()
            threads = list(self._threads.values())
        end = time.monotonic() + 10.0
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.1))
        end_tracked(self._tracking)
        with self._lock:
            for live in list(self._live.values()):
                at = moment()
                jobs = tuple(job if job.status == "completed" else end_all(job, at=at) for job in live.run.jobs)
                live.run = replace(live.run, jobs=jobs)
                self._end(live)
        self._news.put(None)
        self._speaker.join(5.0)

    # --- beginnings ---

    def _begin(self, start: Start) -> int:
        with self._lock:
            run = self.store.add(start.run, start.cause, start.source)
            if start.workflow is None:
                at = moment()
                run = replace(run, status="completed", conclusion="startup_failure", started_at=at, updated_at=at)
                self._keep(run)
            else:
                self._admit(_Live(run, start.cause, start.workflow))
            return run.id

    def _admit(self, live: _Live) -> None:
        self._live[live.run.id] = live
        try:
            live.granted = self._enter(live, live.workflow.concurrency, self._contexts(live), ("run", live.run.id))
        except WorkflowError as error:
            live.run = replace(live.run, error=str(error))
            live.cancelled = True
        live.run = replace(live.run, status="queued" if live.granted else "pending")
        self._keep(live.run)
        self._advance(live)
        self._pump()

    def _enter(
        self, live: _Live, concurrency: Concurrency | None, contexts: Mapping[str, Value], member: Member
    ) -> bool:
        if concurrency is None:
            return True
        scope = Scope(contexts)
        group = concurrency.group.text(scope)
        if member[0] == "run":
            live.group = group
        elif group.lower() == live.group.lower():
            raise WorkflowError(f"{concurrency.group.place}: the run waits for itself in the group {group!r}")
        cancel = truthy(concurrency.cancel.value(scope)) if concurrency.cancel else False
        go, ending = self._groups.enter(live.run.repo, group, member, cancel=cancel, queue=concurrency.queue)
        for other in ending:
            self._cancel(other)
        return go

    def _contexts(self, live: _Live) -> dict[str, Value]:
        return {
            "github": github(live.run, live.cause),
            "inputs": dict(live.cause.inputs),
            "vars": dict(self.forge.variables(live.run.repo)),
        }

    # --- going on ---

    def _advance(self, live: _Live) -> None:
        """Look at every job whose needs have ended; end the run when nothing is left."""
        if not live.granted and not live.cancelled:
            return
        while live.granted and (plans := progress.ready(live.workflow, live.run.jobs)):
            for plan in plans:
                contexts = {**self._contexts(live), "needs": progress.needs(plan, live.run.jobs)}
                try:
                    if not progress.wanted(live.workflow, plan, live.run.jobs, contexts, live.cancelled):
                        self._add(live, plan.key, plan.key, 0, "skipped")
                        continue
                    found = progress.instances(plan, contexts)
                except WorkflowError as error:
                    self._add(live, plan.key, plan.key, 0, "failure", str(error))
                    continue
                for instance in found:
                    self._expand(live, plan.key, instance)
        if all(job.status == "completed" for job in live.run.jobs):
            self._end(live)

    def _add(
        self, live: _Live, key: str, name: str, index: int, conclusion: Conclusion, error: str = "", environment: str = ""
    ) -> Job:
        run, at = live.run, moment()
        notes = (Annotation("error", error),) if error else ()
        job = Job(self.store.new_job(run.id), run.id, run.attempt, key, name, index, annotations=notes)
        ended: Status = "completed" if conclusion else "queued"
        job = replace(
            job,
            status=ended,
            conclusion=conclusion,
            result=conclusion,
            created_at=at,
            completed_at=at if conclusion else "",
            environment=environment,
            log_path=str(job_folder(self.root, job) / "logs" / "job.log"),
            steps=() if conclusion else tuple(Step(one.number, one.title) for one in live.workflow.jobs[key].steps),
        )
        live.run = run.with_job(job)
        self._keep(live.run)
        return job

    def _expand(self, live: _Live, key: str, instance: progress.Instance) -> None:
        job = self._add(live, key, instance.name, instance.index, "", environment=instance.environment)
        live.instances[job.id] = instance
        live.halts[job.id] = Halt()
        concurrency = live.workflow.jobs[key].concurrency
        try:
            go = self._enter(live, concurrency, instance.contexts, ("job", job.id))
        except WorkflowError as error:
            self._finish(live, job.id, "failure", (), (Annotation("error", str(error)),))
            return
        if live.run.job(job.id).status == "completed":
            return
        if go:
            live.ready.append(job.id)
        else:
            self._update(live, replace(live.run.job(job.id), status="pending"))

    def _pump(self) -> None:
        """Start what is ready while there is room."""
        for live in list(self._live.values()):
            for job_id in list(live.ready):
                if len(self._threads) >= self._most or self._stopping:
                    return
                job, most = live.run.job(job_id), live.instances[job_id].max_parallel
                same = sum(one.key == job.key and one.status == "in_progress" for one in live.run.jobs)
                if most and same >= most:
                    continue
                live.ready.remove(job_id)
                at = moment()
                live.run = replace(live.run, status="in_progress", started_at=live.run.started_at or at)
                self._update(live, replace(job, status="in_progress", started_at=at))
                thread = threading.Thread(target=self._work, args=(live, job_id), name=f"job-{job_id}", daemon=True)
                self._threads[job_id] = thread
                thread.start()

    def _work(self, live: _Live, job_id: int) -> None:
        conclusion: Conclusion = "failure"
        outputs: tuple[tuple[str, str], ...] = ()
        notes: tuple[Annotation, ...] = ()

        def report(steps: Sequence[Step]) -> None:
            with self._lock:
                self._update(live, replace(live.run.job(job_id), steps=tuple(steps)))

        try:
            job, instance = live.run.job(job_id), live.instances[job_id]
            conclusion, outputs, notes = work(
                self._place, live.workflow, live.run, live.cause, job, instance, live.halts[job_id], report
            )
        finally:
            with self._lock:
                self._threads.pop(job_id, None)
                self._finish(live, job_id, conclusion, outputs, notes)
                self._advance(live)
                self._pump()

    # --- ends ---

    def _finish(
        self,
        live: _Live,
        job_id: int,
        conclusion: Conclusion,
        outputs: tuple[tuple[str, str], ...],
        notes: tuple[Annotation, ...],
    ) -> None:
        job, instance = live.run.job(job_id), live.instances[job_id]
        result: Conclusion = "success" if conclusion == "failure" and instance.keep_going else conclusion
        ended = replace(end_all(job, at=moment()), conclusion=conclusion, result=result)
        self._update(live, replace(ended, outputs=outputs, annotations=(*job.annotations, *notes)))
        if result == "failure" and instance.fail_fast:
            for other in live.run.jobs:
                if other.key == job.key and other.status != "completed":
                    self._cancel(("job", other.id))
        self._free(("job", job_id))

    def _end(self, live: _Live) -> None:
        cancelled = live.cancelled and not live.run.error
        conclusion: Conclusion = "startup_failure" if live.run.error else ""
        conclusion = conclusion or progress.conclusion(live.run.jobs, cancelled=cancelled)
        live.run = replace(live.run, status="completed", conclusion=conclusion)
        del self._live[live.run.id]
        self._keep(live.run)
        self._free(("run", live.run.id))
        self._changed.notify_all()

    def _free(self, member: Member) -> None:
        for kind, number in self._groups.leave(member):
            for live in list(self._live.values()):
                if kind == "run" and live.run.id == number:
                    live.granted = True
                    self._advance(live)
                elif kind == "job" and number in live.instances:
                    self._update(live, replace(live.run.job(number), status="queued"))
                    live.ready.append(number)

    def _cancel(self, member: Member) -> None:
        kind, number = member
        for live in list(self._live.values()):
            if kind == "run" and live.run.id == number:
                live.cancelled = True
                for job in live.run.jobs:
                    self._cancel_job(live, job)
                self._advance(live)
                self._pump()
            elif kind == "job" and number in live.instances:
                self._cancel_job(live, live.run.job(number))

    def _cancel_job(self, live: _Live, job: Job) -> None:
        if job.status == "in_progress":
            live.halts[job.id].cancelled.set()
        elif job.status != "completed":
            if job.id in live.ready:
                live.ready.remove(job.id)
            self._finish(live, job.id, "cancelled", (), ())

    # --- keeping ---

    def _update(self, live: _Live, job: Job) -> None:
        live.run = live.run.with_job(job)
        self._keep(live.run)

    def _keep(self, run: Run) -> None:
        stamped = replace(run, updated_at=moment())
        self.store.save(stamped)
        self._news.put(stamped)
        self._changed.notify_all()

    def _speak(self) -> None:
        while (run := self._news.get()) is not None:
            if self.on_change is not None:
                self.on_change(run)
