"""Cases, a ground and models -> judged answers. Each answer has a budget of its own; a failure is an answer too."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from agent.domain import ModelCall
from agent.errors import UserError
from agent.evals.attempt import Attempt, attempt
from agent.evals.case import Case
from agent.evals.examination import examine
from agent.evals.ground import Ground
from agent.evals.judge import Judged, Said, ending, judge, passed
from agent.evals.record import keep, listening
from agent.evals.replay import Recording, replaying
from agent.evals.report import Answered
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import Providers, configured
from agent.models.roles import Role
from agent.settings import Ceiling

# Judged only where their tool was there: a quick run, or a machine without Terraform, makes none of these judgements.
OF_TOOLS = frozenset({"validate", "plan", "scope", "rego"})


def live(
    cases: Sequence[Case],
    ground: Ground,
    *,
    providers: Providers,
    roles: Mapping[str, Role],
    repeats: int,
    usd: float,
    tell: Callable[[str], None],
    record: Path | None = None,
) -> tuple[Answered, ...]:
    """Ask the models about every case, `repeats` times. No question is begun once all of them took `usd` dollars, as
    far as prices are known; what is left then is not judged. What they answer is kept in the folder `record`.
    """
    answers: list[Answered] = []
    spent: list[ModelCall] = []
    for repeat in range(1, repeats + 1):
        for case in cases:
            budget = Budget(request=ground.settings.models.request, day=Ceiling(usd=usd), today=tuple(spent))
            if why := budget.exhausted((), roles["strategist"]):
                answers.append(_answered(case, repeat=repeat, unable=why))
                continue
            with nullcontext((providers, None)) if record is None else listening(providers) as (asked, heard):
                made = attempt(case, ground, models=Models(asked, budget, tell=tell), roles=roles)
            spent += made.calls
            answers.append(judged(case, made, ground, repeat=repeat))
            if record is not None and heard is not None:
                keep(record, answers[-1], heard, roles=roles, tell=tell)
            tell(f"{case.id}: {'passed' if answers[-1].passed else answers[-1].unable or 'failed'}")
    return tuple(answers)


def recorded(
    cases: Sequence[Case], recordings: Sequence[Recording], ground: Ground, *, roles: Mapping[str, Role]
) -> tuple[Answered, ...]:
    """Replay every recording as the answer to its case, and hold the judgement against what the recording says.

    Raises UserError for a recording of a case that the dataset has not.
    """
    by_id = {case.id: case for case in cases}
    for one in recordings:
        if one.case not in by_id:
            raise UserError(f"{one.name}: is of the case {one.case}, which the dataset has not")
        if strange := set(one.models) - set(roles):
            raise UserError(f"{one.name}: models: {min(strange)}: no such role; there are {', '.join(roles)}")
    answers = []
    with replaying(recordings) as replay:
        for number, one in enumerate(recordings):
            models = Models(configured(replay.environ(number)), Budget(request=ground.settings.models.request))
            asked = {name: role.model_copy(update={"models": one.models.get(name, role.models)})
                     for name, role in roles.items()}  # fmt: skip
            made = attempt(by_id[one.case], ground, models=models, roles=asked)
            told = replay.told[number]
            answer = judged(by_id[one.case], made, ground, repeat=1)
            left = len(one.answers) - told.given
            unable = told.strayed[0] if told.strayed else f"{left} recorded answers were not asked for" if left else ""
            update = {
                "recording": one.name,
                "source": one.source,
                "unable": unable or answer.unable,
                "as_recorded": False if unable else agrees(one, answer),
            }
            answers.append(answer.model_copy(update=update))
    return tuple(answers)


def agrees(one: Recording, answer: Answered) -> bool | None:
    """Whether an answer was judged as its recording says. None: all that was judged agrees, and a check that has to be
    wrong could not be judged here, for want of a plan or of a tool. Pure.
    """
    said = {
        answered: {one.check for one in answer.judged if one.passed is answered} for answered in (True, False, None)
    }
    missing = set(one.fails) - said[False]
    unable = said[None] | (OF_TOOLS - said[True])
    if (answer.ending, answer.drafts) != (one.ending, one.drafts) or said[False] - set(one.fails) or missing - unable:
        return False
    return None if missing else True


def judged(case: Case, made: Attempt, ground: Ground, *, repeat: int) -> Answered:
    """The answer with every judgement on it. No change at all is a failed answer."""
    if made.change is None:
        judgements: tuple[Judged, ...] = (Judged(check="ending", passed=False, why=made.failure),)
        how = "no answer"
    else:
        how = ending(made.change)
        written = how == "written" and "written" in case.expect.endings
        said = examine(case, made.change, ground) if written else Said()
        judgements = judge(case, made.change, made.intent, said, base=ground.base, guardrails=ground.guardrails)
    return _answered(case, repeat=repeat).model_copy(
        update={
            "ending": how,
            "passed": passed(judgements),
            "drafts": made.drafts,
            "judged": judgements,
            "calls": made.calls,
            "seconds": made.seconds,
        }
    )


def _answered(case: Case, *, repeat: int, unable: str = "") -> Answered:
    return Answered(
        case=case.id, target=case.target, difficulty=case.difficulty, kind=case.kind, repeat=repeat, unable=unable
    )
