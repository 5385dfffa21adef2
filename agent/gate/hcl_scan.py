"""HCL text -> tokens, one at a time, on the parser's demand. Pure.

Newlines count or do not count by where the parser is, and template text has its own rules, so the parser says which.
"""

import re
from typing import NamedTuple

from agent.gate.hcl import HclError

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_-]*"
BLANK = re.compile(r"(?:[ \t]+|/\*.*?\*/)*", re.DOTALL)
TOKEN = re.compile(
    rf"""
      (?P<newline>\r?\n|(?:\#|//)[^\n]*(?:\n|\Z))
    | (?P<name>{IDENTIFIER})
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<heredoc><<-?{IDENTIFIER}\r?\n)
    | (?P<sign>\.\.\.|=>|==|!=|<=|>=|&&|\|\||::|~\}}|["(){{}}\[\]=:,.?!<>+\-*/%])
    | (?P<end>\Z)
    """,
    re.VERBOSE,
)
QUOTED_TEXT = re.compile(r'(?:[^"\\\n$%]+|\\.|\$\$\{|%%\{|[$%](?!\{))*')
FREE_TEXT = re.compile(r"(?:[^$%]+|\$\$\{|%%\{|[$%](?!\{))*")
HEREDOC_TEXT = re.compile(r"(?:[^$%\n]+|\$\$\{|%%\{|[$%](?!\{))*\n?")
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|(\$\$\{)|(%%\{)", re.DOTALL)
SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
# What Go's unicode.IsSpace holds: Terraform trims a heredoc's last line with it.
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


class Token(NamedTuple):
    """`kind` is `name`, `number`, `heredoc`, `newline`, `end`, or the sign itself."""

    kind: str
    text: str
    at: int
    end: int


def scan(text: str, at: int, *, newlines: bool) -> Token:
    """The token at or behind `at`; newlines and comments up to a line's end are passed over unless `newlines`."""
    while True:
        blank = BLANK.match(text, at)
        at = blank.end() if blank else at
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise HclError(f"{text[at : at + 2]!r} cannot stand here", at)
        kind = match.lastgroup
        if kind == "newline" and not newlines:
            at = match.end()
            continue
        if kind == "sign":
            kind = match.group()
            if kind == "/" and text.startswith("/*", at):
                raise HclError("comment without an end", at)
        return Token(kind, match.group(), at, match.end())


def unescape(text: str, at: int, *, quoted: bool) -> str:
    """Literal template text with its escapes read. Backslashes count in `quoted` text only."""
    if "\\" not in text and "{" not in text:
        return text

    def read(match: re.Match[str]) -> str:
        four, eight, simple, dollar, percent = match.groups()
        if dollar or percent:
            return "${" if dollar else "%{"
        if not quoted:
            return match.group()
        if simple is not None:
            if simple not in SIMPLE:
                raise HclError(f"\\{simple} is no escape", at)
            return SIMPLE[simple]
        code = int(four or eight, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise HclError("an escape for no character", at)
        return chr(code)

    return ESCAPE.sub(read, text)
