"""An exception of a model call -> what became of the call, and why in our words. No text of a server is repeated."""

import json
from collections.abc import Iterator
from typing import Literal

from pydantic import ValidationError

Outcome = Literal["refused", "cut", "malformed", "timeout", "overloaded", "unavailable", "budget", "loop"]

# What the libraries raise for an answer that is JSON but has not the fields that they read.
UNREADABLE = (ValidationError, TypeError, AttributeError, LookupError, ValueError)


def outcome_of(error: BaseException) -> tuple[Outcome, str]:
    """Every way in which a model fails to answer. What is not known is `unavailable`: nobody answered."""
    from pydantic_ai import exceptions as known

    from agent.models.wire import TooLong

    if any(isinstance(one, TooLong) for one in _causes(error)):
        return "malformed", "the model's provider sent more than is read of an answer, or sent it packed"
    if isinstance(error, known.ContentFilterError):
        return "refused", "the model refused to answer"
    if isinstance(error, known.UsageLimitExceeded):
        if "request_limit" in str(error) or "tool_calls_limit" in str(error):
            return "loop", "the model went on calling tools until its limit of requests"
        return "budget", "the answer went beyond the role's limit of tokens or of its price"
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
        return "unavailable", "the question is longer than this model reads"
    if isinstance(error, known.ModelHTTPError):
        return "unavailable", f"the model's provider answered {error.status_code}"
    if isinstance(error, UNREADABLE) or any(isinstance(one, json.JSONDecodeError) for one in _causes(error)):
        return "malformed", f"what the model's provider sent is no answer of its own form ({type(error).__name__})"
    if isinstance(error, known.ModelAPIError):
        return "unavailable", "the model's provider could not be reached, or broke off"
    return "unavailable", f"the model could not be asked ({type(error).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what led to it, at most 20 steps back: the SDKs wrap what the connection raised."""
    current: BaseException | None = error
    for _ in range(20):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__
