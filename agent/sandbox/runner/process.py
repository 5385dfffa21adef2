"""An argument list and a way to stop in, lines and an exit code out; nothing that it started outlives its job."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

TRACKING = "RUNNER_TRACKING_ID"
_LONGEST_LINE = 1024 * 1024


class Stopped(Exception):
    """A program was ended before its time; the text says by what."""


def run_lines(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    stop: Callable[[], str],
) -> int:
    """Run `argv`, hand each line of its output to `on_line`, return the exit code (128 + n for signal n).

    `stop` is asked several times a second; a text that is not empty ends the program and is raised as Stopped.
    A process that goes on in the background keeps running until the job ends. Raises OSError when it cannot start.
    """
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            _read(process, process.stdout.fileno(), on_line, stop)
        except BaseException:
            _end(process)
            raise
    code = process.wait()
    return code if code >= 0 else 128 - code


def _read(
    process: "subprocess.Popen[bytes]", pipe: int, on_line: Callable[[str], None], stop: Callable[[], str]
) -> None:
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            reason = stop()
            if reason:
                raise Stopped(reason)
            ended = process.poll() is not None
            if selector.select(timeout=0 if ended else 0.1):
                data = os.read(pipe, 65_536)
                if not data:
                    _wait(process, stop)
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    on_line(line.decode("utf-8", "replace"))
                if len(rest) > _LONGEST_LINE:
                    on_line(rest.decode("utf-8", "replace"))
                    rest = b""
            elif ended:
                break
    if rest:
        on_line(rest.decode("utf-8", "replace"))


def _wait(process: "subprocess.Popen[bytes]", stop: Callable[[], str]) -> None:
    """A program may close its output long before it ends."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            return
        reason = stop()
        if reason:
            raise Stopped(reason)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number, seconds in ((signal.SIGINT, 1.0), (signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_tracked(prefix: str) -> None:
    """Kill every process of ours whose RUNNER_TRACKING_ID begins with `prefix`: what a job left in the background."""
    mark = f"{TRACKING}={prefix}".encode()
    for _ in range(5):
        found = [pid for pid in _processes() if any(item.startswith(mark) for item in _environment(pid))]
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.02)


def _processes() -> list[int]:
    proc = Path("/proc")
    if not proc.is_dir():
        return []
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
