"""Who asked for what the agent writes, in its commit's message and back: they approve none of it."""

import re
from collections.abc import Iterable

TRAILER = "Asked-by: "
LINE = re.compile(rf"^{TRAILER}(?P<logins>[A-Za-z0-9_\[\]-]+(?:, [A-Za-z0-9_\[\]-]+)*)$", re.MULTILINE)


def trailer(logins: Iterable[str]) -> str:
    """One line for a commit's message that names each of `logins` once. Nothing but what a login is made of gets in."""
    plain = (re.sub(r"[^A-Za-z0-9_\[\]-]", "", login) for login in logins)
    return TRAILER + ", ".join(dict.fromkeys(login for login in plain if login))


def from_messages(messages: Iterable[str]) -> tuple[str, ...]:
    """Everybody whom the messages of commits name, each once, in that order.

    Of all commits of a branch, not only of its newest: whoever pushes writes messages as they like, and so can add a
    name but take none away.
    """
    named = (line["logins"].split(", ") for message in messages for line in LINE.finditer(message))
    return tuple(dict.fromkeys(login for logins in named for login in logins))
