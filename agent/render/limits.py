"""A body of any length -> one that GitHub takes, its head and its tail kept. Pure."""

import re

# GitHub refuses more than 65,536 characters; the rest is room for what is added on the way.
LIMIT = 60_000
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
ROOM_FOR_NOTE = 600


def fit(text: str, *, limit: int = LIMIT, more: str = "") -> str:
    """`text` in at most `limit` characters. What does not fit is left out of the middle, at line ends, with a note how
    much that is and where everything stands (`more`, an address of our own). Fences and `<details>` that the cut
    opens are closed before it and opened again behind it. `limit` must be 2,000 or more.
    """
    if len(text) <= limit:
        return text
    lines = _short_enough(text.split("\n"), limit // 8)
    head, tail = _ends(lines, limit)
    before, after = _state(lines[:head]), _state(lines[: len(lines) - tail])
    left_out = lines[head : len(lines) - tail]
    size = sum(len(line) + 1 for line in left_out)
    where = f" [The full log]({more}) has everything." if more else ""
    note = f"**… {size:,} characters ({len(left_out):,} lines) left out here.**{where}"
    return "\n".join([*lines[:head], *before.closing(), "", note, "", *after.opening(), *lines[len(lines) - tail :]])


class _State:
    """What is open at a place of a Markdown text."""

    def __init__(self) -> None:
        self.fence = ""
        self.info = ""
        self.details = 0

    def closing(self) -> list[str]:
        return [*([self.fence] if self.fence else []), *(["", "</details>"] * self.details)]

    def opening(self) -> list[str]:
        fence = [self.fence + self.info] if self.fence else []
        return [*(["<details><summary>continued</summary>", ""] * self.details), *fence]


def _state(lines: list[str]) -> _State:
    state = _State()
    for line in lines:
        found = FENCE.fullmatch(line)
        if state.fence:
            if found and not found["info"].strip() and found["fence"].startswith(state.fence):
                state.fence = state.info = ""
        elif found:
            state.fence, state.info = found["fence"], found["info"]
        elif line.startswith("<details"):
            state.details += 1
        elif line.startswith("</details>"):
            state.details = max(0, state.details - 1)
    return state


def _short_enough(lines: list[str], longest: int) -> list[str]:
    """A line that would fill the page alone is cut inside a fence and left out elsewhere: half an escape is none."""
    out: list[str] = []
    fenced = ""
    for line in lines:
        found = FENCE.fullmatch(line)
        if fenced and found and not found["info"].strip() and found["fence"].startswith(fenced):
            fenced = ""
        elif not fenced and found:
            fenced = found["fence"]
        if len(line) > longest:
            size = f"{len(line):,} characters"
            line = f"{line[:longest]}… ({size})" if fenced else f"(a line of {size})"
        out.append(line)
    return out


def _ends(lines: list[str], limit: int) -> tuple[int, int]:
    """How many lines to keep at the head (two thirds of the room) and at the tail."""
    room = limit - ROOM_FOR_NOTE - 80 * _deepest(lines)
    head = tail = used = 0
    while head < len(lines) and used + len(lines[head]) + 1 <= room * 2 // 3:
        used += len(lines[head]) + 1
        head += 1
    while tail < len(lines) - head and used + len(lines[-1 - tail]) + 1 <= room:
        used += len(lines[-1 - tail]) + 1
        tail += 1
    return head, tail


def _deepest(lines: list[str]) -> int:
    depth = deepest = 0
    for line in lines:
        depth += line.startswith("<details") - line.startswith("</details>")
        deepest = max(deepest, depth)
    return min(deepest, 5)
