"""Questions in, answers out: a program that is started once and spoken to in JSON lines, bounded in time and output."""

import json
import os
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.errors import ToolError
from agent.tools import Tools, end_group

_LOG_BYTES = 20_000


class Worker:
    """One running program. Not for two threads at once. Once it has failed it answers nothing more."""

    def __init__(
        self,
        tools: Tools,
        argv: Sequence[str],
        *,
        name: str,
        cwd: Path,
        env: Mapping[str, str],
        greet: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """Start it; do not wait for it. Its first line, when it is ready, is handed to `greet`, which may raise.

        `name` stands in errors. Raises ToolError when it cannot start.
        """
        self._name = name
        self._greet: Callable[[Mapping[str, Any]], None] | None = greet
        self._max_output = tools.max_output
        self._process = tools.converse(argv, cwd=cwd, env=env)
        self._buffer = b""
        self._log = b""
        self._asked = 0
        self._failed = ""

    def ask(self, question: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        """The answer to `question`. Raises ToolError when none comes within `timeout` seconds, the program ends, or
        the answer is not a JSON object with the question's id.
        """
        self._asked += 1
        if self._failed:
            raise ToolError(self._failed)
        assert self._process.stdin is not None
        deadline = time.monotonic() + timeout
        if self._greet is not None:
            self._greet(self._line(deadline, timeout))
            self._greet = None
        try:
            self._process.stdin.write(json.dumps({"id": self._asked, **question}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._fail("ended before it was asked") from error
        answer = self._line(deadline, timeout)
        if answer.get("id") != self._asked:
            raise self._fail(f"answered question {answer.get('id')!r:.40} when asked question {self._asked}")
        return answer

    def close(self) -> None:
        """Kill it and everything that it started."""
        end_group(self._process)

    def _line(self, deadline: float, timeout: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out, err = self._process.stdout.fileno(), self._process.stderr.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(err, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._fail(f"no answer after {timeout:g} s")
                for key, _ in selector.select(timeout=left):
                    data = os.read(key.fd, 65_536)
                    if key.fd == err:
                        self._log = (self._log + data)[-_LOG_BYTES:]
                        if not data:
                            selector.unregister(err)
                    elif not data:
                        self._drain(selector, out, err)
                        raise self._fail("ended without an answer")
                    else:
                        self._buffer += data
                if len(self._buffer) > self._max_output:
                    raise self._fail(f"printed over {self._max_output} bytes")
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._fail(f"answered something that is not JSON: {line[:60]!r}") from error
        if not isinstance(answer, dict):
            raise self._fail(f"answered something that is not a JSON object: {line[:60]!r}")
        return answer

    def _drain(self, selector: selectors.BaseSelector, out: int, err: int) -> None:
        """What the program said last: usually why it ended."""
        selector.unregister(out)
        while selector.get_map() and selector.select(timeout=0.2):
            data = os.read(err, 65_536)
            self._log = (self._log + data)[-_LOG_BYTES:]
            if not data:
                selector.unregister(err)

    def _fail(self, reason: str) -> ToolError:
        self._failed = f"{self._name}: {reason}"
        self.close()
        return ToolError(self._failed, log=self._log.decode("utf-8", "replace"))
