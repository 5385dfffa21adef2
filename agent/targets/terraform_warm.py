"""Settings and the trusted lock -> their provider running before a unit asks for it, hashed against that lock.

A first `init` reads a large provider twice to hash it, and only then can it be started. Here it is read once, beside
the start of everything else. It runs only when its hash stands in the lock of the default branch; in every other case
nothing runs, and each unit's own init says what is wrong.
"""

import base64
import hashlib
import mmap
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.errors import AgentError
from agent.settings import Provider, Settings
from agent.targets.terraform_handover import handed_over
from agent.tools import Tools, allowed

LOCK = "policies/terraform.lock.hcl"

_BLOCK = re.compile(r'^provider "(?P<address>[^"]+)" \{\n(?P<body>.*?)^\}\n', re.MULTILINE | re.DOTALL)
_VERSION = re.compile(r'^\s*version\s*=\s*"([^"]+)"$', re.MULTILINE)
_HASH = re.compile(r'"(h1:[A-Za-z0-9+/=]+)"')
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}


@dataclass(frozen=True)
class Warm:
    """A provider that is getting ready: `name` and `provider` of the settings, and the text of the trusted lock."""

    name: str
    provider: Provider
    lock: str
    reattach: "Future[str]"

    def answer(self, *, timeout: float) -> str:
        """How commands find it, a value of TF_REATTACH_PROVIDERS; empty when it does not run. Waits, in seconds."""
        try:
            return self.reattach.result(timeout=timeout)
        except TimeoutError:
            return ""


@dataclass(frozen=True)
class Locked:
    """What the lock says of a provider: its whole address, version and the hashes (`h1:`) of its unpacked packages."""

    address: str
    version: str
    hashes: frozenset[str]


@contextmanager
def warm(tools: Tools, settings: Settings, *, root: Path) -> Iterator[Warm | None]:
    """Start the provider of the settings from their mirror; None where there are several or no unpacked package of it.

    `root` is a checkout of the default branch, which has the lock. Does not wait. The provider ends with the context.
    """
    lock = (root / LOCK).read_text(encoding="utf-8", errors="replace") if (root / LOCK).is_file() else ""
    package = package_of(settings, lock)
    if package is None:
        yield None
        return
    ((name, provider),) = settings.terraform.providers.items()
    found, ready, done = package, Future[str](), threading.Event()
    bare = replace(tools, environment=allowed(tools.environment))

    def serve() -> None:
        # The kernel ends the provider with the thread that started it, so this one stays until the end.
        try:
            locked, folder = found
            (binary,) = folder.glob("terraform-provider-*")
            if package_hash(folder) not in locked.hashes or done.is_set():
                ready.set_result("")
                return
            with (
                tempfile.TemporaryDirectory(prefix="infra-agent-tf-") as temp,
                handed_over(bare, binary, address=locked.address, temp=Path(temp), variables={"HOME": temp}) as value,
            ):
                ready.set_result(value)
                done.wait()
        except (OSError, ValueError, AgentError):
            if not ready.done():
                ready.set_result("")

    thread = threading.Thread(target=serve, name="warm-provider", daemon=True)
    thread.start()
    try:
        yield Warm(name, provider, lock, ready)
    finally:
        done.set()
        thread.join(timeout=10)


def package_of(settings: Settings, lock: str) -> tuple[Locked, Path] | None:
    """What `lock` says of the one provider of the settings, and the folder of its package in their mirror.

    None where the settings name several or another version than the lock, or the mirror has it packed or not at all.
    """
    if len(settings.terraform.providers) != 1 or not settings.terraform.provider_mirror:
        return None
    (provider,) = settings.terraform.providers.values()
    locked = locked_in(lock, provider)
    machine = _MACHINES.get(platform.machine())
    if locked is None or locked.version != provider.version or machine is None:
        return None
    folder = Path(settings.terraform.provider_mirror, *locked.address.split("/"), locked.version)
    folder = (folder / f"{sys.platform}_{machine}").absolute()
    return (locked, folder) if folder.is_dir() else None


def locked_in(lock: str, provider: Provider) -> Locked | None:
    """What `lock` says of `provider`; None when it does not name it exactly once."""
    blocks = [block for block in _BLOCK.finditer(lock) if block["address"].partition("/")[2] == provider.source]
    if len(blocks) != 1:
        return None
    version = _VERSION.search(blocks[0]["body"])
    if version is None:
        return None
    return Locked(blocks[0]["address"], version[1], frozenset(_HASH.findall(blocks[0]["body"])))


def package_hash(folder: Path) -> str:
    """`h1:` of an unpacked package: SHA-256 over each file's SHA-256 and name, sorted by name (Go's dirhash, Hash1)."""
    lines = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix().encode()):
        if path.is_file():
            lines.append(f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n")
    return f"h1:{base64.b64encode(hashlib.sha256(''.join(lines).encode()).digest()).decode()}"


def _digest(path: Path) -> str:
    # In one call: read in pieces, this thread would wait for its turn after each while others load modules.
    digest = hashlib.sha256()
    if path.stat().st_size:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            digest.update(content)
    return digest.hexdigest()
