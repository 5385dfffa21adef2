"""Coloured code: escaped, and whole on every line."""

import pytest

from agent.sandbox.pages.highlight import MAX_CHARACTERS, highlight, highlight_lines, language_of


@pytest.mark.parametrize("language", ["", "hcl", "no-such-language", "yaml"])
def test_code_is_escaped(language: str) -> None:
    html = highlight('<script>alert("x")</script> # <b>', language=language)
    assert "<script" not in html
    assert "<b>" not in html


def test_each_line_is_complete_in_itself() -> None:
    lines = highlight_lines("a = <<EOT\n<x>\nEOT\n/* one\ntwo */\n", language="hcl")
    assert len(lines) == 5
    assert all(line.count("<span") == line.count("</span>") for line in lines)
    assert '<span class="hl-comment">two */</span>' in lines[4]


def test_a_very_long_text_stays_plain() -> None:
    assert "<span" not in highlight("a = 1\n" * (MAX_CHARACTERS // 6 + 1), language="hcl")


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/main.tf", "tf"),
        ("x.YML", "yml"),
        ("Makefile", "make"),
        ("LICENSE", ""),
        ("a.exe", ""),
        ("Dockerfile", "dockerfile"),
    ],
)
def test_the_language_is_read_off_the_name(path: str, language: str) -> None:
    assert language_of(path) == language
