"""The text of a bundle -> the gate's decision on it. No outside tool, no repository."""

import sys
from pathlib import Path
from typing import Literal, NamedTuple

from agent.desk.configuration import guardrails_of
from agent.domain import Finding
from agent.errors import UserError
from agent.gate import UNDECIDED, decide, examine, parse_bundle, undecided
from agent.gate.bundle import MAX_BUNDLE_BYTES
from agent.gate.rules import Hit, finding

Word = Literal["pass", "blocked", "undecided"]
_WORDS: dict[int, Word] = {0: "pass", 1: "blocked", 2: "undecided"}


class Decision(NamedTuple):
    """`word` is `pass`, `blocked` or `undecided`; the exit codes are 0, 1 and 2."""

    word: Word
    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        return next(code for code, word in _WORDS.items() if word == self.word)


def gate_bundle(name: str, *, root: Path) -> Decision:
    """Judge the bundle in the file `name` (`-`: standard input) by the guardrails of `root`, else the packaged ones.

    Never raises for what the bundle holds: what cannot be read or judged is `undecided`. So is a Helm template, unless
    something in the bundle is blocked.
    """
    try:
        text = _read(name)
        guardrails = guardrails_of(root)
    except OSError as error:
        return _undecided("bundle/unreadable", f"{name}: cannot be read: {error.strerror or error}")
    except UserError as error:
        return _undecided(UNDECIDED, str(error))
    try:
        bundle = parse_bundle(text)
        found = bundle.findings
        if bundle.files:
            found = (*found, *examine(bundle.files, guardrails=guardrails), *undecided(bundle.files))
        if not bundle.files and not found:
            found = examine((), guardrails=guardrails)
    except (RecursionError, MemoryError) as error:
        return _undecided(UNDECIDED, f"{name}: too much to be judged ({type(error).__name__})")
    return Decision(_WORDS[decide(found)], found)


def _read(name: str) -> bytes:
    """At most one byte more than a bundle may have, so that a larger one is refused without being held."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_BUNDLE_BYTES + 1)
    with Path(name).open("rb") as file:
        return file.read(MAX_BUNDLE_BYTES + 1)


def _undecided(rule: str, message: str) -> Decision:
    return Decision("undecided", (finding(rule, Hit(message)),))
