"""A review and what the guardrails make of it -> the section, inline comments and check run on the pull request."""

from dataclasses import dataclass

from agent import verdict
from agent.domain import ChangeSet, Finding, Plan, Request, Review
from agent.github import write
from agent.github.connect import Connection
from agent.guardrails import Guardrails
from agent.render.page import Context, marker
from agent.render.review import review_comments, review_headline, review_note, review_output, review_section

CHECK = "agent/review"
NOT_REACHED = Review(status="none", reason="the job that asks for one did not come to an end")


@dataclass(frozen=True)
class Opinion:
    """A review as it counts: whether the change is not ready without one, and what in it stops the change."""

    review: Review
    required: bool
    stopping: tuple[Finding, ...]

    @property
    def in_brief(self) -> str:
        """For the verdict: how it ended, and why there is none."""
        why = f" ({self.review.reason})" if self.review.status in ("none", "inconclusive") else ""
        return f"{review_headline(self.review)}{why}"


def opinion_of(
    review: Review | None, *, change: ChangeSet | None, plan: Plan | None, request: Request, guardrails: Guardrails
) -> Opinion:
    """What `review` counts for, as the verdict counts it. One that is not of the planned commit is inconclusive."""
    made = review or NOT_REACHED
    if made.status in ("passed", "findings") and (why := verdict.unreviewed(plan, made)):
        made = made.model_copy(update={"status": "inconclusive", "reason": why})
    aside = verdict.set_aside(made, request.overrides)
    grave = verdict.holds_up(made.findings, guardrails.review)
    return Opinion(
        review=made,
        required=verdict.needs_review(change, guardrails.review),
        stopping=tuple(one for one in grave if one.rule not in aside),
    )


def tell_opinion(connection: Connection, context: Context, opinion: Opinion, *, number: int, commit: str) -> None:
    """Bring the section up to date, put findings beside their lines, and post the check run.

    Without a review there is no section of it, and an older one says so from then on.
    """
    review, mark = opinion.review, marker("review")
    section = review_section(context, review, commit=commit, required=opinion.required, stopping=opinion.stopping)
    if review.status == "none":
        write.update_comment(connection, number, marker=mark, body=section)
    else:
        write.upsert_comment(connection, number, marker=mark, body=section, log_url=context.run)
    if beside := review_comments(context, review):
        note = review_note(review, beside)
        write.review(connection, number, commit=commit, marker=mark, note=note, findings=beside)
    output = review_output(context, review, commit=commit, required=opinion.required, stopping=opinion.stopping)
    write.check_run(
        connection,
        name=CHECK,
        commit=commit,
        conclusion=output.conclusion,
        title=output.title,
        summary=output.summary,
        findings=output.findings,
        details_url=context.run,
    )
