"""What was spent and what may be spent -> what one more question may take, or why there is none. Pure."""

from collections.abc import Iterable, Sequence

from agent.domain import ModelCall, Value
from agent.models.roles import Limits, Role
from agent.settings import Ceiling


class Budget(Value):
    """Ceilings, and what was spent before this process began: by earlier jobs of the request, and today by others.

    A call whose price is not known counts with its tokens and seconds only, and is said to.
    """

    request: Ceiling = Ceiling()
    day: Ceiling = Ceiling()
    before: tuple[ModelCall, ...] = ()
    today: tuple[ModelCall, ...] = ()

    def exhausted(self, calls: Sequence[ModelCall], role: Role) -> str:
        """Why `role` may not be asked any more after `calls`; empty when it may."""
        for what, ceiling, spent in (
            ("this request", self.request, (*self.before, *calls)),
            ("today", self.day, (*self.today, *calls)),
        ):
            for unit, most, used in _used(ceiling, spent):
                if used >= most:
                    return f"the budget of {what} is spent: {used:g} of {most:g} {unit}; {role.name} was not asked"
        return ""

    def left(self, calls: Sequence[ModelCall], role: Role) -> Limits:
        """The role's own limits, less where a ceiling leaves less."""
        least = role.limits.model_dump()
        for ceiling, spent in ((self.request, (*self.before, *calls)), (self.day, (*self.today, *calls))):
            for unit, most, used in _used(ceiling, spent):
                rest = most - used
                if unit == "tokens":
                    least["input_tokens"] = max(1_000, min(least["input_tokens"], int(rest)))
                    least["output_tokens"] = max(100, min(least["output_tokens"], int(rest)))
                elif unit == "seconds":
                    least["seconds"] = max(1, min(least["seconds"], int(rest)))
                else:
                    least["usd"] = max(0.0001, min(least["usd"], rest))
        return Limits.model_validate(least)


def tokens(calls: Iterable[ModelCall]) -> int:
    """Tokens read and written by `calls`."""
    return sum(call.input_tokens + call.output_tokens for call in calls)


def usd(calls: Iterable[ModelCall]) -> float:
    """The known part of the price of `calls`."""
    return sum(call.usd or 0.0 for call in calls)


def _used(ceiling: Ceiling, spent: Sequence[ModelCall]) -> list[tuple[str, float, float]]:
    kinds = (
        ("tokens", ceiling.tokens, float(tokens(spent))),
        ("USD", ceiling.usd, usd(spent)),
        ("seconds", ceiling.seconds, sum(call.seconds for call in spent)),
    )
    return [(unit, float(most), used) for unit, most, used in kinds if most is not None]
