"""What a step prints and writes for the runner -> commands, outputs, variables. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.errors import UserError
from agent.sandbox.runner.records import Annotation, Level

_COMMAND = re.compile(r"::([a-zA-Z][\w-]*)( [^:]*(?::(?!:)[^:]*)*)?::(.*)")
_LEVELS: dict[str, Level] = {"error": "error", "warning": "warning", "notice": "notice"}
_REMOVED = ("set-env", "add-path", "set-output", "save-state")


class StepFailed(UserError):
    """A step cannot go on; the message is shown in its log."""


@dataclass(frozen=True)
class Command:
    name: str
    properties: Mapping[str, str]
    message: str


def read_command(line: str) -> Command | None:
    """The workflow command that `line` is, if it is one."""
    match = _COMMAND.fullmatch(line.strip())
    if match is None:
        return None
    pairs = (pair.partition("=") for pair in (match[2] or "").strip().split(","))
    properties = {key.strip(): _unescape(value, properties=True) for key, _, value in pairs if key.strip()}
    return Command(match[1].lower(), properties, _unescape(match[3], properties=False))


def _unescape(text: str, *, properties: bool) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), *((("%3A", ":"), ("%2C", ",")) if properties else ())):
        text = text.replace(code, character)
    return text.replace("%25", "%")


def annotation(command: Command) -> Annotation | None:
    """The annotation that `command` makes, if it makes one."""
    level = _LEVELS.get(command.name)
    if level is None:
        return None
    line = command.properties.get("line", "")
    return Annotation(
        level,
        command.message,
        command.properties.get("file", ""),
        int(line) if line.isdigit() else 0,
        command.properties.get("title", ""),
    )


def refuse_removed(command: Command) -> None:
    """Raise StepFailed for a command that GitHub has switched off."""
    if command.name in _REMOVED:
        raise StepFailed(f"the command '::{command.name}::' is switched off on GitHub; write to the file instead")


def read_pairs(text: str, file: str) -> dict[str, str]:
    """`name=value` and `name<<END … END` lines of GITHUB_OUTPUT or GITHUB_ENV (`file`). Raises StepFailed."""
    pairs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip():
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc > 0 and (equals < 0 or heredoc < equals):
            name, end = line[:heredoc], line[heredoc + 2 :]
            pairs[name] = "\n".join(_until(lines, end, file))
        elif equals > 0:
            pairs[line[:equals]] = line[equals + 1 :]
        else:
            raise StepFailed(f"{file}: invalid line {line!r}; it must be name=value or name<<DELIMITER")
    return pairs


def _until(lines: Iterator[str], end: str, file: str) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line == end:
            return found
        found.append(line)
    raise StepFailed(f"{file}: the delimiter {end!r} is not found")


def check_variables(variables: Mapping[str, str]) -> None:
    """Raise StepFailed for a variable that GITHUB_ENV may not set."""
    for name in variables:
        if name == "NODE_OPTIONS" or name.upper().startswith(("GITHUB_", "RUNNER_")):
            raise StepFailed(f"GITHUB_ENV: {name} cannot be set by a step")
