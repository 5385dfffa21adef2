"""A job's log as the runner writes it -> lines to show: time, level, colours. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup, escape

TIMESTAMP = re.compile(r"^\ufeff?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z ?")
COMMAND = re.compile(r"^##\[(group|endgroup|error|warning|notice|debug|command|section)\](.*)$")
SGR = re.compile(r"\x1b\[([0-9;]*)m")
OTHER_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Za-z0-9])|[\x00-\x08\x0b-\x1a\x1c-\x1f]")
COLOURS = {str(code): f"ansi-{code}" for code in (*range(31, 37), *range(91, 97))} | {"30": "ansi-90", "90": "ansi-90"}

Level = Literal["", "error", "warning", "notice", "debug", "command"]
LEVELS: dict[str, Level] = {
    "error": "error", "warning": "warning", "notice": "notice", "debug": "debug", "command": "command",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    number: int
    time: str
    level: Level
    html: Markup


@dataclass(frozen=True)
class Group:
    """Lines that are folded under `title`; lines outside a group come in groups without a title."""

    title: Markup
    lines: tuple[Line, ...]

    @property
    def failed(self) -> bool:
        return any(line.level == "error" for line in self.lines)


def groups(text: str, *, start: int = 1) -> list[Group]:
    """The log `text` in its order; lines are numbered from `start`. A group that was never ended ends with the text."""
    out: list[Group] = []
    title: Markup = Markup("")
    lines: list[Line] = []

    def flush() -> None:
        if lines or title:
            out.append(Group(title, tuple(lines)))
            lines.clear()

    for number, raw in enumerate(text.splitlines(), start):
        time, content = split_time(raw)
        command = COMMAND.match(content)
        if command and command[1] in ("group", "endgroup"):
            flush()
            title = coloured(command[2]) if command[1] == "group" else Markup("")
            continue
        level: Level = ""
        if command:
            level = LEVELS.get(command[1], "")
            content = f"{command[1].capitalize()}: {command[2]}" if level in ("error", "warning") else command[2]
        lines.append(Line(number, time, level, coloured(content)))
    flush()
    return out


def split_time(line: str) -> tuple[str, str]:
    """The line's time of day ("" when it has none) and the rest."""
    match = TIMESTAMP.match(line)
    return (match[1][11:], line[match.end() :]) if match else ("", line)


def coloured(text: str) -> Markup:
    """`text` escaped, with its terminal colours as classes and other control sequences removed."""
    parts: list[Markup] = []
    classes: list[str] = []
    position = 0
    for match in (*SGR.finditer(text), None):
        piece = OTHER_ESCAPES.sub("", text[position : match.start() if match else len(text)])
        if piece:
            shown = escape(piece)
            parts.append(Markup('<span class="{}">{}</span>').format(" ".join(classes), shown) if classes else shown)
        if match:
            classes = _classes(classes, match[1].split(";"))
            position = match.end()
    return Markup("").join(parts)


def _classes(classes: list[str], codes: list[str]) -> list[str]:
    for code in codes:
        if code in ("", "0"):
            classes = []
        elif code == "1":
            classes = [*classes, "ansi-bold"]
        elif code in COLOURS:
            classes = [*(name for name in classes if name == "ansi-bold"), COLOURS[code]]
        elif code == "39":
            classes = [name for name in classes if name == "ansi-bold"]
    return classes
