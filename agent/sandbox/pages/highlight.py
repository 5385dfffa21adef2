"""Code -> HTML with its words coloured, line by line where asked. Pure."""

from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup, escape
from pygments import lex
from pygments.lexers import get_lexer_by_name
from pygments.token import Token

MAX_CHARACTERS = 200_000
# A closed list: whoever writes a fence may not pick any of the several hundred lexers that there are.
LANGUAGES = {
    **{name: name for name in ("bash", "diff", "hcl", "ini", "json", "python", "rego", "toml", "yaml")},
    **{"console": "bash", "dockerfile": "docker", "jinja": "jinja", "j2": "yaml+jinja", "jsonl": "json"},
    **{"make": "make", "md": "markdown", "markdown": "markdown", "py": "python", "sh": "bash", "shell": "bash"},
    **{"terraform": "terraform", "tf": "terraform", "tfvars": "terraform", "yml": "yaml", "lock.hcl": "terraform"},
}
# Token type -> class. Few on purpose: one colour each for what a reader looks for.
KINDS: tuple[tuple[Any, str], ...] = (
    (Token.Comment, "hl-comment"),
    (Token.Keyword, "hl-keyword"),
    (Token.Literal.String, "hl-string"),
    (Token.Literal.Number, "hl-number"),
    (Token.Name.Tag, "hl-name"),
    (Token.Name.Attribute, "hl-name"),
    (Token.Name.Function, "hl-function"),
    (Token.Name.Builtin, "hl-function"),
    (Token.Name.Variable, "hl-variable"),
    (Token.Generic.Inserted, "hl-inserted"),
    (Token.Generic.Deleted, "hl-deleted"),
    (Token.Generic.Subheading, "hl-comment"),
    (Token.Generic.Heading, "hl-comment"),
)
CLASSES = frozenset(kind for _, kind in KINDS)


def language_of(path: str) -> str:
    """The language that a file's name stands for, or "" when we do not colour it."""
    name = PurePosixPath(path).name.lower()
    if name in ("dockerfile", "makefile"):
        return {"dockerfile": "dockerfile", "makefile": "make"}[name]
    extension = name.rpartition(".")[2] if "." in name else ""
    return extension if extension in LANGUAGES else ""


def highlight(code: str, *, language: str) -> Markup:
    """HTML of `code`, escaped; plain for a language that is not ours or a text over MAX_CHARACTERS."""
    return Markup("\n").join(highlight_lines(code, language=language))


def highlight_lines(code: str, *, language: str) -> list[Markup]:
    """`code` as one piece of HTML a line, each complete in itself: no tag runs over a line end."""
    lines: list[list[Markup]] = [[]]
    for kind, text in _tokens(code, language):
        first, *rest = text.split("\n")
        for number, part in enumerate((first, *rest)):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Markup('<span class="{}">{}</span>').format(kind, part) if kind else escape(part))
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return [Markup("").join(parts) for parts in lines]


def _tokens(code: str, language: str) -> list[tuple[str, str]]:
    name = LANGUAGES.get(language.lower())
    if name is None or len(code) > MAX_CHARACTERS:
        return [("", code)]
    tokens = ((_kind(token), text) for token, text in lex(code, _lexer(name)))
    return [(kind, "".join(text for _, text in run)) for kind, run in groupby(tokens, key=itemgetter(0))]


@cache
def _lexer(name: str) -> Any:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


def _kind(token: Any) -> str:
    return next((kind for parent, kind in KINDS if token in parent), "")
