"""Whatever comes in, what GitHub would make of the answer is inert."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent import commands
from agent.render.sanitize import code, code_span, inline, plain, sanitize

HOSTS = ("github.com", "docs.example.org")
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub makes a link of by itself; it does not guess at bare domains.
AUTOLINK = re.compile(r"[a-z][a-z0-9+.-]*://|(?:^|[^A-Za-z0-9])//\w|\b(?:mailto|xmpp):\S", re.IGNORECASE)
FORBIDDEN = {"image", "html_inline", "html_block"}
MENTION = re.compile(r"[@＠]\w")
REFERENCE = re.compile(r"#\d|\bGH-\d", re.IGNORECASE)
WWW = re.compile(r"(?:^|[^A-Za-z0-9])www\.\w", re.IGNORECASE)


def leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (token.children if token.children is not None else [token])]


def assert_inert(markdown: str, *, tables: bool = False) -> None:
    tokens = leaves(PARSER.parse(markdown))
    kinds = {token.type for token in tokens}
    assert not kinds & FORBIDDEN, markdown
    assert tables or not {"table_open", "td_open"} & {token.type for token in PARSER.parse(markdown)}, markdown
    for token in tokens:
        if token.type == "link_open":
            target = str(token.attrs["href"])
            assert target.startswith(tuple(f"https://{host}" for host in HOSTS)), markdown
            assert re.match(r"https://(?:github\.com|docs\.example\.org)(?:/|\Z)", target), markdown
        if token.type == "text":
            assert not MENTION.search(token.content), markdown
            assert not REFERENCE.search(token.content), markdown
            assert not WWW.search(token.content), markdown
            assert not AUTOLINK.search(token.content), markdown
    assert not re.search(r"<!-+\s*infra-agent", markdown), markdown
    for line in markdown.split("\n"):
        assert not isinstance(commands.parse(line), commands.Command), markdown
        assert not line.startswith(("/", "@", "!")), markdown


HOSTILE = st.sampled_from(
    [
        "@octocat",
        "_www.evil.example_",
        "<!--",
        "infra-agent",
        "@org/team",
        "/agent plan",
        "/agent revise x",
        "#12",
        "GH-7",
        "org/repo#3",
        "Fixes #1",
        "![a](https://e.x/?d=1)",
        "[a](https://evil.example)",
        "[a](https://github.com/a)",
        "[https://github.com](https://evil.example)",
        "<img src=x>",
        "<!-- infra-agent:status -->",
        "<details>",
        "`",
        "``",
        "```",
        "````",
        "~~~",
        "```mermaid",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "- ",
        "* ",
        "1. ",
        "> ",
        "# ",
        "|",
        "|---|",
        "---",
        "===",
        "\\",
        "\\@",
        "&#64;",
        "&commat;",
        "&lt;",
        "&amp;",
        "$",
        "$$",
        "**",
        "_",
        "~~",
        "!",
        "[",
        "]",
        "(",
        ")",
        "[x]: https://evil.example",
        "https://evil.example/?q=1",
        "https://github.com/a/b",
        "https://github.com@evil.example",
        "www.evil.example",
        "javascript:alert(1)",
        "//evil.example",
        "mailto:a@b.c",
        "a@b.c",
        "\u200b",
        "\u2060",
        "\u202e",
        "\u00ad",
        "\x1b[31m",
        "\x00",
        "\ufe0f",
        "😀",
        "bors r+",
        "@dependabot merge",
        "/lgtm",
        "\r",
        "\v",
        "\x85",
        "\u2028",
        "<",
        ">",
        "<https://evil.example>",
        "word",
        " ",
        "é",
        "java\nscript:x",
    ]
)
TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(HOSTILE, max_size=14).map("".join),
    st.lists(st.one_of(HOSTILE, st.text(max_size=4)), max_size=14).map("".join),
    st.text(alphabet="`@a\\[]()!<>#1|-*_~&;: \n/", max_size=40),
)
MANY = settings(max_examples=600, deadline=None)


@MANY
@given(TEXT)
@example("\xa0")
def test_a_block_is_inert_stable_and_bounded(text: str) -> None:
    made = sanitize(text, link_hosts=HOSTS)
    assert_inert(made)
    assert sanitize(made, link_hosts=HOSTS) == made
    assert len(made) <= 8 * len(text) + 16


@MANY
@given(TEXT)
def test_a_line_is_inert_stable_and_bounded_alone_and_in_a_table(text: str) -> None:
    made = inline(text)
    assert "\n" not in made
    assert "|" not in made
    assert_inert(made)
    assert inline(made) == made
    assert len(made) <= 8 * len(text) + 16
    table = f"| a | b |\n|---|---|\n| {made} | end |"
    assert_inert(table, tables=True)
    assert PARSER.render(table).count("<td>") == 2


@MANY
@given(TEXT)
def test_a_code_block_is_one_fence_and_stable(text: str) -> None:
    made = code(text, info=text[:9])
    tokens = PARSER.parse(made)
    assert [token.type for token in tokens] == ["fence"]
    assert_inert(made)
    assert sanitize(made, link_hosts=HOSTS) == made


@MANY
@given(TEXT)
def test_a_code_span_is_one_span_even_in_a_table(text: str) -> None:
    made = code_span(text)
    assert_inert(made)
    table = f"| a | b |\n|---|---|\n| {made} | end |"
    assert PARSER.render(table).count("<td>") == 2


@MANY
@given(TEXT)
def test_plain_text_has_nothing_that_acts(text: str) -> None:
    made = plain(text)
    assert "\n" not in made
    assert not MENTION.search(made)
    assert not REFERENCE.search(made)
    assert "://" not in made
    assert not made.startswith("/")
    assert plain(made) == made
