"""What was asked and the blueprints -> the one that fits, or a question that lists them. Pure."""

import difflib
import re
from collections.abc import Mapping, Sequence

from rank_bm25 import BM25Plus

from agent.author.catalog import Blueprint
from agent.author.request_form import normal
from agent.domain import Question

MIN_SCORE = 2.0
MARGIN = 1.5
TITLE_WEIGHT = 3
MAX_WORDS = 400

_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = (
    "a an and are as at be by can for from has have i in is it its not of on or our please should so that the their "
    "they this to us want was we with would you your need needs create make new one only some team get give name "
    "called named which where who when it behind aws set up"
)
_STOP = frozenset(_STOP_WORDS.split())


def choose(asked: str, prose: str, blueprints: Mapping[str, Blueprint]) -> tuple[str, Question | None]:
    """The name of the blueprint: `asked` by name or title, else the best fit of `prose` with a margin.

    An empty name comes with a question.
    """
    if asked:
        wanted = normal(asked)
        for name, blueprint in blueprints.items():
            if wanted in (normal(name), normal(blueprint.title), normal(f"{name} {blueprint.title}")):
                return name, None
        close = difflib.get_close_matches(wanted, [normal(name) for name in blueprints], n=1)
        suggestion = next((name for name in blueprints if close and normal(name) == close[0]), "")
        return "", _ask(list(blueprints.values()), "there is no such golden path; there are", suggestion)
    ranked = rank(prose, blueprints)
    if not ranked or ranked[0][0] < MIN_SCORE:
        return "", _ask(list(blueprints.values()), "the text fits no golden path clearly; name one of", "")
    best, rest = ranked[0], ranked[1:]
    close_by = [blueprints[name] for score, name in ranked if score * MARGIN > best[0]]
    if rest and len(close_by) > 1:
        return "", _ask(close_by, "the text fits more than one golden path; name one of", best[1])
    return best[1], None


def rank(prose: str, blueprints: Mapping[str, Blueprint]) -> list[tuple[float, str]]:
    """Score and name of every blueprint for `prose`, best first; equal scores by name."""
    names = sorted(blueprints)
    query = _words(prose)[:MAX_WORDS]
    if not names or not query:
        return []
    corpus = [_document(blueprints[name]) for name in names]
    scores = BM25Plus(corpus, delta=0).get_scores(sorted(set(query)))
    return sorted(((round(float(score), 6), name) for score, name in zip(scores, names, strict=True)), key=_order)


def _order(item: tuple[float, str]) -> tuple[float, str]:
    return -item[0], item[1]


def _document(blueprint: Blueprint) -> list[str]:
    title = _words(f"{blueprint.name} {blueprint.title}") * TITLE_WEIGHT
    return [*title, *_words(blueprint.description), *_words(blueprint.when_to_use)]


def _words(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words if word not in _STOP]


def _ask(candidates: Sequence[Blueprint], why: str, suggestion: str) -> Question:
    listed = "; ".join(f"{item.name} ({item.description.rstrip('.')})" for item in candidates)
    return Question(
        field="blueprint", rule=f"{why}: {listed}", suggestion=f"blueprint: {suggestion}" if suggestion else ""
    )
