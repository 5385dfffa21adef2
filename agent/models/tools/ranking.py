"""Texts by name and a question in words -> the names whose texts answer it best, by BM25. Pure."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

_WORD = re.compile(r"[a-z0-9]+")
# A type with many arguments is no less what is sought: length does not count.
_LENGTH = 0.0


def words(text: str) -> list[str]:
    """Words in small letters; a plural counts as its singular."""
    found = _WORD.findall(text.lower())
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in found]


class Ranking:
    """`texts` maps a name to its words; of two that answer as well, the one that comes first is first."""

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self.names = tuple(texts)
        self.texts = tuple(texts.values())

    @cached_property
    def _model(self) -> Any:
        from rank_bm25 import BM25Plus  # loads numpy, which takes long

        return BM25Plus([list(text) for text in self.texts], b=_LENGTH)

    def best(self, question: str, *, most: int) -> list[str]:
        """At most `most` names, the best first; only those that hold a word of the question."""
        asked = words(question)
        if not asked or not self.names:
            return []
        scores = self._model.get_scores(asked)
        wanted = set(asked)
        fitting = [number for number, text in enumerate(self.texts) if wanted & set(text)]
        ordered = sorted(fitting, key=lambda number: (-scores[number] * (1 + self._share(number, wanted)), number))
        return [self.names[number] for number in ordered[:most]]

    def _share(self, number: int, wanted: set[str]) -> float:
        """How much of a name is what was asked for: `aws_sqs_queue` is more of a queue than `aws_sqs_queue_policy`."""
        named = words(self.names[number])
        return sum(word in wanted for word in named) / max(len(named), 1)
