"""Nothing in, nothing out: Python imports this at its start when our check names the folder in PYTHONPATH.

`ansible-playbook --syntax-check`, which ansible-lint runs, evaluates templates in the names of imported files, and a
lookup there runs programs and reaches out. The gate refuses such texts before; here an audit hook refuses the deed, in
ansible-lint and in every Python that it starts.
"""

import os
import sys

# What ansible-lint itself starts, from its own environment.
ALLOWED = frozenset({"ansible", "ansible-config", "ansible-doc", "ansible-playbook"})
REFUSED_EVENTS = frozenset(
    {
        *("os.exec", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("socket.bind", "socket.connect", "socket.sendto"),
    }
)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """PermissionError for a program that is not Ansible's own and for every connection."""
    if event in REFUSED_EVENTS:
        raise PermissionError(f"{event} is not allowed here")
    if event == "subprocess.Popen" and os.fspath(str(arguments[0])) not in ALLOWED:
        raise PermissionError(f"{arguments[0]} is not allowed here")
    # Ansible tries this very address at its start, which asks nobody.
    if event == "socket.getaddrinfo" and arguments[0] != "127.0.0.1":
        raise PermissionError("names of hosts are not looked up here")


sys.addaudithook(refuse)
