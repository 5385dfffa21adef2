"""Argument list in, exit code and output out: the only place that starts an outside program."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from agent.domain import File
from agent.errors import ToolError

# RUNNER_TRACKING_ID is how a runner finds what a job left behind; it holds no secret.
BASE_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "RUNNER_TRACKING_ID")
CLOUD_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)
SECRET_NAME = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|(?:ACCESS|API|APP|PRIVATE)_KEY(?:_ID)?)$"
)


@dataclass(frozen=True)
class Completed:
    """What a program answered. Texts are UTF-8 with undecodable bytes replaced; `seconds` is wall time."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float


@dataclass(frozen=True)
class Tools:
    """Runs programs with an allow-listed environment, no standard input, and limits on time and output.

    `environment` is everything a child may see besides what a call adds; build it with `allowed`. `log` receives one
    `$ argv` line a call.
    """

    environment: Mapping[str, str]
    log: IO[str] | None = None
    max_output: int = 32 * 1024 * 1024
    extra_path: tuple[str, ...] = field(default=())

    def which(self, program: str) -> str | None:
        """Absolute path of `program` on the children's PATH, or None."""
        return shutil.which(program, path=self._path())

    def _path(self) -> str:
        return os.pathsep.join((*self.extra_path, self.environment.get("PATH", os.defpath)))

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        timeout: float,
        env: Mapping[str, str] | None = None,
        ok: Iterable[int] = (0,),
        grace: float = 0.0,
    ) -> Completed:
        """Run `argv` in `cwd`. Raises ToolError when it cannot start, runs over `timeout` seconds, prints more than
        `max_output` bytes, or ends with a code that is not in `ok`. The whole process group is ended on the way out;
        a program that must not be cut off gets an interrupt and `grace` seconds before that.
        """
        started = time.monotonic()
        process = self._start(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL)
        try:
            stdout, stderr = self._collect(process, argv, started + timeout, timeout)
        finally:
            _interrupt(process, grace)
            end_group(process)
        done = Completed(tuple(argv), process.returncode, stdout, stderr, time.monotonic() - started)
        if done.code not in tuple(ok):
            raise ToolError(f"{argv[0]}: ended with code {done.code}", log=(done.stdout + done.stderr)[-20_000:])
        return done

    def converse(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `argv` with its standard input and output open to us, for a worker that is asked again and again.

        The caller bounds every answer and ends it with `end_group`. Raises ToolError when it cannot start.
        """
        return self._start(argv, cwd=cwd, env=env, stdin=subprocess.PIPE)

    def _start(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None, stdin: int
    ) -> subprocess.Popen[bytes]:
        if self.log is not None:
            print("$", *argv, file=self.log, flush=True)
        try:
            return subprocess.Popen(
                argv,
                cwd=cwd,
                env={**self.environment, "PATH": self._path(), **(env or {})},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{argv[0]}: cannot be started: {error.strerror}") from error

    def _collect(
        self, process: subprocess.Popen[bytes], argv: Sequence[str], deadline: float, timeout: float
    ) -> tuple[str, str]:
        assert process.stdout is not None
        assert process.stderr is not None
        chunks: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ToolError(f"{argv[0]}: no end after {timeout:g} s, stopped", log=_tail(chunks))
                for key, _ in selector.select(timeout=min(left, 1.0)):
                    data = os.read(key.fd, 65_536)
                    if not data:
                        selector.unregister(key.fileobj)
                        continue
                    chunks[key.fd].append(data)
                    size += len(data)
                    if size > self.max_output:
                        raise ToolError(f"{argv[0]}: printed over {self.max_output} bytes, stopped", log=_tail(chunks))
                if process.poll() is not None and not selector.select(timeout=0):
                    break  # a grandchild may hold the pipe open for ever; the program itself is done
        try:
            process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{argv[0]}: no end after {timeout:g} s, stopped", log=_tail(chunks)) from error
        out, err = (b"".join(parts).decode("utf-8", "replace") for parts in chunks.values())
        return out, err


def allowed(environ: Mapping[str, str], *, names: Iterable[str] = ()) -> dict[str, str]:
    """The part of `environ` that children may see: the base variables plus `names`; empty values are dropped."""
    return {name: environ[name] for name in (*BASE_VARIABLES, *names) if environ.get(name)}


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values that a job was given to keep to itself, by the names of their variables; no text may hold one."""
    return tuple(sorted({value for name, value in environ.items() if SECRET_NAME.search(name) and len(value) >= 8}))


@contextmanager
def clean_copy(files: Iterable[File]) -> Iterator[Path]:
    """A new folder that holds exactly `files` (those with content), removed on the way out.

    Raises ValueError for a path that is absolute or climbs; the gate has refused those before.
    """
    with tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        root = Path(name)
        write_files(root, files)
        yield root


def write_files(root: Path, files: Iterable[File]) -> None:
    """Write (or delete, when `content` is None) `files` below `root`; never through a link."""
    for file in files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{file.path!r} is not a path below the root")
        target = root.joinpath(*path.parts)
        for parent in [target, *target.parents]:
            if parent == root:
                break
            if parent.is_symlink():
                raise ValueError(f"{file.path!r} goes through a link")
        if file.content is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content.encode())


def _tail(chunks: Mapping[int, list[bytes]]) -> str:
    return "\n".join(b"".join(parts)[-10_000:].decode("utf-8", "replace") for parts in chunks.values())


def _interrupt(process: subprocess.Popen[bytes], grace: float) -> None:
    if grace > 0 and process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=grace)  # reads on: a full pipe would keep it from ending


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill `process` with everything that it started, wait for it and close its pipes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
