"""The body of a comment -> Command, Usage (what is wrong with it, for the person who wrote it) or None. Pure.

A command stands at the very start of a comment: `/agent <name> <argument>`. A line that starts with anything else (a
quote's `>`, a fence, an indent, a list) is not a command, so no Markdown needs to be understood here.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping

from agent.clean import strip_hidden
from agent.domain import Value

PREFIX = "/agent"
LINE_END = re.compile(r"\r\n|\n|\r")
FENCED = re.compile(r"\A(?P<fence>`{3,}|~{3,})[^\n`]*\n(?P<content>.*?)\n?(?P=fence)[`~]*[ \t]*\Z", re.DOTALL)
# Letters of other scripts that look like those of "/agent"; compatibility forms are folded by NFKC.
LOOK_ALIKES = str.maketrans("аɑαɡցеєҽոпտτт⁄∕╱⧸", "aaaggeeennttt////")


class Syntax(Value):
    """One command. `argument` is empty, or what must follow (`[…]`: may follow); `pattern` is what an argument on one
    line must match.
    """

    name: str
    argument: str = ""
    help: str
    aliases: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def optional(self) -> bool:
        return self.argument.startswith("[")


class Command(Value):
    """A command that was understood. `text` is its argument; what people wrote, not cleaned."""

    name: str
    text: str = ""


class Usage(Value):
    """A comment that means a command but is none: `message` says why and what to write instead."""

    message: str


# One line adds a command (and one job acts on it).
COMMANDS: dict[str, Syntax] = {
    syntax.name: syntax
    for syntax in (
        Syntax(name="help", help="show these commands"),
        Syntax(name="status", help="say how far the request is and what holds it up"),
        Syntax(name="confirm", help="go on with a risky request, as it was understood"),
        Syntax(
            name="revise",
            argument="<what to change>",
            help="write the change anew with this feedback or answer",
        ),
        Syntax(name="plan", help="plan again, write nothing", aliases=("replan",)),
        Syntax(name="review", help="have the change reviewed again"),
        Syntax(
            name="explain",
            argument="<finding or address>",
            help="say what a rule asks, what a check found under it, or what the plan does with a resource",
            pattern=r"\S.{0,500}",
        ),
        Syntax(
            name="override",
            argument="<rule>=<value> <reason>",
            help="go on although the preflight refused that value, for those whom the guardrails name",
            pattern=r"\S{1,300}[ \t]+\S.{2,500}",
        ),
        Syntax(
            name="approve",
            argument="<40-hex commit>",
            help="approve what stands at that commit, where the guardrails ask for more than the merge",
            pattern=r"[0-9a-f]{40}",
        ),
        Syntax(
            name="approve-destroy",
            argument="<40-hex commit> <address>",
            help="let the plan of that commit destroy what stands at that address, or at each of several",
            pattern=r"[0-9a-f]{40}[ \t]+\S.{0,4000}",
        ),
        Syntax(name="cancel", help="end the runs of this request that are under way or waiting"),
        Syntax(
            name="unlock",
            argument="[unit]",
            help="release the lock of a unit, or of all units of this request, for maintainers",
            pattern=r"infra/[A-Za-z0-9._/-]{1,200}",
        ),
        Syntax(name="retry", help="apply once more what was merged, after a failed or stopped apply"),
        Syntax(name="rollback", help="open a pull request that takes back what was merged"),
        Syntax(
            name="remember",
            argument="<note>",
            help="propose a note for knowledge/ as a pull request",
        ),
    )
}


def parse(body: str, *, commands: Mapping[str, Syntax] = COMMANDS) -> Command | Usage | None:
    """The command in the first line of `body`.

    An argument that is free text goes on over the following lines, so that YAML can be pasted; when it is one fenced
    block, the fence is taken off. For every other command, following lines are a remark and not read.
    """
    line, rest = (*LINE_END.split(body, maxsplit=1), "")[:2]
    start = re.match(r"/agent(?=[ \t]|\Z)[ \t]*(?P<name>[^ \t]*)[ \t]*(?P<argument>.*)\Z", line, re.DOTALL)
    if start is None:
        return _look_alike(line)
    word, argument = start["name"], start["argument"].strip()
    if not word:
        return Usage(message=f"`{PREFIX}` needs a command: {_names(commands)}.")
    syntax = commands.get(word) or next((one for one in commands.values() if word in one.aliases), None)
    if syntax is None:
        return _unknown(word, commands)
    if re.match(r"--?[A-Za-z]", argument):
        return Usage(message=f"`{PREFIX} {syntax.name}` takes no flags. Write `{usage(syntax)}`.")
    if not syntax.argument and argument:
        return Usage(message=f"`{PREFIX} {syntax.name}` takes nothing more. Write `{usage(syntax)}`.")
    if syntax.argument and not syntax.pattern:
        argument = _unfenced(f"{argument}\n{rest}".strip())
    if syntax.argument and not argument and not syntax.optional:
        return Usage(message=f"`{PREFIX} {syntax.name}` needs {syntax.argument}. Write `{usage(syntax)}`.")
    if syntax.pattern and argument and not re.fullmatch(syntax.pattern, argument):
        return Usage(message=f"`{PREFIX} {syntax.name}`: not {syntax.argument}. Write `{usage(syntax)}`.")
    return Command(name=syntax.name, text=argument)


def usage(syntax: Syntax) -> str:
    """How a command is written: `/agent revise <what to change>`."""
    return " ".join(part for part in (PREFIX, syntax.name, syntax.argument) if part)


def _look_alike(line: str) -> Usage | None:
    """A line that a person reads as our command but that is not: said, rather than run or passed over in silence."""
    visible = unicodedata.normalize("NFKC", strip_hidden(line)[0]).translate(LOOK_ALIKES)
    if visible == line or not re.match(rf"{PREFIX}(?:\s|\Z)", visible):
        near = re.match(r"/agent(?=[ \t]|\Z)", line, re.IGNORECASE)
        return Usage(message=f"Commands are written in small letters: `{PREFIX} …`.") if near else None
    return Usage(message=f"This line holds hidden or look-alike characters. Type `{PREFIX} …` anew in plain letters.")


def _unknown(word: str, commands: Mapping[str, Syntax]) -> Usage:
    if not re.fullmatch(r"[a-z-]{1,20}", word):
        folded = word.lower()
        shown = "That"
    else:
        folded, shown = word, f"`{word}`"
    every = [*commands, *(alias for syntax in commands.values() for alias in syntax.aliases)]
    near = difflib.get_close_matches(folded, every, n=1, cutoff=0.6)
    hint = f" Did you mean `{PREFIX} {near[0]}`?" if near else ""
    return Usage(message=f"{shown} is not a command.{hint} There are: {_names(commands)}.")


def _names(commands: Mapping[str, Syntax]) -> str:
    return ", ".join(f"`{PREFIX} {name}`" for name in commands)


def _unfenced(text: str) -> str:
    found = FENCED.match(text)
    return found["content"].strip("\n") if found and found["fence"] not in found["content"] else text
