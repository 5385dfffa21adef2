"""A tool and its arguments -> its answer: redacted, without hidden characters, never longer than it may be.

A long answer is cut between lines, says so, and says how to ask for the rest.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.domain import Value
from agent.errors import ToolError, UserError
from agent.models.data import BYTES_A_TOKEN
from agent.models.tools.place import Place
from agent.render.redact import redact

# What is looked through for secrets at most; a longer answer has to be asked for in parts.
MOST_BYTES = 256 * 1024
_ROOM = 160


class Arguments(Value):
    """What a tool is asked with."""

    model_config = ConfigDict(use_attribute_docstrings=True, str_max_length=4_000)

    skip_lines: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Lines of the answer to leave out at its beginning: a cut answer says with which number it goes on."""


@dataclass(frozen=True)
class Tool:
    """A question that can be asked of a Place. It only reads. `tokens` is the most that its answer has."""

    name: str
    description: str
    parameters: type[Arguments]
    run: Callable[[Place, Any], str]
    tokens: int = 4_000


def answer(tool: Tool, place: Place, arguments: Mapping[str, Any] | BaseModel) -> str:
    """What `tool` says, at most `tool.tokens` long. Raises UserError: wrong arguments, nothing there, no answer."""
    try:
        given = tool.parameters.model_validate(
            arguments.model_dump() if isinstance(arguments, BaseModel) else dict(arguments)
        )
    except ValidationError as error:
        raise UserError(_wrong(tool, error)) from error
    secrets = tuple(place.secrets)
    try:
        said = tool.run(place, given)
    except ToolError as error:
        raise UserError(redact(f"{tool.name} could not answer: {error}", values=secrets)) from error
    except UserError as error:
        raise UserError(redact(str(error), values=secrets)) from error
    whole = said.encode("utf-8", "replace")
    more = len(whole) - MOST_BYTES
    if more > 0:
        said = whole[:MOST_BYTES].decode("utf-8", "ignore").rpartition("\n")[0]
        said += f"\n[cut: {more} bytes more are not shown at all; ask for less]"
    return bounded(_redacted(said, secrets), tokens=tool.tokens, skip=given.skip_lines)


def tokens_of(text: str) -> int:
    """How many tokens a text counts as: an upper estimate that needs no model."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN)


def bounded(text: str, *, tokens: int, skip: int = 0) -> str:
    """The lines of `text` from `skip` on, as many as `tokens` hold, and what to ask for the rest. Pure."""
    lines = text.rstrip("\n").split("\n")
    if skip >= len(lines):
        return f"[no more: the answer has {len(lines)} lines]"
    most = tokens * BYTES_A_TOKEN - _ROOM
    kept: list[str] = []
    used = 0
    for line in lines[skip:]:
        if len(line.encode("utf-8", "replace")) >= most:
            line = _shortened(line, most - 1)
        size = len(line.encode("utf-8", "replace")) + 1
        if used + size > most:
            break
        kept.append(line)
        used += size
    end = skip + len(kept)
    if end < len(lines):
        left = f"[cut: lines {skip + 1} to {end} of {len(lines)}; ask again with skip_lines={end} for what follows]"
        kept.append(left)
    return "\n".join(kept)


def _shortened(line: str, most: int) -> str:
    mark = " [… the rest of this line is left out …]"
    return line.encode("utf-8", "replace")[: most - len(mark.encode()) - 1].decode("utf-8", "ignore") + mark


# A cut answer is asked for again, part by part.
@lru_cache(maxsize=16)
def _redacted(text: str, secrets: tuple[str, ...]) -> str:
    return redact(text, values=secrets)


def _wrong(tool: Tool, error: ValidationError) -> str:
    known = ", ".join(tool.parameters.model_fields)
    said = []
    for one in error.errors()[:5]:
        name = ".".join(map(str, one["loc"])) or "arguments"
        what = f"no such argument; there are {known}" if one["type"] == "extra_forbidden" else one["msg"]
        said.append(f"{tool.name}: {name}: {what}")
    return "\n".join(said)
