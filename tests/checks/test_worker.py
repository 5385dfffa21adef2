"""A worker that crashes, hangs or prints garbage is a ToolError that says so, in bounded time."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.checks.worker import Worker
from agent.errors import ToolError
from agent.tools import Tools

READY = "import json, sys, time, os, signal\nprint(json.dumps({'ready': True}), flush=True)\n"
LOOP = READY + "for line in sys.stdin:\n    question = json.loads(line)\n    "


@pytest.fixture
def start(tools: Tools, tmp_path: Path, program: Callable[[str], str]) -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def begin(
        text: str, *, greet: Callable[[Mapping[str, Any]], None] = lambda _: None, limit: int = 100_000
    ) -> Worker:
        small = Tools(environment=tools.environment, max_output=limit)
        started.append(Worker(small, [program(text)], name="fake", cwd=tmp_path, env={}, greet=greet))
        return started[-1]

    yield begin
    for worker in started:
        worker.close()


def test_it_answers_again_and_again(start: Callable[..., Worker]) -> None:
    greetings: list[Mapping[str, Any]] = []
    worker = start(
        LOOP + "print(json.dumps({'id': question['id'], 'twice': 2 * question['n']}), flush=True)\n",
        greet=greetings.append,
    )
    assert [worker.ask({"n": n}, timeout=10)["twice"] for n in (1, 2, 3)] == [2, 4, 6]
    assert greetings == [{"ready": True}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; sys.exit(3)\n", "ended without an answer"),
        (READY + "sys.exit(0)\n", "ended"),
        (LOOP + "os.kill(os.getpid(), signal.SIGKILL)\n", "ended without an answer"),
        (LOOP + "print('not json', flush=True)\n", "not JSON: b'not json'"),
        (LOOP + "print('[' * 100000, flush=True)\n", "printed over|not JSON"),
        (LOOP + "print('[1]', flush=True)\n", "not a JSON object"),
        (LOOP + "print('\\udcff'.encode('utf-8', 'surrogateescape'), flush=True)\n", "not JSON"),
        (LOOP + "print(json.dumps({'id': 7}), flush=True)\n", "answered question 7 when asked question 1"),
        (LOOP + "print('x' * 200000, flush=True)\n", "printed over 100000 bytes"),
        (LOOP + "time.sleep(600)\n", "no answer after 1 s"),
        ("import time; time.sleep(600)\n", "no answer after 1 s"),
        (READY + "os.close(1)\ntime.sleep(600)\n", "ended without an answer"),
    ],
)
def test_what_is_no_answer(start: Callable[..., Worker], text: str, reason: str) -> None:
    worker = start(text)
    began = time.monotonic()
    with pytest.raises(ToolError, match=reason):
        worker.ask({}, timeout=1)
    assert time.monotonic() - began < 5
    with pytest.raises(ToolError):
        worker.ask({}, timeout=1)


def test_the_error_holds_the_end_of_what_it_said(start: Callable[..., Worker]) -> None:
    worker = start(LOOP + "print('x' * 300000 + ' the reason', file=sys.stderr, flush=True); sys.exit(1)\n")
    with pytest.raises(ToolError) as caught:
        worker.ask({}, timeout=10)
    assert caught.value.log.endswith("the reason\n")
    assert len(caught.value.log) <= 20_000


def test_what_it_says_after_closing_its_output_is_kept(start: Callable[..., Worker]) -> None:
    worker = start(
        LOOP + "os.close(1); time.sleep(0.1); sys.stderr.write('the reason'); sys.stderr.flush(); os._exit(1)\n"
    )
    with pytest.raises(ToolError) as caught:
        worker.ask({}, timeout=10)
    assert caught.value.log == "the reason"


def test_much_on_standard_error_does_not_block_it(start: Callable[..., Worker]) -> None:
    worker = start(LOOP + "sys.stderr.write('x' * 1000000); print(json.dumps({'id': question['id']}), flush=True)\n")
    assert worker.ask({}, timeout=10) == {"id": 1}


def test_what_it_started_ends_with_it(start: Callable[..., Worker], tmp_path: Path) -> None:
    child = "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    worker = start(child + LOOP + "print(json.dumps({'id': question['id'], 'pid': child.pid}), flush=True)\n")
    pid = worker.ask({}, timeout=10)["pid"]
    worker.close()
    for _ in range(50):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    os.kill(pid, 9)
    pytest.fail("the worker's child outlived it")


def test_it_cannot_start(tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be started"):
        Worker(tools, ["/no/such/python"], name="fake", cwd=tmp_path, env={}, greet=lambda _: None)
