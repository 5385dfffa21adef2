"""What people read of a second opinion."""

from collections.abc import Callable

import pytest

from agent.domain import Finding, ModelCall, Review
from agent.render.review import review_comments, review_note, review_output, review_section
from tests.render import examples as x

CALL = ModelCall(
    role="analyst", model="openai:gpt-6.1-sol", prompt="0123456789ab", outcome="ok", requests=1, input_tokens=5210,
    output_tokens=340, seconds=12.4, usd=0.031,
)  # fmt: skip
FINDINGS = (
    Finding(
        source="review", rule="review/cost", severity="low", message="Nobody asked for a second copy.",
        address='aws_s3_bucket.this["b"]',
    ),
    Finding(
        source="review", rule="review/security", severity="high", path=f"{x.UNIT}/main.tf", line=3,
        message="Everybody can read the logs: `acl` is public-read.",
    ),
    Finding(
        source="review", rule="review/request", severity="medium", path=f"{x.UNIT}/main.tf",
        message="The lifecycle rule that was there is gone; the request does not name it.",
    ),
)  # fmt: skip
FOUND = Review(status="findings", findings=FINDINGS, dropped=2, commit=x.COMMIT, calls=(CALL,))
CASES = {
    "review-findings.md": (FOUND, True, FINDINGS[1:2]),
    "review-aside.md": (FOUND, False, ()),
    "review-passed.md": (Review(status="passed", commit=x.COMMIT, calls=(CALL,)), True, ()),
    "review-inconclusive.md": (
        Review(
            status="inconclusive", reason="the model refused to answer", commit=x.COMMIT,
            calls=(CALL.model_copy(update={"outcome": "refused", "usd": None}),),
        ), True, (),
    ),
    "review-none.md": (Review(status="none", reason="no model of the role analyst is configured"), False, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_section_says_what_it_counts_for(name: str, golden: Callable[[str, str], None]) -> None:
    review, required, stopping = CASES[name]
    golden(name, review_section(x.CONTEXT, review, commit=x.COMMIT, required=required, stopping=stopping))


@pytest.mark.parametrize(
    ("name", "required", "conclusion"),
    [
        ("review-findings.md", True, "failure"),
        ("review-aside.md", True, "success"),
        ("review-passed.md", True, "success"),
        ("review-inconclusive.md", True, "failure"),
        ("review-inconclusive.md", False, "neutral"),
        ("review-none.md", True, "failure"),
        ("review-none.md", False, "neutral"),
    ],
)
def test_the_check_fails_where_the_change_is_held_up(name: str, required: bool, conclusion: str) -> None:
    review, _, stopping = CASES[name]
    made = review_output(x.CONTEXT, review, commit=x.COMMIT, required=required, stopping=stopping)
    assert made.conclusion == conclusion
    assert "infra-agent:" not in made.summary


def test_only_what_stands_at_a_line_is_said_beside_it() -> None:
    (beside,) = review_comments(x.CONTEXT, FOUND)
    assert (beside.path, beside.line) == (f"{x.UNIT}/main.tf", 3)
    assert beside.message.startswith("🔴 **high** · `review/security`\n\nEverybody can read")
    note = review_note(FOUND, [beside])
    assert "1 finding beside" in note
    assert "2 more without a line" in note
    assert "more" not in review_note(Review(status="findings", findings=FINDINGS[1:2]), [beside])
