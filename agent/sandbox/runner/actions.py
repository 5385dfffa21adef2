"""The facts about the actions that the sandbox has, read from actions.json beside this module."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class InputFact:
    """`use` says whether the sandbox obeys an input, may ignore it, or cannot do it."""

    use: Literal["yes", "ignored", "no"]
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class ActionFact:
    inputs: Mapping[str, InputFact]
    outputs: tuple[str, ...]


def _load() -> dict[str, ActionFact]:
    facts = json.loads(Path(__file__).with_name("actions.json").read_text(encoding="utf-8"))
    return {
        name: ActionFact({key: InputFact(**item) for key, item in fact["inputs"].items()}, tuple(fact["outputs"]))
        for name, fact in facts.items()
    }


ACTIONS = _load()
