"""An exception of a model call -> what became of the call, and why in our words. No text of a server is repeated."""

from typing import Literal

Outcome = Literal["refused", "cut", "malformed", "timeout", "overloaded", "unavailable", "budget", "loop"]


def outcome_of(error: BaseException) -> tuple[Outcome, str]:
    """Every way in which a model fails to answer. What is not known is `unavailable`: nobody answered."""
    from pydantic_ai import exceptions as known

    if isinstance(error, known.ContentFilterError):
        return "refused", "the model refused to answer"
    if isinstance(error, known.UsageLimitExceeded):
        if "request_limit" in str(error) or "tool_calls_limit" in str(error):
            return "loop", "the model went on calling tools until its limit of requests"
        return "budget", "the answer would have gone beyond the role's limit of tokens"
    if isinstance(error, known.OutputTokenLimitExceeded | known.IncompleteToolCall):
        return "cut", "the answer was cut by the limit of tokens"
    if isinstance(error, known.UnexpectedModelBehavior):
        return "malformed", "the model's answers were not of the form that was asked for"
    if isinstance(error, TimeoutError | known.RunCancelled | known.ModelTimeoutError | known.ModelRequestTimeout):
        return "timeout", "the model did not answer in time"
    if isinstance(error, known.ModelRateLimitError | known.ModelOverloadedError | known.ModelQuotaExceededError):
        return "overloaded", "the model's provider takes no more requests now (rate limit, quota or overload)"
    if isinstance(error, known.ModelAuthenticationError):
        return "unavailable", "the model's provider did not accept the key"
    if isinstance(error, known.ModelNotFoundError):
        return "unavailable", "the provider has no such model, or its address is wrong"
    if isinstance(error, known.ModelContextWindowExceededError):
        return "budget", "the question is longer than the model reads"
    if isinstance(error, known.ModelHTTPError):
        return "unavailable", f"the model's provider answered {error.status_code}"
    if isinstance(error, known.ModelAPIError):
        return "unavailable", "the model's provider could not be reached, or answered something unreadable"
    return "unavailable", f"the model could not be asked ({type(error).__name__})"
