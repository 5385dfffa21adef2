"""What a command asked for -> the comment that answers it. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime

from agent.domain import Lock, Planned, Request, Value
from agent.render.page import Context, render

ASKED = re.compile(
    r"(?:<!-- infra-agent:shown (?P<shown>[0-9a-f]+) -->\s{0,4})?"
    r"<!-- infra-agent:asked (?P<sha256>[0-9a-f]{64}) -->\s*\Z"
)
STANDING = "<!-- infra-agent:standing -->"
OVERLAP = "<!-- infra-agent:overlap -->"


class Line(Value):
    """One line of an answer, with a link where there is a page."""

    text: str
    url: str = ""
    more: str = ""


class Standing(Value):
    """Where a request stands, as the record says it."""

    labels: tuple[str, ...] = ()
    pull_request: int | None = None
    pull_state: str = ""
    head_sha: str = ""
    checks: tuple[Line, ...] = ()
    locks: tuple[Line, ...] = ()
    runs: tuple[Line, ...] = ()
    next: str = ""


def asked(body: str, sha256: str, *, shown: str = "") -> str:
    """A status comment with the hash of the request that it is about and, in hex digits, the understanding that it
    shows, so that a confirmation is one of exactly these.
    """
    record = f"<!-- infra-agent:shown {shown} -->\n" if shown else ""
    return f"{body.rstrip()}\n{record}<!-- infra-agent:asked {sha256} -->\n"


def asked_of(body: str) -> tuple[str, str]:
    """The hash and the understanding that `asked` wrote at the very end of a comment of ours, each empty when there is
    none.
    """
    found = ASKED.search(body)
    return (found["sha256"], found["shown"] or "") if found else ("", "")


def answer(context: Context, *, icon: str, headline: str, text: str = "", lines: Sequence[Line] = ()) -> str:
    """A headline of our own, a text, and lines. `text` may hold paragraphs; what people wrote in it is made inert."""
    return render("answer", context, {"icon": icon, "headline": headline, "text": text, "lines": lines})


def standing(context: Context, found: Standing, *, request: Request, now: datetime) -> str:
    """Where the request stands now: labels, pull request, checks, locks, runs."""
    return render("standing", context, {**dict(found), "request": request, "time": f"{now:%Y-%m-%d %H:%M} UTC"})


def rule_page(context: Context, *, rule: str, page: str) -> str:
    """The help page of a rule."""
    return render("rule", context, {"rule": rule, "page": page})


def address_page(context: Context, found: Sequence[tuple[str, Planned]], *, commit: str) -> str:
    """What the newest plan does with a resource, unit by unit."""
    return render("address", context, {"found": found, "commit": commit})


def overlap(context: Context, others: Sequence[tuple[int, tuple[str, ...]]]) -> str:
    """Which other open pull requests change the same units; with none, that this is over."""
    return render("overlap", context, {"others": others})


def lock_line(lock: Lock) -> Line:
    """Who holds a unit, since when, for what."""
    since = f"{lock.time:%Y-%m-%d %H:%M} UTC"
    text = f"{lock.unit}: held by {lock.person} since {since} for pull request {lock.pull_request}"
    return Line(text=text, url=lock.url)
