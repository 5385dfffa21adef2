"""A file's patch -> rows with the line numbers of both sides. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$")


@dataclass(frozen=True)
class Row:
    """One line of a patch. A number is 0 on the side where the line is not; `text` is without its sign."""

    kind: Literal["hunk", "context", "added", "removed", "note"]
    old: int
    new: int
    text: str


def rows(patch: str) -> list[Row]:
    """The rows of `patch`, which begins at its first `@@` (the shape of GitHub's `files[].patch`)."""
    out: list[Row] = []
    old = new = 0
    for line in patch.split("\n"):
        if match := HUNK.match(line):
            old, new = int(match[1]), int(match[2])
            out.append(Row("hunk", 0, 0, line))
        elif line.startswith("+"):
            out.append(Row("added", 0, new, line[1:]))
            new += 1
        elif line.startswith("-"):
            out.append(Row("removed", old, 0, line[1:]))
            old += 1
        elif line.startswith("\\"):
            out.append(Row("note", 0, 0, line[2:]))
        elif out:
            out.append(Row("context", old, new, line[1:]))
            old, new = old + 1, new + 1
    if out and patch.endswith("\n"):
        out.pop()
    return out


def counts(patch: str) -> tuple[int, int]:
    """Lines added and removed by `patch`."""
    kinds = [row.kind for row in rows(patch)]
    return kinds.count("added"), kinds.count("removed")
