"""The environment of a process -> the providers, with every key taken out of it, so that no child inherits one."""

import ctypes
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

from agent.errors import UserError
from agent.models.providers import KEYS_FILE, KINDS, Providers, configured

# The SDKs read more of the environment on their own: headers, profiles, an organization, a log of every request.
PREFIXES = tuple(f"{name.upper()}_" for name in KINDS)
# prctl(2): with 0 the kernel gives /proc/<pid>/environ and /proc/<pid>/mem of the process to root alone.
PR_SET_DUMPABLE = 4


def take(environ: MutableMapping[str, str]) -> Providers:
    """The providers that `environ` configures. The file of the keys, and every variable whose name begins with that of
    a provider, are gone afterwards.

    Where there was a key, other processes of the same user can no longer read this one's memory and first environment
    (Linux). Raises UserError for a keys file that cannot be read, or cannot be removed.
    """
    try:
        providers = configured(environ)
    finally:
        path = environ.pop(KEYS_FILE, "")
        for name in [name for name in environ if name.startswith(PREFIXES)]:
            del environ[name]
        if path:
            _remove(Path(path))
    if providers.secrets():
        _hide_memory()
    return providers


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"{KEYS_FILE}: {path.name} cannot be removed after it was read ({error.strerror}): its folder must be "
            "writable, or whatever runs later in this job could read the keys"
        ) from error


def _hide_memory() -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
