"""What one job works with: its folders, environment, log and limits."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.sandbox.runner.artifacts import Artifacts
from agent.sandbox.runner.commands import StepFailed
from agent.sandbox.runner.log import Log
from agent.sandbox.runner.process import TRACKING, Stopped, run_lines
from agent.sandbox.runner.records import Annotation, Level


@dataclass
class Halt:
    """How a job is told to end: `cancelled` lets steps run that ask for it, `aborted` nothing more."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    aborted: threading.Event = field(default_factory=threading.Event)


@dataclass
class Bench:
    """One job's place. `variables` is the environment of every step; `path` is what is put before PATH.

    `deadline` is on the monotonic clock and `limit` the step's own, both in seconds; `url` is the forge's.
    """

    folder: Path
    repo: str
    run_id: int
    attempt: int
    job_id: int
    job_key: str
    url: str
    token: str
    permissions: Mapping[str, str]
    tools: Mapping[str, Path]
    artifacts: Artifacts
    log: Log
    halt: Halt
    deadline: float
    tracking: str
    variables: dict[str, str]
    limit: float | None = None
    path: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in (self.workspace, self.temp, self.home):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def temp(self) -> Path:
        return self.folder / "temp"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a program of this job."""
        found = {**self.variables, **(extra or {}), TRACKING: self.tracking}
        found["PATH"] = ":".join((*self.path, found.get("PATH", "/usr/bin:/bin")))
        return found

    def note(self, level: Level, message: str, *, path: str = "", line: int = 0, title: str = "") -> None:
        """Write an annotation to the log and keep it."""
        hidden = self.log.masked(message)
        self.annotations.append(Annotation(level, hidden, path, line, title))
        self.log.write(f"##[{level}]{hidden}")

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """Run a program of this job in its workspace, its output going to the log. Returns its exit code.

        Raises Stopped when the job is cancelled or out of time, StepFailed when it runs over `limit` seconds.
        """
        started = time.monotonic()
        limit = self.limit
        grace = self.halt.cancelled.is_set()

        def stop() -> str:
            if self.halt.aborted.is_set() or (self.halt.cancelled.is_set() and not grace):
                return "The operation was canceled."
            if time.monotonic() > self.deadline and not grace:
                return "The job has exceeded its maximum execution time."
            if limit is not None and time.monotonic() - started > limit:
                return "timeout"
            return ""

        try:
            return run_lines(
                argv,
                cwd=cwd or self.workspace,
                env=env if env is not None else self.environment(),
                on_line=on_line or self.log.write,
                stop=stop,
            )
        except Stopped as stopped:
            if str(stopped) == "timeout":
                minutes = (limit or 0) / 60
                raise StepFailed(f"The action has timed out after {minutes:g} minutes.") from stopped
            raise
        except OSError as error:
            raise StepFailed(f"{argv[0]}: cannot be started: {error.strerror}") from error
