"""A file with a line a call -> what was spent on a day, and one line more: the stand-in for a ledger."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from agent.domain import ModelCall, Value
from agent.errors import UserError

SPEND_FILE = "INFRA_AGENT_SPEND_FILE"
MOST_BYTES = 16 * 1024 * 1024


class Spent(Value):
    """One line of the file."""

    at: AwareDatetime
    call: ModelCall


def spent_on(path: Path, day: datetime) -> tuple[ModelCall, ...]:
    """The calls of the UTC day of `day`. A file that is not there yet holds none.

    Raises UserError for one that cannot be read: what was spent is not known then, so nothing more may be.
    """
    if not path.exists():
        return ()
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{SPEND_FILE}: {path.name} is larger than {MOST_BYTES} bytes; take out earlier days")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{SPEND_FILE}: {path.name} cannot be read: {type(error).__name__}") from error
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            spent = Spent.model_validate_json(line)
        except ValidationError as error:
            raise UserError(
                f"{SPEND_FILE}: {path.name}:{number}: is no line that infra-agent wrote; take it out, or what was "
                "spent today is not known"
            ) from error
        if spent.at.astimezone(UTC).date() == day.astimezone(UTC).date():
            found.append(spent.call)
    return tuple(found)


def note(path: Path, clock: Callable[[], datetime]) -> Callable[[ModelCall], None]:
    """What appends each call to the file at once: a job that is cut off has its calls counted.

    Raises UserError, when it is called, for a file that cannot be written.
    """

    def write(call: ModelCall) -> None:
        line = json.dumps({"at": clock().isoformat(), "call": call.model_dump(mode="json")})
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise UserError(f"{SPEND_FILE}: {path.name} cannot be written: {error.strerror}") from error

    return write
