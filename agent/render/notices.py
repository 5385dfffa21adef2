"""A failure, a refusal, the list of commands -> a comment of its own. Pure."""

from collections.abc import Sequence

from agent import commands
from agent.render.page import Context, Failure, render


def failure(context: Context, problem: Failure) -> str:
    """A job that ended badly: why, its log, what to do."""
    return render("failure", context, {"problem": problem})


def refusal(context: Context, *, reasons: Sequence[str]) -> str:
    """A request or command that was not carried out: which requirement failed."""
    return render("refusal", context, {"reasons": reasons})


def help_text(context: Context) -> str:
    """The commands there are."""
    every = [
        {"usage": commands.usage(one), "help": one.help, "aliases": one.aliases} for one in commands.COMMANDS.values()
    ]
    return render("help", context, {"commands": every})
