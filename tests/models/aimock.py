"""Runs `@copilotkit/aimock`, a model server that speaks both providers' protocols, with fixtures of a test."""

import json
import os
import re
import selectors
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from tests.models.server import KEY

PROJECT = Path(__file__).parent.parent.parent
READY = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
START_SECONDS = 20.0
NO_NPM = 3
# Each protocol reads the names that it knows.
USAGE = {"input_tokens": 120, "output_tokens": 30, "prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}


@dataclass(frozen=True)
class Aimock:
    """A running server at `url`. Both providers are in `environ`, with the tests' key."""

    url: str

    @property
    def environ(self) -> dict[str, str]:
        return {
            "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url,
            "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{self.url}/v1",
        }  # fmt: skip

    def journal(self) -> list[dict[str, Any]]:
        """Every request that came, oldest first, as the server keeps it: in one form for both protocols, whole."""
        asked = urllib.request.Request(f"{self.url}/__aimock/journal", headers={"x-api-key": KEY})
        with urllib.request.urlopen(asked, timeout=10) as response:
            entries = cast(list[dict[str, Any]], json.load(response))
        cut = [entry["body"] for entry in entries if "__aimock_truncated" in (entry["body"] or {})]
        assert not cut, f"the journal keeps 64 KB of a request, and cut one: {cut}"
        return entries


def answers(said: Any, **match: Any) -> dict[str, Any]:
    """A fixture that answers what `match` fits with `said`: a text as it is, anything else as JSON."""
    content = said if isinstance(said, str) else json.dumps(said)
    return {"match": match, "response": {"content": content, "usage": USAGE}}


def calls(tool: str, arguments: Mapping[str, Any], **match: Any) -> dict[str, Any]:
    """A fixture that answers what `match` fits with a call of `tool`."""
    call = {"name": tool, "arguments": dict(arguments), "id": "call_1"}
    return {"match": match, "response": {"toolCalls": [call], "usage": USAGE}}


def fails(status: int, kind: str, **match: Any) -> dict[str, Any]:
    """A fixture that answers what `match` fits with an error."""
    return {"match": match, "response": {"error": {"message": "no", "type": kind}, "status": status}}


@cache
def program() -> Path:
    """The server's program, fetched by the lock in tests/aimock. Skips, and says so, only where there is no npm."""
    done = subprocess.run(
        [PROJECT / "bin/setup-node", "tests/aimock"], capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode == NO_NPM:
        pytest.skip(f"aimock is not tested: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()) / "node_modules/@copilotkit/aimock/dist/cli.js"


@contextmanager
def running(fixtures: Sequence[Mapping[str, Any]], folder: Path, *, keys: Sequence[str] = (KEY,)) -> Iterator[Aimock]:
    """Serve `fixtures` (the first that matches answers; none: an error) from a file in `folder` until the end.

    Who has none of `keys` gets no answer.
    """
    path = folder / "fixtures.json"
    path.write_text(json.dumps({"fixtures": list(fixtures)}), encoding="utf-8")
    process = subprocess.Popen(
        ["node", program(), "--port", "0", "--fixtures", path, "--strict", "--validate-on-load", "--log-level", "info"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "AIMOCK_API_KEYS": ",".join(keys)},
        cwd=folder,
    )
    try:
        yield Aimock(_address(process))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=5)


def _address(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    said, deadline = "", time.monotonic() + START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=0.2):
                part = os.read(process.stdout.fileno(), 65_536).decode("utf-8", "replace")
                said += part
                if found := READY.search(said):
                    return found[1]
                if not part:
                    break
    raise AssertionError(f"aimock did not start: {said}")
