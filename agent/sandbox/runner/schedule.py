"""Runs that have not ended -> which job starts when, and what each end leads to."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from agent.sandbox.runner import progress
from agent.sandbox.runner.bench import Halt
from agent.sandbox.runner.contexts import Cause, github
from agent.sandbox.runner.expressions import Scope
from agent.sandbox.runner.groups import Groups, Member
from agent.sandbox.runner.launch import Start
from agent.sandbox.runner.model import Concurrency, Workflow
from agent.sandbox.runner.place import Place, work
from agent.sandbox.runner.records import Annotation, Conclusion, Job, Run, Status, Step, end_all, job_folder, moment
from agent.sandbox.runner.template import WorkflowError
from agent.sandbox.runner.values import Value, truthy


@dataclass
class Live:
    """A run that has not ended."""

    run: Run
    cause: Cause
    workflow: Workflow
    cancelled: bool = False
    granted: bool = False
    advancing: bool = False
    group: str = ""
    instances: dict[int, progress.Instance] = field(default_factory=dict)
    halts: dict[int, Halt] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)


class Schedule:
    """Starts jobs as needs, groups and room allow. Methods are called within `locked`; `tell` hears every change."""

    def __init__(self, place: Place, *, most: int, tell: Callable[[Run], None]) -> None:
        self.stopping = False
        self.live: dict[int, Live] = {}
        self.threads: dict[int, threading.Thread] = {}
        self._place = place
        self._most = most
        self._tell = tell
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._groups = Groups()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The database's lock always comes first: an event may arrive from a thread that holds it."""
        with self._place.forge.db.lock(), self._lock:
            yield

    def wait(self, run_id: int, timeout: float) -> None:
        """Until the run has ended, at most `timeout` seconds. Not within `locked`."""
        end = time.monotonic() + timeout
        with self._changed:
            while run_id in self.live and (left := end - time.monotonic()) > 0:
                self._changed.wait(min(left, 5.0))

    # --- beginnings ---

    def begin(self, start: Start) -> int:
        with self.locked():
            run = self._place.store.add(start.run, start.cause, start.source)
            if start.workflow is None:
                at = moment()
                run = replace(run, status="completed", conclusion="startup_failure", started_at=at, updated_at=at)
                self._keep(run)
            else:
                self.admit(Live(run, start.cause, start.workflow))
            return run.id

    def admit(self, live: Live) -> None:
        self.live[live.run.id] = live
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
        self, live: Live, concurrency: Concurrency | None, contexts: Mapping[str, Value], member: Member
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
            self.cancel(other)
        return go

    def _contexts(self, live: Live) -> dict[str, Value]:
        return {
            "github": github(live.run, live.cause),
            "inputs": dict(live.cause.inputs),
            "vars": dict(self._place.forge.variables(live.run.repo)),
        }

    # --- going on ---

    def _advance(self, live: Live) -> None:
        """Look at every job whose needs have ended; end the run when nothing is left."""
        if live.advancing or live.run.id not in self.live or not (live.granted or live.cancelled):
            return
        live.advancing = True
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
        live.advancing = False
        if all(job.status == "completed" for job in live.run.jobs):
            self.end(live)

    def _add(
        self,
        live: Live,
        key: str,
        name: str,
        index: int,
        conclusion: Conclusion,
        error: str = "",
        environment: str = "",
    ) -> Job:
        run, at = live.run, moment()
        notes = (Annotation("error", error),) if error else ()
        job = Job(self._place.store.new_job(run.id), run.id, run.attempt, key, name, index, annotations=notes)
        ended: Status = "completed" if conclusion else "queued"
        job = replace(
            job,
            status=ended,
            conclusion=conclusion,
            result=conclusion,
            created_at=at,
            completed_at=at if conclusion else "",
            environment=environment,
            log_path=str(job_folder(self._place.root, job) / "logs" / "job.log"),
            steps=() if conclusion else tuple(Step(one.number, one.title) for one in live.workflow.jobs[key].steps),
        )
        live.run = run.with_job(job)
        self._keep(live.run)
        return job

    def _expand(self, live: Live, key: str, instance: progress.Instance) -> None:
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
        for live in list(self.live.values()):
            for job_id in list(live.ready):
                if len(self.threads) >= self._most or self.stopping:
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
                self.threads[job_id] = thread
                thread.start()

    def _work(self, live: Live, job_id: int) -> None:
        conclusion: Conclusion = "failure"
        outputs: tuple[tuple[str, str], ...] = ()
        notes: tuple[Annotation, ...] = ()

        def report(steps: Sequence[Step]) -> None:
            with self.locked():
                self._update(live, replace(live.run.job(job_id), steps=tuple(steps)))

        try:
            job, instance = live.run.job(job_id), live.instances[job_id]
            conclusion, outputs, notes = work(
                self._place, live.workflow, live.run, live.cause, job, instance, live.halts[job_id], report
            )
        finally:
            with self.locked():
                self.threads.pop(job_id, None)
                self._finish(live, job_id, conclusion, outputs, notes)
                self._advance(live)
                self._pump()

    # --- ends ---

    def _finish(
        self,
        live: Live,
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
                    self.cancel(("job", other.id))
        self._free(("job", job_id))

    def end(self, live: Live) -> None:
        cancelled = live.cancelled and not live.run.error
        conclusion: Conclusion = "startup_failure" if live.run.error else ""
        conclusion = conclusion or progress.conclusion(live.run.jobs, cancelled=cancelled)
        live.run = replace(live.run, status="completed", conclusion=conclusion)
        del self.live[live.run.id]
        self._keep(live.run)
        self._free(("run", live.run.id))
        self._changed.notify_all()

    def _free(self, member: Member) -> None:
        for kind, number in self._groups.leave(member):
            for live in list(self.live.values()):
                if kind == "run" and live.run.id == number:
                    live.granted = True
                    self._advance(live)
                elif kind == "job" and number in live.instances:
                    self._update(live, replace(live.run.job(number), status="queued"))
                    live.ready.append(number)

    def cancel(self, member: Member) -> None:
        kind, number = member
        for live in list(self.live.values()):
            if kind == "run" and live.run.id == number:
                live.cancelled = True
                for job in live.run.jobs:
                    self._cancel_job(live, job)
                self._advance(live)
                self._pump()
            elif kind == "job" and number in live.instances:
                self._cancel_job(live, live.run.job(number))
                self._advance(live)

    def _cancel_job(self, live: Live, job: Job) -> None:
        if job.status == "in_progress":
            live.halts[job.id].cancelled.set()
        elif job.status != "completed":
            if job.id in live.ready:
                live.ready.remove(job.id)
            self._finish(live, job.id, "cancelled", (), ())

    # --- keeping ---

    def _update(self, live: Live, job: Job) -> None:
        live.run = live.run.with_job(job)
        self._keep(live.run)

    def _keep(self, run: Run) -> None:
        stamped = replace(run, updated_at=moment())
        self._place.store.save(stamped)
        self._tell(stamped)
        self._changed.notify_all()
