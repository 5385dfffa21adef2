"""Template, trusted addresses and values -> Markdown; a value is made inert unless a filter has already done so. Pure.

A template is ours and trusted, what it is given is not: every `{{ … }}` is redacted and written as one inert line.
Filters choose another form: `block` (Markdown that may stay), `fence` (a code block), `code` (a code span), `link`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as Frame
from jinja2.runtime import Undefined

from agent.domain import Value
from agent.render import sanitize
from agent.render.limits import fit
from agent.render.redact import redact

Section = Literal["status", "request", "checks", "plan", "review", "verdict", "applied", "failure", "refusal", "help"]
MARKER = re.compile(r"<!-- infra-agent:(?P<section>[a-z]+) -->")
# Where the explanations of rules stand: checkov's, GitHub's and Terraform's own pages.
HELP_HOSTS = ("docs.prismacloud.io", "docs.github.com", "developer.hashicorp.com")
ADDRESS = re.compile(r"https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~%/?=&#+,:;!-]*)?")


class Context(Value):
    """What trusted code knows around a text. `repository` is its address without a slash at the end, `run` that of
    the workflow run; `link_hosts` are further hosts to which text may link; `secrets` are values to take out.
    """

    repository: str
    run: str = ""
    link_hosts: tuple[str, ...] = HELP_HOSTS
    secrets: tuple[str, ...] = ()


class Failure(Value):
    """A job that ended badly: its name, why, and where its log stands."""

    job: str
    reason: str
    log_url: str = ""


class Inert(str):
    """Markdown that was made inert already."""

    __slots__ = ()


def marker(section: Section) -> str:
    """The first line of a comment of ours, by which it is found again (together with its author)."""
    return f"<!-- infra-agent:{section} -->"


def find_marker(body: str) -> str | None:
    """The section whose marker `body` starts with. A marker anywhere else is a quotation."""
    found = MARKER.match(body)
    return found["section"] if found else None


def render(template: str, context: Context, values: Mapping[str, Any]) -> str:
    """The template `<template>.md.j2` with `values`, cut to GitHub's size. Raises jinja2.UndefinedError for a name
    that the template needs and `values` lacks.
    """
    text = ENVIRONMENT.get_template(f"{template}.md.j2").render({**values, "context": context})
    return fit(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", more=context.run)


def address(context: Context, url: str) -> str:
    """`url` when it is one of ours (below the repository, or the run) or https on an allowed host, else nothing."""
    if not ADDRESS.fullmatch(url):
        return ""
    if url in (context.repository, context.run) or url.startswith(f"{context.repository}/"):
        return url
    parts = urlsplit(url)
    return url if parts.scheme == "https" and parts.netloc.lower() in context.link_hosts else ""


def line(context: Context, value: object, *, limit: int = 1000) -> Inert:
    """Any value as one inert line without secrets."""
    return Inert(sanitize.inline(redact(str(value), values=context.secrets), limit=limit))


@pass_context
def _finalize(frame: Frame, value: object) -> object:
    if isinstance(value, Inert | Undefined):
        return value
    return value if isinstance(value, int | float) else line(frame["context"], value)


@pass_context
def _block(frame: Frame, value: str) -> Inert:
    context = frame["context"]
    host = urlsplit(context.repository).netloc
    return Inert(sanitize.sanitize(redact(value, values=context.secrets), link_hosts=(*context.link_hosts, host)))


@pass_context
def _fence(frame: Frame, value: str, info: str = "text") -> Inert:
    return Inert(sanitize.code(redact(value, values=frame["context"].secrets), info=info))


@pass_context
def _code(frame: Frame, value: object) -> Inert:
    return Inert(sanitize.code_span(redact(str(value), values=frame["context"].secrets)))


@pass_context
def _link(frame: Frame, value: object, url: str) -> Inert:
    text, target = line(frame["context"], value), address(frame["context"], url)
    return Inert(f"[{text}]({target})") if target and text else text


@pass_context
def _commit(frame: Frame, value: str | None) -> Inert:
    if not value or not re.fullmatch(r"[0-9a-f]{40}", value):
        return Inert("")
    return Inert(f"[`{value[:7]}`]({frame['context'].repository}/commit/{value})")


@pass_context
def _place(frame: Frame, path: str, number: int, commit: str) -> Inert:
    """A file and line as a link into the commit."""
    shown = _code(frame, f"{path}:{number}" if number else path)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", path) or not re.fullmatch(r"[0-9a-f]{40}", commit):
        return shown
    return Inert(f"[{shown}]({frame['context'].repository}/blob/{commit}/{path}{f'#L{number}' if number else ''})")


@pass_context
def _link_to(frame: Frame, value: Inert, url: str) -> Inert:
    """Inert Markdown as the text of a link, when `url` may be linked."""
    target = address(frame["context"], url)
    return Inert(f"[{value}]({target})") if target and value else value


def _trusted(value: str) -> Inert:
    """For words of our own and numbers only."""
    return Inert(value)


def _commands(value: str, indent: int = 0) -> Inert:
    """Commands of ours to copy. What people wrote must have gone through `plain` before it becomes part of them."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", value)), default=0))
    return Inert(f"\n{' ' * indent}".join([fence, *value.split("\n"), fence]))


@pass_context
def _short(frame: Frame, value: object, limit: int) -> Inert:
    """One inert line of at most `limit` characters of text."""
    return line(frame["context"], value, limit=limit)


def _duration(seconds: float) -> Inert:
    if seconds < 10:
        return Inert(f"{seconds:.1f} s")
    minutes, rest = divmod(round(seconds), 60)
    return Inert(f"{minutes} min {rest} s" if minutes else f"{rest} s")


def _several(number: int, one: str) -> Inert:
    return Inert(f"{number} {one}{'' if number == 1 else 's'}")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        finalize=_finalize,
        autoescape=False,  # noqa: S701 - `_finalize` escapes for Markdown, which is not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        block=_block, fence=_fence, code=_code, link=_link, commit=_commit, place=_place, duration=_duration,
        several=_several, short=_short, link_to=_link_to, trusted=_trusted, commands=_commands,
    )  # fmt: skip
    return environment


ENVIRONMENT = _environment()
