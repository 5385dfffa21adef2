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
        """Every request that came, oldest first, as the server keeps it."""
        with urllib.request.urlopen(f"{self.url}/__aimock/journal", timeout=10) as response:
            return cast(list[dict[str, Any]], json.load(response))


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
def running(fixtures: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Aimock]:
    """Serve `fixtures` (the first that matches answers; none: an error) from a file in `folder` until the end."""
    path = folder / "fixtures.json"
    path.write_text(json.dumps({"fixtures": list(fixtures)}), encoding="utf-8")
    process = subprocess.Popen(
        ["node", program(), "--port", "0", "--fixtures", path, "--strict", "--validate-on-load", "--log-level", "info"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"]},
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
