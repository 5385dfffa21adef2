"""Seeded changes and models -> how much of what is wrong the analyst finds, and how much it makes up."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.domain import ModelCall, Value
from agent.errors import UserError
from agent.evals.report import share
from agent.evals.seeded import Judged, Score, ask, cases, judge, load_seeds, score
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import Providers
from agent.models.roles import Role
from agent.settings import Ceiling, Settings

# What a release of this project is held to: docs/evals.md.
LEAST_RECALL, MOST_PHANTOM, MOST_ALARMS = 0.90, 0.15, 0.40


class Reviewed(Value):
    """Every review, judged, and the score of all of them; `unasked` were not begun for their price."""

    version: int = 1
    dataset: str
    models: tuple[str, ...]
    score: Score
    unasked: int
    judged: tuple[Judged, ...]
    calls: tuple[ModelCall, ...]


def reviewed(
    path: Path,
    *,
    only: Sequence[str],
    role: Role,
    providers: Providers,
    settings: Settings,
    usd: float,
    tell: Callable[[str], None],
) -> Reviewed:
    """Ask the analyst about every seed in every disguise, until it took `usd` dollars, as far as prices are known.

    The order is mixed, and the same each time, so that what the price cuts off is no kind of its own. Raises UserError:
    no seeds, or none of the names in `only`.
    """
    seeds = load_seeds(path)
    missing = [name for name in only if name not in {seed.id for seed in seeds}]
    if missing:
        raise UserError(f"--only: {missing[0]}: no such seed in {path.name}")
    waiting = list(cases([seed for seed in seeds if not only or seed.id in only]))
    random.Random(0).shuffle(waiting)  # noqa: S311 - the same order each time
    found: list[Judged] = []
    spent: list[ModelCall] = []
    for case in waiting:
        budget = Budget(request=settings.models.request, day=Ceiling(usd=usd), today=tuple(spent))
        if why := budget.exhausted((), role):
            tell(why)
            break
        models = Models(providers, budget, tell=tell)
        found.append(judge(case, ask(case, models=models, role=role)))
        spent += models.calls
    return Reviewed(
        dataset=path.name,
        models=tuple(sorted({call.model for call in spent})),
        score=score(found),
        unasked=len(waiting) - len(found),
        judged=tuple(found),
        calls=tuple(spent),
    )


def text_of(made: Reviewed) -> str:
    """The result for people."""
    score = made.score
    lines = [f"{made.dataset}: {len(made.judged)} reviews by {', '.join(made.models) or 'nobody'}"]
    lines.append(f"  found what is wrong   {share(score.recall)}")
    lines += [
        f"    {name:<19} {share(one.recall)}" for name, one in (*score.by_disguise.items(), *score.by_topic.items())
    ]
    lines.append(f"  rested on nothing     {share(score.phantom, of='findings')}")
    lines += [
        f"    {name:<19} {share(one.phantom, of='findings')}"
        for name, one in (*score.by_disguise.items(), *score.by_topic.items())
        if one.phantom is not None and one.phantom.value
    ]
    lines.append(f"  beside the fault      {share(score.beside, of='findings')}")
    lines.append(f"  alarms at no fault    {share(score.alarms)}")
    if score.unanswered:
        lines.append(f"  {score.unanswered} reviews gave no usable answer; they count as not found")
    if made.unasked:
        lines.append(f"  {made.unasked} reviews were not begun: the price that was allowed is spent")
    lines += short_of(score) or ["On these cases it reaches what a release is held to."]
    lines.append("Intervals are Wilson's at 95 %. The disguises of one fault count as one case.")
    return "\n".join(lines) + "\n"


def short_of(score: Score) -> list[str]:
    """What a release is held to and this does not reach, a sentence each. Who says nothing says nothing wrong."""
    found = score.recall.value if score.recall else 0.0
    made_up = score.phantom.value if score.phantom else 0.0
    alarms = score.alarms.value if score.alarms else 0.0
    bars = (
        (found >= LEAST_RECALL, f"at least {LEAST_RECALL:.0%} of what is wrong found, here {found:.1%}"),
        (made_up <= MOST_PHANTOM, f"at most {MOST_PHANTOM:.0%} that rests on nothing, here {made_up:.1%}"),
        (alarms <= MOST_ALARMS, f"at most {MOST_ALARMS:.0%} alarms at no fault, here {alarms:.1%}"),
    )
    return [f"A release needs {what}." for reached, what in bars if not reached]


def exit_code(made: Reviewed) -> int:
    """0: every review was asked for and answered; 2: not."""
    return 2 if made.unasked or made.score.unanswered or not made.judged else 0
