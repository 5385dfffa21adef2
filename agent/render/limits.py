"""A body of any length -> one that GitHub takes, its head and its tail kept. Pure.

Sizes are bytes of UTF-8: GitHub counts a comment's characters, but a check run's summary by its bytes.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

# GitHub refuses more than 65,535; the rest is room for what is added on the way.
LIMIT = 60_000
FENCE = re.compile(r"(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
DELIMITER = re.compile(r"\|[ :|-]+\|?")
# Cutting opens fences, tables and details, whose closing and opening takes room in turn; this settles at once or never.
MOST_TRIES = 12


class _Open(NamedTuple):
    """What is open at a place of a Markdown text: the fence's indent, marks and language; how many `<details>`."""

    indent: str = ""
    fence: str = ""
    info: str = ""
    details: int = 0


def fit(text: str, *, limit: int = LIMIT, more: str = "") -> str:
    """`text` in at most `limit` bytes. What does not fit is left out of the middle, at line ends, with a note how much
    that is and where everything stands (`more`, an address of our own). Fences and `<details>` that the cut opens are
    closed before it; they, and a table with its heading, are opened again behind it. `limit` must be 2,000 or more.
    """
    if size(text) <= limit:
        return text
    lines = _short_enough(text.replace("\r\n", "\n").split("\n"), limit // 8)
    if size("\n".join(lines)) <= limit:
        return "\n".join(lines)
    room = limit - size(_note(lines, more))
    for _ in range(MOST_TRIES):
        made = _without_middle(lines, room, more)
        if size(made) <= limit:
            return made
        room -= max(size(made) - limit, limit // 50)
    return _note(lines, more)


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def _without_middle(lines: Sequence[str], room: int, more: str) -> str:
    head, tail = _ends(lines, room)
    end = len(lines) - tail
    return "\n".join(
        [
            *lines[:head],
            *_closing(_open_at(lines[:head])),
            "",
            _note(lines[head:end], more),
            "",
            *_opening(_open_at(lines[:end])),
            *_table_above(lines, end),
            *lines[end:],
        ]
    )


def _note(left_out: Sequence[str], more: str) -> str:
    characters = sum(len(line) + 1 for line in left_out)
    where = f" [The full log]({more}) has everything." if more else ""
    return f"**… {characters:,} characters ({len(left_out):,} lines) left out here.**{where}"


def _closing(state: _Open) -> list[str]:
    # In a list item the fence is indented, and a mark without that indent would end the item and open another fence.
    return [*([state.indent + state.fence] if state.fence else []), *(["", "</details>"] * state.details)]


def _opening(state: _Open) -> list[str]:
    fence = [state.indent + state.fence + state.info] if state.fence else []
    return [*(["<details><summary>continued</summary>", ""] * state.details), *fence]


def _open_at(lines: Sequence[str]) -> _Open:
    state = _Open()
    for line in lines:
        state = _after(state, line)
    return state


def _after(state: _Open, line: str) -> _Open:
    found = FENCE.fullmatch(line)
    if state.fence:
        ends = found and not found["info"].strip() and found["fence"].startswith(state.fence)
        return _Open(details=state.details) if ends else state
    if found:
        return _Open(found["indent"], found["fence"], found["info"], state.details)
    if line.lstrip().startswith("<details"):
        return state._replace(details=state.details + 1)
    if line.lstrip().startswith("</details>"):
        return state._replace(details=max(0, state.details - 1))
    return state


def _table_above(lines: Sequence[str], position: int) -> list[str]:
    """The heading of the table whose rows go on at `position`, or nothing."""
    if not _is_row(lines, position) or _open_at(lines[:position]).fence:
        return []
    start = position
    while start > 0 and _is_row(lines, start - 1):
        start -= 1
    if start == position or not DELIMITER.fullmatch(lines[start + 1]):
        return []
    return list(lines[start : min(start + 2, position)])


def _is_row(lines: Sequence[str], position: int) -> bool:
    return position < len(lines) and lines[position].startswith("|")


def _short_enough(lines: Sequence[str], longest: int) -> list[str]:
    """A line that would fill the page alone is cut inside a fence and left out elsewhere: half an escape is none."""
    out: list[str] = []
    state = _Open()
    for line in lines:
        before, state = state, _after(state, line)
        if size(line) > longest:
            said = f"{len(line):,} characters"
            if before.fence and state.fence:
                line = f"{line.encode('utf-8', 'replace')[:longest].decode('utf-8', 'ignore')}… ({said})"
            else:
                line = f"| (a row of {said}) |" if line.startswith("|") else f"(a line of {said})"
                state = before
        out.append(line)
    return out


def _ends(lines: Sequence[str], room: int) -> tuple[int, int]:
    """How many lines to keep at the head (two thirds of the room) and at the tail."""
    head = tail = used = 0
    while head < len(lines) and used + size(lines[head]) + 1 <= room * 2 // 3:
        used += size(lines[head]) + 1
        head += 1
    while tail < len(lines) - head and used + size(lines[-1 - tail]) + 1 <= room:
        used += size(lines[-1 - tail]) + 1
        tail += 1
    return head, tail
