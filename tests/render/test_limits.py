"""A body of any size fits, keeps its ends, and leaves nothing open."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.render.limits import LIMIT, fit


def test_what_fits_is_not_touched() -> None:
    assert fit("x" * LIMIT) == "x" * LIMIT


def test_head_and_tail_stay_and_the_note_says_what_is_missing() -> None:
    text = "\n".join(f"line {number}" for number in range(20_000))
    made = fit(text, more="https://github.com/acme/infra/actions/runs/1")
    assert len(made) <= LIMIT
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


def test_a_line_that_is_too_long_is_never_cut_in_the_middle_of_markdown() -> None:
    made = fit("head\n`@octocat " + "x" * 100_000 + "`\ntail")
    assert "@octocat" not in made
    assert "(a line of 100,011 characters)" in made
    fenced = fit("```\n" + "y" * 100_000 + "\n```\n")
    assert "yyy… (100,000 characters)" in fenced


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["a" * 50, "", "```", "````text", "~~~", "<details><summary>x</summary>", "</details>", "b" * 700]
        ),
        max_size=200,
    )
)
def test_fits_and_is_balanced(lines: list[str]) -> None:
    made = fit("\n".join(lines), limit=3000)
    assert len(made) <= 3000
