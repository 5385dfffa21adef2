"""HCL text -> the same configuration in another spelling: blanks, comments, escapes, labels, line ends, neighbours."""

import re
from random import Random

GAPS = ["", "", " ", "\t", "/* x */", ' /* "{ */ ', "/**/", " /* \n */ "]
BEFORE = [
    "",
    "# comment\n",
    "/* data */\n",
    'locals {\n  z1 = "${1}"\n}\n',
    "locals {\n  z2 = <<E\n  }\nE\n}\n",
    '// a "\n',
]
AFTER = ["", "\n\n", "# end", "/* } */", "locals {\n  z3 = { a = [1] }\n}\n"]
HEREDOC = re.compile(r"<<-?([A-Za-z_]+)\n(?:.*\n)*?[ \t]*\1(?=\n|\Z)")
TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+)|(?P<newline>\n)|(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<number>[0-9][0-9.]*)|(?P<sign>\.\.\.|=>|==|!=|<=|>=|&&|\|\||::|.)",
    re.DOTALL,
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each piece. Kinds: blank, newline, comment, name, number, sign, text (quoted), heredoc."""
    found, at = [], 0
    while at < len(text):
        heredoc = HEREDOC.match(text, at)
        if heredoc:
            found.append(("heredoc", heredoc.group()))
            at = heredoc.end()
        elif text[at] == '"':
            end = _quoted_end(text, at)
            found.append(("text", text[at:end]))
            at = end
        else:
            match = TOKEN.match(text, at)
            assert match is not None
            assert match.lastgroup is not None
            found.append((match.lastgroup, match.group()))
            at = match.end()
    return found


def respell_hcl(text: str, rng: Random, *, more: bool = True) -> str:
    """`text` in another spelling. `more`: whether other blocks may stand around it."""
    out: list[str] = []
    line: list[tuple[str, str]] = []
    pieces = tokens(text)
    for number, (kind, piece) in enumerate(pieces):
        if kind == "newline":
            line = []
        elif kind == "text":
            label = bool(line) and all(one in {"name", "text"} for one, _ in line) and _header(pieces, number)
            piece = _text(piece, rng, label=label)
        out.append(piece)
        if kind not in {"blank", "newline", "comment"}:
            line.append((kind, piece))
            if kind != "heredoc" and rng.random() < 0.4:
                out.append(rng.choice(GAPS))
    body = "".join(out)
    if more:
        body = rng.choice(BEFORE) + body.rstrip("\n") + "\n" + rng.choice(AFTER)
    return body.replace("\n", "\r\n") if rng.random() < 0.15 and "\r" not in body else body


def _header(pieces: list[tuple[str, str]], number: int) -> bool:
    """Whether the quoted text at `number` is a block's label: only labels and `{` follow on its line."""
    for kind, piece in pieces[number + 1 :]:
        if kind == "newline":
            return False
        if piece == "{":
            return True
        if kind not in {"text", "name", "blank", "comment"}:
            return False
    return False


def _text(piece: str, rng: Random, *, label: bool) -> str:
    inner = piece[1:-1]
    if "\\" in inner or "${" in inner or "%{" in inner or "$$" in inner:
        return piece
    if label and NAME.fullmatch(inner) and rng.random() < 0.4:
        return f" {inner} "
    share = rng.choice([0.0, 0.1, 1.0])
    ways = ("\\u{:04x}", "\\u{:04X}", "\\U{:08X}")
    return (
        '"'
        + "".join(
            rng.choice(ways).format(ord(char)) if char not in "$%{" and rng.random() < share else char for char in inner
        )
        + '"'
    )


def _quoted_end(text: str, at: int) -> int:
    """The offset behind a quoted text with whatever is interpolated in it."""
    at, depth = at + 1, 0
    while at < len(text):
        char = text[at]
        if char == "\\" and depth == 0:
            at += 2
        elif text.startswith(("${", "%{"), at):
            depth, at = depth + 1, at + 2
        elif depth and char == "{":
            depth, at = depth + 1, at + 1
        elif depth and char == "}":
            depth, at = depth - 1, at + 1
        elif char == '"' and depth:
            at = _quoted_end(text, at)
        elif char == '"':
            return at + 1
        else:
            at += 1
    return at
