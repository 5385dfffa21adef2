"""What happens in the sandbox -> lines in a terminal, each with its time, its duration and a link."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from agent.sandbox.runner import Job, Run

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ")
MARKS = {"success": ("✓", "green"), "failure": ("✗", "red"), "cancelled": ("■", "yellow"), "skipped": ("·", "dim")}


@dataclass(frozen=True)
class Stage:
    name: str
    seconds: float


@dataclass
class Timeline:
    """Prints what happens as it happens and keeps how long each stage took. Safe to call from any thread."""

    console: Console
    started: float = field(default_factory=time.monotonic)
    site: str = ""
    stages: list[Stage] = field(default_factory=list)
    _status: Status | None = None
    _told: set[tuple[int, int, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(
        self, what: str, *, link: str = "", seconds: float | None = None, mark: str = "●", style: str = "cyan"
    ) -> None:
        """One line: seconds since the start, mark, what, how long it took, where to look."""
        with self._lock:
            took_text = f"{seconds:5.1f}s " if seconds is not None else " " * 7
            # Below the site's own address only the path is shown; the terminal's link is whole.
            shown = link.removeprefix(self.site) if link != self.site else link
            room = max(20, self.console.width - 8 - 2 - 7 - len(shown) - 1)
            line = Text.assemble(
                (f"{time.monotonic() - self.started:6.1f}s ", "dim"),
                (f"{mark} ", style),
                f"{what:<{min(room, 44)}} ",
                (took_text, "dim"),
                (shown, f"link {link} underline" if link else ""),
            )
            self.console.print(line, soft_wrap=True, highlight=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure one stage of our own and say how long it took."""
        began = time.monotonic()
        with self.console.status(escape(name)):
            yield
        seconds = time.monotonic() - began
        self.stages.append(Stage(name, round(seconds, 3)))
        self.tell(name, seconds=seconds, mark="✓", style="green")

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Show, on a terminal, which job is running now."""
        with self.console.status(escape(what)) as status:
            self._status = status
            try:
                yield
            finally:
                self._status = None

    def on_change(self, run: Run) -> None:
        """Tell each job of `run` once, when it has ended."""
        running = [job.name for job in run.jobs if job.status == "in_progress"]
        if running and self._status is not None:
            self._status.update(escape(f"{run.workflow}: {', '.join(running)} …"))
        for job in run.jobs:
            key = (run.id, run.attempt, job.key + job.name)
            if job.status != "completed" or key in self._told:
                continue
            self._told.add(key)
            if job.conclusion == "skipped":
                continue
            mark, style = MARKS.get(job.conclusion or "", ("?", "yellow"))
            seconds = took(job)
            self.stages.append(Stage(job.name, round(seconds, 3)))
            self.tell(job.name, seconds=seconds, link=f"{run.html_url}/job/{job.id}", mark=mark, style=style)
            if job.conclusion == "failure":
                self._why(job)

    def _why(self, job: Job) -> None:
        log = Path(job.log_path)
        failed = next((step for step in job.steps if step.conclusion == "failure"), None)
        if failed is not None:
            self.tell(f"  step {failed.name}", mark=" ")
        for line in _last_lines(log):
            self.tell(f"  {line}", mark="│", style="red")
        self.tell(f"  the whole log: {log}", mark=" ")


def took(job: Job) -> float:
    """Seconds from a job's start to its end; 0 for one that never started."""
    if not job.started_at or not job.completed_at:
        return 0.0
    return (datetime.fromisoformat(job.completed_at) - datetime.fromisoformat(job.started_at)).total_seconds()


def _last_lines(log: Path, count: int = 6) -> list[str]:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    lines = [STAMP.sub("", line) for line in text.splitlines() if "error" in line.lower()]
    return [line[:160] for line in lines[-count:]]
