"""An initialised workspace -> the same with its provider running, which init has checked against the lock file.

Each Terraform command would hash the provider (over half a gigabyte) and start it anew, which is most of a second.
How a provider that runs already is handed over: developer.hashicorp.com/terraform/plugin/debugging.
"""

import json
import os
import re
import selectors
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from agent.targets.terraform_cli import Workspace
from agent.tools import end_group

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
_ALIAS = re.compile(r'\balias"?\s*[=:]')
_LONGEST_SOCKET = 90  # a Unix socket's path holds about 100 characters


@contextmanager
def running(place: Workspace) -> Iterator[Workspace]:
    """`place`, whose commands find the provider running; `place` as it is where that cannot be done safely.

    One process holds one configuration: with several providers, or several configurations (`alias`) of one, each
    command starts its own. Nothing outlives this process: the kernel ends the provider with us (`setpriv`, Linux).
    """
    binary = _only_provider(place)
    guard = place.tools.which("setpriv")
    if binary is None or guard is None or len(str(place.temp)) > _LONGEST_SOCKET:
        yield place
        return
    process = place.tools.converse(
        [guard, "--pdeathsig", "KILL", "--", str(binary)],
        cwd=place.temp,
        env={**place.variables, **_HANDSHAKE, "TMPDIR": str(place.temp)},
    )
    drains: list[threading.Thread] = []
    try:
        answer = _answer(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                drains.append(threading.Thread(target=_drain, args=(pipe,), daemon=True))
                drains[-1].start()
        reattach = _reattach(answer, binary, process.pid)
        yield place if reattach is None else replace(place, variables={**place.variables, **reattach})
    finally:
        process.kill()
        for drain in drains:
            drain.join(timeout=5)
        end_group(process)


def _only_provider(place: Workspace) -> Path | None:
    """The one provider that init installed, unless the code configures it more than once."""
    found = list((place.temp / "data" / "providers").glob("*/*/*/*/*/terraform-provider-*"))
    if len(found) != 1:
        return None
    code = (path for path in place.root.rglob("*.tf*") if path.is_file())
    if any(_ALIAS.search(path.read_text(encoding="utf-8", errors="replace")) for path in code):
        return None
    return found[0]


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


def _reattach(answer: str, binary: Path, pid: int) -> dict[str, str] | None:
    parts = answer.split("|")  # protocol of the handshake, of the provider, network, address, encoding, ...
    if len(parts) < 5 or parts[0] != "1" or parts[1] not in ("5", "6") or parts[2] != "unix" or parts[4] != "grpc":
        return None
    source = "/".join(binary.parts[-6:-3])
    place = {"Network": parts[2], "String": parts[3]}
    provider = {"Protocol": "grpc", "ProtocolVersion": int(parts[1]), "Pid": pid, "Test": True, "Addr": place}
    return {REATTACH: json.dumps({source: provider})}


def _drain(pipe: IO[bytes]) -> None:
    """Read on and forget: a full pipe would stop the provider."""
    while os.read(pipe.fileno(), 65_536):
        pass
