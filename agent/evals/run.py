"""Cases, a ground and models -> judged answers. Each answer has a budget of its own; a failure is an answer too."""

from collections.abc import Callable, Mapping, Sequence

from agent.domain import ModelCall
from agent.errors import UserError
from agent.evals.attempt import Attempt, attempt
from agent.evals.case import Case
from agent.evals.examination import examine
from agent.evals.ground import Ground
from agent.evals.judge import Judged, Said, ending, judge, passed
from agent.evals.replay import Recording, replaying
from agent.evals.report import Answered
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import Providers, configured
from agent.models.roles import Role
from agent.settings import Ceiling


def live(
    cases: Sequence[Case],
    ground: Ground,
    *,
    providers: Providers,
    roles: Mapping[str, Role],
    repeats: int,
    usd: float,
    tell: Callable[[str], None],
) -> tuple[Answered, ...]:
    """Ask the models about every case, `repeats` times. No question is begun once all of them took `usd` dollars, as
    far as prices are known; what is left then is not judged.
    """
    answers: list[Answered] = []
    spent: list[ModelCall] = []
    for repeat in range(1, repeats + 1):
        for case in cases:
            budget = Budget(request=ground.settings.models.request, day=Ceiling(usd=usd), today=tuple(spent))
            models = Models(providers, budget, tell=tell)
            if why := budget.exhausted((), roles["strategist"]):
                answers.append(_answered(case, repeat=repeat, unable=why))
                continue
            made = attempt(case, ground, models=models, roles=roles)
            spent += made.calls
            answers.append(judged(case, made, ground, repeat=repeat))
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
    answers = []
    with replaying(recordings) as replay:
        for number, one in enumerate(recordings):
            models = Models(configured(replay.environ(number)), Budget(request=ground.settings.models.request))
            made = attempt(by_id[one.case], ground, models=models, roles=roles)
            told = replay.told[number]
            answer = judged(by_id[one.case], made, ground, repeat=1)
            wrong = {judgement.check for judgement in answer.judged if judgement.passed is False}
            left = len(one.answers) - told.given
            unable = told.strayed[0] if told.strayed else f"{left} recorded answers were not asked for" if left else ""
            update = {
                "recording": one.name,
                "unable": unable or answer.unable,
                "as_recorded": not unable and wrong == set(one.fails),
            }
            answers.append(answer.model_copy(update=update))
    return tuple(answers)


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
