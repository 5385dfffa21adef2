"""What a command is answered with."""

from dataclasses import dataclass

from agent.render import comments
from agent.render.page import Context


@dataclass(frozen=True)
class Said:
    """The answer's body, and whether what was asked was done. With no body it stands at `url` already; `again` asks
    for the apply to be started once more.
    """

    body: str
    good: bool = True
    url: str = ""
    again: bool = False


def nothing_done(context: Context, *reasons: str) -> Said:
    """A command that was read, and not carried out."""
    return Said(comments.refusal(context, reasons=reasons), good=False)
