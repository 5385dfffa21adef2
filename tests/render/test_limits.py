"""A body of any size fits, keeps its ends, and leaves nothing open."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agent.render.limits import LIMIT, fit, size

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def test_what_fits_is_not_touched() -> None:
    assert fit("x" * LIMIT) == "x" * LIMIT


def test_head_and_tail_stay_and_the_note_says_what_is_missing() -> None:
    text = "\n".join(f"line {number}" for number in range(20_000))
    made = fit(text, more="https://github.com/acme/infra/actions/runs/1")
    assert size(made) <= LIMIT
    assert made.startswith("line 0\nline 1\n")
    assert made.endswith("line 19998\nline 19999")
    assert re.search(r"… [\d,]+ characters \([\d,]+ lines\) left out here.*\(https://github.com/acme", made)


def test_fences_and_details_are_closed_and_opened_again() -> None:
    text = "\n".join(
        ["start", "<details><summary>log</summary>", "", "````text", *["row"] * 30_000, "````", "", "</details>", "end"]
    )
    made = fit(text)
    before, after = made.split("**…")
    assert before.rstrip().endswith("````\n\n</details>")
    assert "<details><summary>continued</summary>\n\n````text\n" in after
    assert after.endswith("````\n\n</details>\nend")


def test_a_fence_in_a_list_is_closed_where_it_stands() -> None:
    text = "\n".join(["- first:", "", "  ```sh", *["  row"] * 30_000, "  ```", "", "**end**"])
    made = fit(text)
    assert "\n  ```\n\n**… " in made
    html = PARSER.render(made)
    assert html.count("<pre>") == 2
    assert html.rstrip().endswith("<p><strong>end</strong></p>")


def test_a_table_goes_on_under_its_own_heading() -> None:
    rows = [f"| a{number} | b{number} |" for number in range(10_000)]
    made = fit("\n".join(["before", "", "| One | Two |", "|---|--:|", *rows, "", "after"]))
    assert made.count("| One | Two |\n|---|--:|\n| a") == 2
    html = PARSER.render(made)
    assert html.count("<table>") == 2
    assert "<td>a9999</td>" in html
    assert "| a" not in html


@pytest.mark.parametrize("char", ["ü", "漢", "😀", "e\u0301"])
def test_the_size_is_counted_in_bytes_and_no_character_is_torn(char: str) -> None:
    made = fit("\n".join([char * 100] * 2_000))
    assert LIMIT * 0.9 < size(made) <= LIMIT
    assert "\ufffd" not in made
    fenced = fit("```\n" + char * 100_000 + "\n```\nend")
    assert size(fenced) <= LIMIT
    assert "\ufffd" not in fenced


def test_line_ends_of_windows_are_line_ends() -> None:
    text = "\r\n".join(
        ["<details><summary>x</summary>", "", "```text", *["row"] * 30_000, "```", "", "</details>", "z"]
    )
    made = fit(text)
    assert "\n```\n\n</details>\n\n**…" in made
    assert made.endswith("```\n\n</details>\nz")


def test_a_line_that_is_too_long_is_never_cut_in_the_middle_of_markdown() -> None:
    made = fit("head\n`@octocat " + "x" * 100_000 + "`\ntail")
    assert "@octocat" not in made
    assert "(a line of 100,011 characters)" in made
    fenced = fit("```\n" + "y" * 100_000 + "\n```\n")
    assert "yyy… (100,000 characters)" in fenced
    row = fit("| a |\n|---|\n| `@octocat " + "x" * 100_000 + "` |\n| b |")
    assert "@octocat" not in row
    assert PARSER.render(row).count("<tr>") == 3


def test_what_cannot_be_cut_sensibly_is_a_note() -> None:
    made = fit("\n".join(["<details><summary>x</summary>", ""] * 3_000), limit=2_000)
    assert made.startswith("**… ")
    assert size(made) <= 2_000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "a" * 50, "", "```", "````text", "~~~", "<details><summary>x</summary>", "</details>", "b" * 700,
                "| a |", "|---|", "  ```", "漢" * 90, "\r",
            ]
        ),
        max_size=200,
    )
)  # fmt: skip
def test_anything_fits(lines: list[str]) -> None:
    made = fit("\n".join(lines), limit=3000)
    assert size(made) <= 3000


LEAF = st.sampled_from(
    [
        "word " * 20,
        "```hcl\n" + "x = 1\n" * 30 + "```",
        "````text\n```\n" + "y\n" * 30 + "````",
        "| One | Two |\n|---|---|\n" + "| a | `b` |\n" * 25 + "| c | d |",
        "- one\n- two:\n\n  ```sh\n" + "  /agent plan\n" * 20 + "  ```\n\n- three",
        "漢字かな交じり" * 12,
    ]
)
BLOCKS = st.recursive(
    st.lists(LEAF, min_size=1, max_size=8).map("\n\n".join),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda parts: "\n\n".join(f"<details><summary>more</summary>\n\n{part}\n\n</details>" for part in parts)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=5).map("\n\n".join))
def test_what_was_whole_stays_whole(text: str) -> None:
    made = fit(f"{text}\n\nthe **end**", limit=2_000)
    assert size(made) <= 2_000
    html = PARSER.render(made)
    assert html.count("<details") == html.count("</details>")
    assert html.rstrip().endswith("<p>the <strong>end</strong></p>"), made
    outside = re.sub(r"<pre>.*?</pre>", "", html, flags=re.DOTALL)
    assert "```" not in outside, made
    assert "| a |" not in outside, made
    assert "/agent plan" not in outside, made
