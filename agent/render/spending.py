"""Calls of models -> a Markdown table of what they took, for comments and summaries. Pure."""

from collections.abc import Sequence

from agent.domain import ModelCall
from agent.render.sanitize import code_span

HEAD = (
    "| role | model | outcome | requests | tokens in | from the cache | tokens out | seconds | price |\n"
    "|---|---|---|---:|---:|---:|---:|---:|---:|"
)
NOT_KNOWN = "not known"


def spending(calls: Sequence[ModelCall]) -> str:
    """One row a call in their order, and their sum; empty when no model was asked.

    A price that is not known is said, in its row and beside the sum, which is then the least that was paid.
    """
    if not calls:
        return ""
    rows = [_row(code_span(call.role), code_span(call.model), call.outcome, [call], _price(call.usd)) for call in calls]
    known = [call.usd for call in calls if call.usd is not None]
    total = _price(sum(known)) if known else NOT_KNOWN
    if known and len(known) < len(calls):
        total = f"at least {total}"
    if len(calls) > 1:
        rows.append(_row("**all**", "", "", calls, f"**{total}**"))
    unknown = len(calls) - len(known)
    note = f"\n\nThe price of {unknown} of {len(calls)} calls is not known." if unknown else ""
    return "\n".join([HEAD, *rows]) + note


def _row(role: str, model: str, outcome: str, calls: Sequence[ModelCall], price: str) -> str:
    numbers = (
        sum(call.requests for call in calls),
        sum(call.input_tokens for call in calls),
        sum(call.cache_read_tokens for call in calls),
        sum(call.output_tokens for call in calls),
    )
    seconds = sum(call.seconds for call in calls)
    cells = [role, model, outcome, *(f"{number:,}" for number in numbers), f"{seconds:.1f}", price]
    return f"| {' | '.join(cells)} |"


def _price(usd: float | None) -> str:
    if usd is None:
        return NOT_KNOWN
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"
