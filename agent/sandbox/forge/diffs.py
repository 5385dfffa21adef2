"""Two commits in, the changed files with their patches out, as git sees them."""

import re
from dataclasses import dataclass
from pathlib import Path

from agent.sandbox.forge.git import raw

STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
MAX_PATCH = 200_000


@dataclass(frozen=True)
class FileChange:
    """`patch` starts at the first hunk and is None for binary or very large files; `sha` is the blob's."""

    sha: str
    path: str
    status: str
    additions: int
    deletions: int
    patch: str | None
    previous: str | None


def files(repo: Path, base: str, head: str) -> list[FileChange]:
    """What changed from tree-ish `base` to tree-ish `head`, renames found."""
    common = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "--full-index")
    changed = _fields(raw(repo, *common, "--raw", "-z", "--no-abbrev", base, head)[1])
    counts = _fields(raw(repo, *common, "--numstat", "-z", base, head)[1])
    patches = _patches(raw(repo, "-c", "core.quotePath=false", *common, base, head)[1].decode("utf-8", "replace"))
    found = []
    for patch in patches:
        info = changed.pop(0).split()
        letter = info[4][0]
        previous = changed.pop(0) if letter in "RC" else None
        path = changed.pop(0)
        added, deleted, name = counts.pop(0).split("\t")
        if not name:
            del counts[:2]  # a rename's two names follow as fields of their own
        sha = info[2] if letter == "D" else info[3]
        found.append(
            FileChange(
                sha=sha,
                path=path,
                status=STATUS.get(letter, "changed"),
                additions=int(added) if added.isdigit() else 0,
                deletions=int(deleted) if deleted.isdigit() else 0,
                patch=patch,
                previous=previous,
            )
        )
    return found


def _fields(output: bytes) -> list[str]:
    return [part.removeprefix(":") if part.startswith(":") else part for part in _text(output).split("\0") if part]


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def _patches(text: str) -> list[str | None]:
    """One patch a file, in git's order. Every line of a file's content has a prefix, so the header is unmistakable."""
    found: list[str | None] = []
    for part in re.split(r"^(?=diff --git )", text, flags=re.MULTILINE):
        if not part:
            continue
        hunk = part.find("\n@@ ")
        patch = part[hunk + 1 :].removesuffix("\n") if hunk >= 0 else None
        found.append(patch if patch is None or len(patch) <= MAX_PATCH else None)
    return found


@dataclass(frozen=True)
class Place:
    """Where a line of a diff stands: its position below the first hunk header and the hunk up to it."""

    position: int
    hunk: str


def place(patch: str, *, line: int, side: str) -> Place | None:
    """The place of `line` of the new (RIGHT) or old (LEFT) file in `patch`; None when the diff does not show it."""
    return next(
        (where for (at, which), where in lines(patch).items() if at == line and which == side),
        None,
    )


def at_position(patch: str, position: int) -> tuple[int, str] | None:
    """Line and side of a position, or None."""
    return next((key for key, where in lines(patch).items() if where.position == position), None)


def lines(patch: str) -> dict[tuple[int, str], Place]:
    """(line, side) -> place, for every line that `patch` shows."""
    shown: dict[tuple[int, str], Place] = {}
    old = new = 0
    hunk: list[str] = []
    for position, text in enumerate(patch.split("\n")):
        header = HUNK.match(text)
        if header:
            old, new = int(header[1]), int(header[2])
            hunk = [text]
            continue
        hunk.append(text)
        if text.startswith("\\"):
            continue
        here = Place(position, "\n".join(hunk))
        if not text.startswith("+"):
            shown[old, "LEFT"] = here
            old += 1
        if not text.startswith("-"):
            shown[new, "RIGHT"] = here
            new += 1
    return shown
