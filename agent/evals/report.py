"""Judged answers -> rates and means with their intervals, as a document and as a text for people. Pure."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from agent.domain import ModelCall, Value
from agent.evals.judge import Judged
from agent.evals.statistics import Interval, bootstrap, wilson

SLICES = ("target", "difficulty", "kind")
COLUMNS = 80


class Answered(Value):
    """One answer to one case, judged. `unable` says why it could not be judged at all; such an answer counts nowhere.

    `partly` says that some judgement could not be made although it was to be. `recording` and `source` name what was
    replayed; `as_recorded` says whether it was judged as that says, None where not all of it could be judged.
    """

    case: str
    target: str
    difficulty: str
    kind: str
    repeat: int = 1
    recording: str = ""
    source: str = ""
    as_recorded: bool | None = None
    ending: str = ""
    passed: bool = False
    drafts: int = 0
    judged: tuple[Judged, ...] = ()
    unable: str = ""
    calls: tuple[ModelCall, ...] = ()
    seconds: float = 0.0

    @property
    def partly(self) -> bool:
        return any(one.passed is None for one in self.judged)


class Rate(Value):
    """How many of the cases passed. `first` counts those that passed without any repair."""

    passed: Interval | None
    first: Interval | None


class Report(Value):
    """What an evaluation found. `recorded` means that answers were replayed: then nothing in it is a score."""

    version: int = 1
    dataset: str
    recorded: bool
    models: tuple[str, ...]
    prompts: dict[str, str]
    repeats: int
    cases: int
    overall: Rate
    slices: dict[str, dict[str, Rate]]
    means: dict[str, Interval | None]
    unpriced: int
    answers: tuple[Answered, ...]


def report_of(answers: Sequence[Answered], *, dataset: str, recorded: bool, repeats: int) -> Report:
    """Rates over all cases and over each slice of them; repeats of a case count as one case. None of a replay."""
    # Answers that were replayed give no rate, in no form: somebody would read it as one of a model.
    counted = [] if recorded else [one for one in answers if not one.unable]
    calls = [call for one in answers for call in one.calls]
    slices = {
        name: {
            value: _rate([one for one in counted if getattr(one, name) == value])
            for value in sorted({str(getattr(one, name)) for one in counted})
        }
        for name in SLICES
    }
    return Report(
        dataset=dataset,
        recorded=recorded,
        models=tuple(sorted({call.model for call in calls})),
        prompts={call.role: call.prompt for call in sorted(calls, key=lambda call: call.role)},
        repeats=repeats,
        cases=len({one.case for one in answers if not one.unable}),
        overall=_rate(counted),
        slices=slices,
        means={
            "drafts": _mean(counted, lambda one: float(one.drafts)),
            "tokens_in": _mean(counted, lambda one: float(sum(call.input_tokens for call in one.calls))),
            "tokens_out": _mean(counted, lambda one: float(sum(call.output_tokens for call in one.calls))),
            "usd": _mean(counted, lambda one: sum(call.usd or 0.0 for call in one.calls)),
            "seconds": _mean(counted, lambda one: one.seconds),
        },
        unpriced=sum(call.usd is None for call in calls),
        answers=tuple(answers),
    )


def exit_code(report: Report) -> int:
    """0: everything was judged; 1: an answer was not judged as its recording says; 2: something could not be judged."""
    if any(one.as_recorded is False for one in report.answers):
        return 1
    return 2 if any(one.unable or one.partly for one in report.answers) else 0


def text_of(report: Report) -> str:
    """The report for people. A replay never shows a rate."""
    lines = [*_answers(report), ""]
    if report.recorded:
        lines += _replayed(report)
        return "\n".join(lines) + "\n"
    lines += [
        f"{report.dataset}: {report.cases} cases, {report.repeats} times each, models {', '.join(report.models)}",
        f"  passed                {share(report.overall.passed)}",
        f"  passed at first try   {share(report.overall.first)}",
    ]
    for name, parts in report.slices.items():
        lines += [f"  {name} {value:<14} {share(rate.passed)}" for value, rate in parts.items() if len(parts) > 1]
    named = {"drafts": "drafts", "tokens_in": "tokens read", "tokens_out": "tokens written", "usd": "USD",
             "seconds": "seconds"}  # fmt: skip
    for name, said in named.items():
        lines.append(f"  {said:<21} {_figure(report.means[name])}")
    if report.unpriced:
        lines.append(f"  the price of {report.unpriced} calls is not known: the cost is a lower bound")
    lines.append("Intervals are at 95 %: Wilson's for shares, bootstrap over cases for means.")
    return "\n".join(lines) + "\n"


def _replayed(report: Report) -> Iterable[str]:
    right = sum(one.as_recorded is True for one in report.answers)
    partly = sum(one.as_recorded is None for one in report.answers)
    sources = Counter(one.source for one in report.answers)
    yield f"RECORDED answers, {', '.join(f'{count} {source}' for source, count in sorted(sources.items()))}."
    yield f"{right} of {len(report.answers)} were judged as their recordings say."
    if partly:
        yield f"{partly} could be judged in part only: the rest needs a plan, or a tool that is not here."
    yield "This tests the harness. It is no score of any model."


def _answers(report: Report) -> Iterable[str]:
    for one in report.answers:
        word = "could not be judged" if one.unable else "passed" if one.passed else "failed"
        how = f", {one.drafts} draft{'s' if one.drafts != 1 else ''}" if one.drafts else ""
        again = f" ({one.repeat})" if report.repeats > 1 else f" [{one.recording}]" if one.recording else ""
        held = {True: ", as recorded", False: " AGAINST ITS RECORDING", None: ", in part"}[one.as_recorded]
        why = f": {one.unable}" if one.unable else ""
        yield f"{one.case}{again}: {word}{held if report.recorded else ''}{how}{why}"
        for judged in one.judged:
            if judged.passed is not True:
                said = f"{judged.check}: {'not judged' if judged.passed is None else 'wrong'}: {judged.why}"
                yield from textwrap.wrap(
                    said, COLUMNS, initial_indent="    ", subsequent_indent=" " * 8, break_long_words=False,
                    break_on_hyphens=False,
                )  # fmt: skip


def _rate(answers: Sequence[Answered]) -> Rate:
    return Rate(
        passed=wilson(_by_case(answers, lambda one: float(one.passed))),
        first=wilson(_by_case(answers, lambda one: float(one.passed and one.drafts <= 1))),
    )


def _mean(answers: Sequence[Answered], of: Callable[[Answered], float]) -> Interval | None:
    return bootstrap(_by_case(answers, of))


def _by_case(answers: Sequence[Answered], of: Callable[[Answered], float]) -> list[float]:
    found: dict[str, list[float]] = defaultdict(list)
    for one in answers:
        found[one.case].append(of(one))
    return [sum(values) / len(values) for values in found.values()]


def share(one: Interval | None, *, of: str = "cases") -> str:
    """A rate with its interval, for people; `of` is what was counted."""
    return f"no {of}" if one is None else f"{one.value:6.1%}  ({one.low:.1%} to {one.high:.1%}, {one.n} {of})"


def _figure(one: Interval | None) -> str:
    return "no case" if one is None else f"{one.value:,.4g}  ({one.low:,.4g} to {one.high:,.4g})"
