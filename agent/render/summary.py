"""How one job ended -> what it says in `$GITHUB_STEP_SUMMARY`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from agent.domain import Document
from agent.render.page import Context, render

MOST = 20
# Fields of documents that hold the number of an issue or a pull request -> what that is.
NUMBERS = {"number": "issue", "issue": "issue", "pull_request": "pull request"}


class Usage(Protocol):
    """What a job asked of GitHub: calls in all, those that write, seconds waited, calls left of the hour."""

    calls: int
    writes: int
    waited: float
    left: int | None


def job_summary(
    context: Context,
    *,
    job: str,
    status: str,
    reasons: Sequence[str] = (),
    links: Mapping[str, int] | None = None,
    usage: Usage | None = None,
) -> str:
    """A few lines. `links` are numbers of issues and pull requests by what they are; every text is made inert."""
    values = {"job": job, "status": status, "reasons": list(reasons)[:MOST], "more": max(len(reasons) - MOST, 0)}
    return render("summary", context, {**values, "links": links or {}, "calls": _calls(usage)})


def numbers(documents: Iterable[Document]) -> dict[str, int]:
    """The issue and the pull request that documents are about."""
    found = {
        what: getattr(document, field, None)
        for document in documents
        for field, what in NUMBERS.items()
        if getattr(document, field, None)
    }
    return {what: number for what, number in found.items() if isinstance(number, int)}


def _calls(usage: Usage | None) -> str:
    if usage is None or not usage.calls:
        return ""
    parts = [f"{usage.calls} calls to GitHub's API, {usage.writes} of them to write"]
    if usage.waited >= 1:
        parts.append(f"{usage.waited:.0f} s waited for it")
    if usage.left is not None:
        parts.append(f"{usage.left} calls left of this hour")
    return "; ".join(parts)
