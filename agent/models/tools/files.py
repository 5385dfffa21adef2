"""Files of the allowed folders: listed, read, searched."""

import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from agent.errors import UserError
from agent.models.tools.place import FOLDERS, Place, shown
from agent.models.tools.tool import Arguments, Tool

MOST_HITS = 100
MOST_LINE = 300


class ListFiles(Arguments):
    folder: str = "infra"
    """Folder to list, such as infra/terraform/dev/queue. Below infra/ and knowledge/ only."""
    pattern: str = ""
    """Only paths that fit this pattern, in which * stands for any text, such as *.tf. With it all levels are listed."""


class ReadFile(Arguments):
    path: str
    """Path of the file, such as infra/terraform/dev/queue/main.tf."""
    first_line: Annotated[int, Field(ge=1)] = 1
    """Line to begin with, counted from 1."""
    last_line: Annotated[int, Field(ge=1)] = 1_000_000
    """Line to end with."""


class SearchFiles(Arguments):
    text: Annotated[str, Field(min_length=2, max_length=200)]
    """Text to look for, in any case; it is taken as it stands, not as an expression."""
    folder: str = "infra"
    """Folder to look in."""
    pattern: str = "*"
    """Only files whose paths fit this pattern, in which * stands for any text, such as *.tf."""


def list_files(place: Place, given: ListFiles) -> str:
    """Files with their sizes in bytes; folders with how many files they hold."""
    folder = _folder(given.folder)
    below = [path for path in place.paths if path.startswith(f"{folder}/")]
    hidden = sum(path.startswith(f"{folder}/") for path in place.every) - len(below)
    note = f"{hidden} more are not read: links, dot-files, state, keys, large ones" if hidden else ""
    if not below and not hidden:
        raise UserError(f"{shown(given.folder)}: no such folder at {place.commit[:7]}")
    if given.pattern:
        fitting = [path for path in below if fnmatchcase(path, f"*{given.pattern.lstrip('*')}")]
        rows = [f"{path}  {place.every[path].size}" for path in fitting]
        return "\n".join([*rows, f"{len(rows)} of {len(below)} files fit", *([note] if note else [])])
    inside = [path[len(folder) + 1 :] for path in below]
    folders = Counter(name.split("/")[0] for name in inside if "/" in name)
    rows = [f"{folder}/{name}/  {count} {'file' if count == 1 else 'files'}" for name, count in sorted(folders.items())]
    rows += [f"{folder}/{name}  {place.every[f'{folder}/{name}'].size}" for name in inside if "/" not in name]
    return "\n".join([*rows, *([note] if note else [])])


def read_file(place: Place, given: ReadFile) -> str:
    """The file as it stands, between two lines; of notes, what a reader of the page sees."""
    lines = place.told(given.path).split("\n")
    if given.first_line > len(lines):
        raise UserError(f"{given.path}: has {len(lines)} lines")
    return "\n".join(lines[given.first_line - 1 : given.last_line])


def search_files(place: Place, given: SearchFiles) -> str:
    """`path:line: text` for each line that holds the text. What is redacted is not found either."""
    folder = _folder(given.folder)
    sought = re.compile(re.escape(given.text), re.IGNORECASE)
    rows: list[str] = []
    for path, text in place.texts(f"{folder}/").items():
        if len(rows) >= MOST_HITS:
            rows.append(f"[only the first {MOST_HITS} are shown; name a folder, a pattern or a longer text]")
            break
        if not fnmatchcase(path, given.pattern) or not sought.search(text):
            continue
        lines = enumerate(place.told(path).split("\n"), start=1)
        found = [(number, line) for number, line in lines if sought.search(line)]
        rows += [f"{path}:{number}: {line.strip()[:MOST_LINE]}" for number, line in found][: MOST_HITS - len(rows)]
    return "\n".join(rows) or f"not found in {folder}/"


def _folder(name: str) -> str:
    folder = name.strip("/")
    parts = folder.split("/")
    if parts[0] not in FOLDERS or any(part in ("", "..") or part.startswith(".") for part in parts):
        raise UserError(f"{shown(name)}: only folders below {' and '.join(f'{one}/' for one in FOLDERS)} are looked at")
    return folder


TOOLS = (
    Tool(
        "list-files", "Lists a folder of the repository: files with sizes, folders with counts.", ListFiles, list_files
    ),
    Tool("read-file", "Reads one text file of the repository, whole or between two lines.", ReadFile, read_file, 6_000),
    Tool("search-files", "Finds the lines of the repository's files that hold a text.", SearchFiles, search_files),
)
