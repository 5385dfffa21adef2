"""One line of text that nobody vouches for -> Markdown of words, code and allowed links, the rest escaped. Pure.

Whatever GitHub would act on even when escaped (`@name`, `#12`, addresses) becomes code, which GitHub leaves alone.
"""

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

REDACTED = "(redacted)"
LINK = re.compile(r"\[(?P<text>(?:\\.|[^\[\]\\])*)\]\((?P<target>[^\s()<>]*)(?P<title>\s[^()]*)?\)")
ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&#124;": "|"}
PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

# What surrounds a word and is no part of it, so that `(@name)` becomes `(` + code + `)`.
EDGES = re.compile(
    r"(?P<before>[(\[{<\"'*_~\ue000-\ue002`,.;:!?|>\\]*)(?P<core>.*?)(?P<after>[)\]}>\"'*_~\ue000-\ue002`,.;:!?|<\\]*)",
    re.DOTALL,
)
SCHEME = re.compile(
    r"[a-z][a-z0-9+.-]*:/|(?:javascript|vbscript|data|magnet|mailto|xmpp|file|ftps?|https?|wss?|smb|ldaps?|tel|sms):\S"
    r"|javascript%|(?:^|[^A-Za-z0-9])(?://|www\.)",
    re.IGNORECASE,
)
REFERENCE = re.compile(r"#\d|\bGH-\d|\bGHSA-|\bCVE-\d", re.IGNORECASE)
# A link to these makes GitHub write a back-reference over there, or close the issue.
BACK_REFERENCE = re.compile(r"/[^/]+/[^/]+/(?:issues|pulls?|discussions|commit)/", re.IGNORECASE)
LOOKS_LIKE_ADDRESS = re.compile(r"://|www\.|\w\.[a-z]{2,}\b", re.IGNORECASE)
TARGET = re.compile(r"https://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~%/?=&#+,:;!-]*)?")
# Stand for `\*`, `\_`, `\~` while a line is worked on; private characters never get past strip_hidden.
ESCAPED = {"*": "\ue000", "_": "\ue001", "~": "\ue002"}
UNESCAPED = str.maketrans({stand_in: char for char, stand_in in ESCAPED.items()})


class Rules(NamedTuple):
    """How one stretch of text is read: whether links may stay, whether emphasis is shown or taken literally."""

    link_hosts: Collection[str] = ()
    emphasis: bool = True


def escaped(text: str, rules: Rules) -> str:
    """One line: links and code kept where they may be, words that act made code, the rest escaped."""
    out: list[str] = []
    literal: list[str] = []
    position = 0

    def flush() -> None:
        _append(out, _words("".join(literal), rules))
        literal.clear()

    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1 : position + 2] in PUNCTUATION:
            literal.append(ESCAPED.get(text[position + 1], text[position + 1]))
            position += 2
            continue
        if char == "`":
            run = re.compile(r"`+").match(text, position)
            assert run is not None
            closing = re.compile(rf"(?<!`){run[0]}(?!`)").search(text, run.end())
            if closing is not None:
                flush()
                _append(out, text[position : closing.end()])
                position = closing.end()
            else:
                literal.append(run[0])
                position = run.end()
            continue
        start = position + (char == "!" and text[position + 1 : position + 2] == "[")
        link = LINK.match(text, start) if text[start : start + 1] == "[" else None
        if link is not None:
            flush()
            _append(out, _image(link) if start > position else _link(link, rules))
            position = link.end()
            continue
        entity = next((name for name in ENTITIES if text.startswith(name, position)), None)
        literal.append(ENTITIES[entity] if entity else char)
        position += len(entity) if entity else 1
    flush()
    return "".join(out)


def _append(out: list[str], piece: str) -> None:
    # Two code spans side by side would be read as one, or as none.
    if piece.startswith("`") and out and out[-1].endswith("`"):
        out.append(" ")
    if piece.startswith("[") and out and out[-1].endswith("!"):
        out[-1] = f"{out[-1][:-1]}\\!"  # or the link would be an image
    if piece:
        out.append(piece)


def _image(found: re.Match[str]) -> str:
    alt = _words(_unescaped(found["text"]), Rules(emphasis=False)).strip()
    return f"(image removed: {alt})" if alt else "(image removed)"


def _link(found: re.Match[str], rules: Rules) -> str:
    text, target = _unescaped(found["text"]), found["target"]
    shown = _words(text, Rules(emphasis=False))
    if not _allowed(target, rules.link_hosts):
        return f"{shown} {REDACTED}".lstrip()
    deceptive = LOOKS_LIKE_ADDRESS.search(text) and not target.startswith(text)
    if deceptive or BACK_REFERENCE.search(urlsplit(target).path + "/") or set(text) & set("[]`@#") or not text.strip():
        return f"{shown} {span(target)}".lstrip()
    return f"[{_plain_words(text)}]({target})"


def _unescaped(text: str) -> str:
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    return re.sub("|".join(ENTITIES), lambda entity: ENTITIES[entity[0]], text)


def _plain_words(text: str) -> str:
    return "".join(_char(text, index, emphasis=False) for index in range(len(text)))


def _words(text: str, rules: Rules) -> str:
    out: list[str] = []
    for piece in re.split(r"(\s+)", text):
        _append(out, _word(piece, rules))
    return "".join(out)


def _word(word: str, rules: Rules) -> str:
    read = word.translate(UNESCAPED)
    acts = "@" in read or "＠" in read or REFERENCE.search(read) or SCHEME.search(read)
    if not acts:
        return "".join(_char(word, index, emphasis=rules.emphasis) for index in range(len(word)))
    edges = EDGES.fullmatch(word)
    assert edges is not None
    core = edges["core"] or word
    before, after = (edges["before"], edges["after"]) if edges["core"] else ("", "")
    shown = span(core)
    if SCHEME.search(core.translate(UNESCAPED)) and not _allowed(core, rules.link_hosts):
        shown = REDACTED
    quiet = Rules(emphasis=rules.emphasis)
    out: list[str] = []
    for piece in (_word(before, quiet) if before else "", shown, _word(after, quiet) if after else ""):
        _append(out, piece)
    return "".join(out)


def _char(text: str, index: int, *, emphasis: bool) -> str:
    char = text[index].translate(UNESCAPED)
    if char != text[index]:
        return f"\\{char}"
    if char in "<&":
        return {"<": "&lt;", "&": "&amp;"}[char]
    if char in "\\`[]$":
        return f"\\{char}"
    if char == "|":
        return "&#124;"
    if emphasis or char not in "*_~":
        return char
    inside = char == "_" and index > 0 and text[index - 1].isalnum() and text[index + 1 : index + 2].isalnum()
    return char if inside else f"\\{char}"


def span(text: str) -> str:
    """`text` as a code span that no backtick in it can end."""
    text = text.translate(UNESCAPED)
    runs = {len(run) for run in re.findall(r"`+", text)}
    fence = "`" * next(size for size in range(1, len(runs) + 2) if size not in runs)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _allowed(target: str, link_hosts: Collection[str]) -> bool:
    """Whether `target` is an https address on a host of the list, in characters that every parser reads alike."""
    if not TARGET.fullmatch(target):
        return False
    try:
        parts = urlsplit(target)
        host = parts.netloc.lower()
    except ValueError:
        return False
    return parts.scheme == "https" and host in {one.lower() for one in link_hosts}
