"""Markdown as the pages show it: what GitHub shows, and nothing that could act."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sandbox.pages.markdown import has_mermaid, render

ACTIVE = re.compile(r"<\s*(script|iframe|object|form|button|img|svg|style|link|meta|base|textarea)\b|\son\w+\s*=", re.I)


def test_shows_what_github_shows() -> None:
    html = render("- [x] done\n- [ ] open\n\n| a | b |\n|---|--:|\n| ~~1~~ | 2 |\n\n> [!WARNING]\n> careful\n")
    assert html.count('type="checkbox"') == 2
    assert html.count("checked") == 1
    assert 'style="text-align:right"' in html
    assert "<s>1</s>" in html
    assert "markdown-alert-warning" in html


def test_details_hold_markdown_and_code() -> None:
    html = render("<details><summary>Log</summary>\n\n```hcl\na = 1 # <b>\n```\n\n</details>\n")
    assert "<details><summary>Log</summary>" in html
    assert '<span class="hl-comment"> # &lt;b&gt;</span>' in html


def test_markers_are_not_shown() -> None:
    assert "marker" not in render("<!-- infra-agent:marker -->\nHello")


def test_mermaid_is_kept_as_text_for_the_script() -> None:
    html = render('```mermaid\ngraph LR; A["<img src=x onerror=alert(1)>"]-->B\n```')
    assert '<pre class="mermaid">graph LR; A["&lt;img' in html
    assert has_mermaid(html)
    assert not has_mermaid(render("```\nmermaid\n```"))


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        '<a href="javascript:alert(1)" onclick="alert(1)">a</a>',
        "<form action=/o/r/pull/1/merge method=post><button>Merge</button></form>",
        "![p](https://example.org/track.png)",
        '<div style="position:fixed;inset:0" class="flash">x</div>',
        "<svg><style>*{display:none}</style></svg>",
        "![a](data:image/svg+xml;base64,PHN2Zz4=)",
    ],
)
def test_nothing_active_comes_through(text: str) -> None:
    html = render(text, repo="o/r")
    assert not ACTIVE.search(html), html
    assert "javascript:" not in re.findall(r'href="([^"]*)"', html)
    assert "position" not in html or "&lt;" in html
    assert "flash" not in html


@given(st.text(alphabet="<>/\"'=abcdefonclickscriptimgsr: \n`[]()!#@-_*|~&;", max_size=200))
def test_no_text_becomes_active(text: str) -> None:
    html = render(text, repo="o/r")
    outside = re.sub(r">[^<]*", ">", str(html))
    assert not ACTIVE.search(outside), html
    assert not any(
        link.lower().lstrip().startswith(("javascript", "data", "vbscript"))
        for link in re.findall(r'href="([^"]*)"', html)
    )


def test_references_become_links() -> None:
    sha = "0123456789012345678901234567890123456789"
    html = render(f"@lena see #12, a/b#3 and {sha}, not `#4`, x#5, https://h/#6 or [see #7](https://h)", repo="o/r")
    assert '<span class="mention">@lena</span>' in html
    assert '<a href="/o/r/issues/12"' in html
    assert '<a href="/a/b/issues/3"' in html
    assert f'<a href="/o/r/commit/{sha}" class="sha"' in html
    assert "issues/4" not in html
    assert "issues/5" not in html
    assert "issues/6" not in html
    assert "issues/7" not in html


def test_a_file_name_is_no_address() -> None:
    assert "<a" not in render("main.tf and terraform.io")


def test_relative_links_of_a_file_are_under_its_folder() -> None:
    html = render("[a](docs/a.md) [b](./b.md) [c](#c) [d](/d) [e](https://e)", repo="o/r", base="/o/r/blob/main/x")
    assert re.findall(r'href="([^"]*)"', html) == [
        "/o/r/blob/main/x/docs/a.md", "/o/r/blob/main/x/b.md", "#c", "/d", "https://e",
    ]  # fmt: skip


def test_line_ends_show_in_comments_only() -> None:
    assert "<br" in render("a\nb")
    assert "<br" not in render("a\nb", breaks=False)
