"""Text that nobody vouches for -> Markdown that can do nothing: no mention, reference, image, foreign link, HTML,
marker or command. Pure.

The text is read as Markdown and written anew from the little that is allowed; every other character is escaped.
Whatever GitHub would act on even when escaped (`@name`, `#12`, addresses) becomes code, which GitHub leaves alone.
Each function gives the same again when it is fed its own answer.
"""

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import urlsplit

from agent.clean import ANSI, strip_hidden

REDACTED = "(redacted)"
INFO_STRINGS = frozenset(
    ("hcl", "terraform", "tf", "yaml", "yml", "json", "diff", "text", "console", "bash", "sh", "python", "ini", "toml")
)

FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
HEADING = re.compile(r"#{1,6}[ \t]+(?P<text>.*?)[ \t]*#*")
BULLET = re.compile(r"(?P<bullet>[-*+]|[0-9]{1,4}[.)])[ \t]+(?P<text>.*)")
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
# First words by which other bots are called.
BOT = re.compile(
    r"(?:bors|homu|atlantis|digger|mergify|dependabot|renovate|jenkins|prow|recheck|retest|"
    r"copilot|coderabbit|claude|codex|gemini|lgtm)(?=[\s:,+-]|$)",
    re.IGNORECASE,
)
RULE = re.compile(r"[-:|\s]+|[*\s]+|[_\s]+|[=\s]+|\+")
# Stand for `\*`, `\_`, `\~` while a line is worked on; private characters never get past strip_hidden.
ESCAPED = {"*": "\ue000", "_": "\ue001", "~": "\ue002"}
UNESCAPED = str.maketrans({stand_in: char for char, stand_in in ESCAPED.items()})
# Ours are looked for in the raw text, where code hides nothing.
OUR_MARKER = re.compile(r"<!-+\s*infra-agent[^>\n]{0,200}(?:>|$)?", re.IGNORECASE)
# Characters that Python, a browser or GitHub may take for the end of a line.
LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class Rules(NamedTuple):
    """How one stretch of text is read: whether links may stay, whether emphasis is shown or taken literally."""

    link_hosts: Collection[str] = ()
    emphasis: bool = True


def sanitize(text: str, *, link_hosts: Collection[str]) -> str:
    """A block of Markdown: paragraphs, flat lists, headings (as bold), fences, code, emphasis, and `https` links to
    exactly the hosts in `link_hosts`. Everything else is shown as text.
    """
    rules = Rules(link_hosts=link_hosts)
    out: list[str] = []
    lines = _visible(text).split("\n")
    position = 0
    while position < len(lines):
        opening = FENCE.fullmatch(lines[position])
        if opening is None:
            line = _line(lines[position], rules)
            if line or (out and out[-1]):
                out.append(line)
            position += 1
            continue
        end = position + 1
        closing = re.compile(rf"\s*{re.escape(opening['fence'])}{opening['fence'][0]}*\s*")
        while end < len(lines) and not closing.fullmatch(lines[end]):
            end += 1
        out.append(code("\n".join(lines[position + 1 : end]), info=opening["info"].strip()))
        position = end + 1
    return "\n".join(out).strip("\n")


def inline(text: str, *, limit: int = 0) -> str:
    """One line of text, taken literally except for `code`: for table cells, list items, headings. `limit` (0: none)
    cuts the text, not the Markdown made of it.
    """
    text = " ".join(_visible(text).split())
    if limit and len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return _guarded(_escaped(text, Rules(emphasis=False)).replace("|", "&#124;"))


def code(text: str, *, info: str = "") -> str:
    """A fenced block that holds `text`, whatever fences stand in it. Lines by which a bot could be called are moved
    one to the right: some bots read comments without regard to fences.
    """
    lines = [
        f" {line}" if line.startswith(("/", "@", "!")) or BOT.match(line) else line
        for line in _visible(text).split("\n")
    ]
    body = "\n".join(lines).strip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", body)), default=0))
    return f"{fence}{info if info in INFO_STRINGS else ''}\n{body}\n{fence}"


def code_span(text: str) -> str:
    """One line shown as code, also inside a table: an address, a path, a rule."""
    text = " ".join(_visible(text).split()).replace("|", "¦")
    return _span(text) if text else ""


def plain(text: str, *, limit: int = 0) -> str:
    """One line for places without Markdown (titles, commit messages, annotations): what GitHub would act on there is
    broken up by a space that everyone sees.
    """
    text = " ".join(_visible(text).split())
    for pattern, instead in PLAIN:
        text = pattern.sub(instead, text)
    text = text.lstrip("/! ")
    return text[: limit - 1].rstrip() + "…" if limit and len(text) > limit else text


PLAIN = (
    (re.compile(r"[@＠](?=[^\s])"), "@ "),
    (re.compile(r"#(?=\d)"), "# "),
    (re.compile(r"\bGH-(?=\d)", re.IGNORECASE), "GH - "),
    (re.compile(r"\s*:(?=//)"), " : "),
    (re.compile(r"\[(skip|no|ci|actions)[ _-]+(ci|skip|actions)\]|\*\*\*NO_CI\*\*\*", re.IGNORECASE), r"(\1 \2)"),
    (re.compile(r"\b(skip-checks|[a-z]+(?:-[a-z]+)*-by)(?=:)", re.IGNORECASE), r"\1 "),
)


def _visible(text: str) -> str:
    seen = strip_hidden(LINE_ENDS.sub("\n", ANSI.sub("", text)).replace("\t", "    "))[0]
    return OUR_MARKER.sub("(marker removed)", seen)


def _line(line: str, rules: Rules) -> str:
    line = line.strip()
    if heading := HEADING.fullmatch(line):
        text = _escaped(heading["text"], rules._replace(emphasis=False))
        return f"**{text}**" if text else ""
    if (item := BULLET.fullmatch(line)) and not RULE.fullmatch(line):
        bullet = "-" if item["bullet"] in "*+" else item["bullet"]
        return f"{bullet} {_guarded(_escaped(item['text'].strip(' '), rules))}".rstrip(" ")
    return _guarded(_escaped(line, rules))


def _guarded(line: str) -> str:
    """Keep the start of a line from being a block of Markdown or a call to a bot."""
    if not line:
        return line
    if RULE.fullmatch(line) or line[0] in "/!+#=|" or (line[0] in "-*" and line[1:2] in (" ", "")):
        return f"\\{line}"
    if line[0] == ">":
        return f"&gt;{line[1:]}"
    if line.startswith("~~~"):
        return f"\\{line}"
    if number := re.match(r"[0-9]+(?=[.)])", line):
        return f"{number[0]}\\{line[number.end() :]}"
    if bot := BOT.match(line):
        return f"{_span(bot[0])}{line[bot.end() :]}"
    return line


def _escaped(text: str, rules: Rules) -> str:
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
        return f"{shown} {_span(target)}".lstrip()
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
    shown = _span(core)
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


def _span(text: str) -> str:
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
