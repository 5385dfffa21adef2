"""A provider's program -> running, and the variable by which Terraform's commands find it.

How a provider that runs already is handed over: developer.hashicorp.com/terraform/plugin/debugging. Nothing outlives
this process: the kernel ends the provider with the thread that started it (`setpriv`, Linux).
"""

import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from agent.tools import Tools, end_group

START_SECONDS = 20.0
REATTACH = "TF_REATTACH_PROVIDERS"

_HANDSHAKE = {
    "TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
    "PLUGIN_PROTOCOL_VERSIONS": "5,6",
    "TF_LOG": "off",
    "TF_LOG_SDK": "off",
    "TF_LOG_SDK_PROTO": "off",
    "TF_LOG_PROVIDER": "off",
}
_LONGEST_SOCKET = 90  # a Unix socket's path holds about 100 characters


@contextmanager
def handed_over(tools: Tools, binary: Path, *, address: str, temp: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Run the provider at `binary`; the value of TF_REATTACH_PROVIDERS for it, empty where it cannot be handed over.

    `address` is its whole source address, `temp` an own folder for its socket. Raises ToolError when it cannot start.
    """
    guard = tools.which("setpriv")
    if guard is None or len(str(temp)) > _LONGEST_SOCKET:
        yield ""
        return
    process = tools.converse(
        [guard, "--pdeathsig", "KILL", "--", str(binary)],
        cwd=temp,
        env={**variables, **_HANDSHAKE, "TMPDIR": str(temp)},
    )
    drains: list[threading.Thread] = []
    try:
        answer = _answer(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                drains.append(threading.Thread(target=_drain, args=(pipe,), daemon=True))
                drains[-1].start()
        yield _reattach(answer, address, process.pid)
    finally:
        process.kill()
        for drain in drains:
            drain.join(timeout=5)
        end_group(process)


def _answer(process: subprocess.Popen[bytes]) -> str:
    """The line by which the provider says where it listens; empty when it does not in time."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"\n" not in line:
            if not selector.select(timeout=max(deadline - time.monotonic(), 0)):
                return ""
            data = os.read(process.stdout.fileno(), 4096)
            if not data:
                return ""
            line += data
    return line.split(b"\n", 1)[0].decode("utf-8", "replace")


def _reattach(answer: str, address: str, pid: int) -> str:
    parts = answer.split("|")  # protocol of the handshake, of the provider, network, address, encoding, ...
    if len(parts) < 5 or parts[0] != "1" or parts[1] not in ("5", "6") or parts[2] != "unix" or parts[4] != "grpc":
        return ""
    place = {"Network": parts[2], "String": parts[3]}
    provider = {"Protocol": "grpc", "ProtocolVersion": int(parts[1]), "Pid": pid, "Test": True, "Addr": place}
    return json.dumps({address: provider})


def _drain(pipe: IO[bytes]) -> None:
    """Read on and forget: a full pipe would stop the provider."""
    while os.read(pipe.fileno(), 65_536):
        pass
