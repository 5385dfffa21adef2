"""A review -> the pull request's section on it, its inline comments, its check run. Pure."""

from collections.abc import Sequence

from agent.domain import Finding, Review
from agent.render import sanitize
from agent.render.outputs import CheckOutput, beside_lines, without_marker
from agent.render.page import Context, Inert, line, render
from agent.render.redact import redact
from agent.render.rows import LEVELS, MOST_FOLDED, TABLES, by_gravity
from agent.render.spending import spending
from agent.render.stages import several, summary_of_findings

MOST_INLINE = 30
ICONS = {"passed": "🔎", "findings": "🔎", "inconclusive": "⚠️", "none": "▫️"}


def review_headline(review: Review) -> str:
    """How the second opinion ended, in a few words of ours."""
    if review.status == "findings":
        return summary_of_findings(review.findings)
    return {"passed": "nothing found", "inconclusive": "inconclusive", "none": "none was had"}[review.status]


def review_section(
    context: Context, review: Review, *, commit: str, required: bool, stopping: Sequence[Finding] = ()
) -> str:
    """What the reviewer says, gravest first, who it is, and what its word counts for.

    `required` says that the change is not ready without a review, `stopping` are the findings that make it need work.
    """
    ordered = by_gravity(review.findings)
    values = {
        "icon": ICONS[review.status],
        "counted": review_headline(review),
        "status": review.status,
        "reason": review.reason,
        "required": required,
        "shown": ordered[:MOST_FOLDED],
        "more": len(ordered[MOST_FOLDED:]),
        "stops": [finding in stopping for finding in ordered[:MOST_FOLDED]],
        "dropped": review.dropped,
        "spent": Inert(redact(spending(review.calls), values=context.secrets)),
        "commit": commit,
    }
    return render("review", context, {**TABLES, **values})


def review_comments(context: Context, review: Review) -> tuple[Finding, ...]:
    """The findings that rest on a line that stands in the change, gravest first, each message as inert Markdown."""
    placed = [one for one in by_gravity(review.findings) if one.path and one.line]
    return tuple(one.model_copy(update={"message": _beside(context, one)}) for one in placed[:MOST_INLINE])


def _beside(context: Context, finding: Finding) -> str:
    rule = sanitize.code_span(redact(finding.rule, values=context.secrets))
    return f"{LEVELS[finding.severity]} · {rule}\n\n{line(context, finding.message, limit=1_000)}\n"


def review_note(review: Review, comments: Sequence[Finding]) -> str:
    """What the pull-request review around the inline comments says."""
    counted = several(len(comments), "finding")
    others = len(review.findings) - len(comments)
    more = f" {others} more without a line: see the section “Second opinion”." if others else ""
    return f"Second opinion of a model: {counted} beside the lines they rest on. It approves nothing.{more}\n"


def review_output(
    context: Context, review: Review, *, commit: str, required: bool, stopping: Sequence[Finding] = ()
) -> CheckOutput:
    """For `agent/review`: a failure when a finding stops the change, or when a review is required and missing; neutral
    when it is missing and not required.
    """
    missing = review.status not in ("passed", "findings")
    bad = bool(stopping) or (missing and required)
    section = review_section(context, review, commit=commit, required=required, stopping=stopping)
    return CheckOutput(
        conclusion="failure" if bad else "neutral" if missing else "success",
        title=review_headline(review),
        summary=without_marker(section),
        findings=beside_lines(context, review.findings),
    )
