"""Text that nobody vouches for -> Markdown that can do nothing: no mention, reference, image, foreign link, HTML,
marker or command. Pure.

The text is read as Markdown and written anew from the little that is allowed; every other character is escaped.
Each function gives the same again when it is fed its own answer.
"""

import re
from collections.abc import Collection

from agent.clean import ANSI, strip_hidden
from agent.render.words import Rules, escaped, span

INFO_STRINGS = frozenset(
    ("hcl", "terraform", "tf", "yaml", "yml", "json", "diff", "text", "console", "bash", "sh", "python", "ini", "toml")
)

FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<info>[^`]*)")
HEADING = re.compile(r"#{1,6}[ \t]+(?P<text>.*?)[ \t]*#*")
BULLET = re.compile(r"(?P<bullet>[-*+]|[0-9]{1,4}[.)])[ \t]+(?P<text>.*)")
# First words by which other bots are called.
BOT = re.compile(
    r"(?:bors|homu|atlantis|digger|terrateam|spacelift|env0|scalr|mergify|kodiak(?:hq)?|dependabot|renovate|jenkins|"
    r"prow|recheck|retest|ok to test|test this|add to whitelist|"
    r"copilot|coderabbit(?:ai)?|claude|codex|gemini|cursor|devin|lgtm)(?=[\s:,+-]|$)",
    re.IGNORECASE,
)
RULE = re.compile(r"[-:|\s]+|[*\s]+|[_\s]+|[=\s]+|\+")
# Ours are looked for in the raw text, where code hides nothing.
OUR_MARKER = re.compile(r"<!-+\s*infra-agent[^>\n]{0,200}(?:>|$)?", re.IGNORECASE)
# Characters that Python, a browser or GitHub may take for the end of a line.
LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


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
    return _guarded(escaped(text, Rules(emphasis=False)).replace("|", "&#124;"))


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
    return span(text) if text else ""


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
        text = escaped(heading["text"], rules._replace(emphasis=False))
        return f"**{text}**" if text else ""
    if (item := BULLET.fullmatch(line)) and not RULE.fullmatch(line):
        bullet = "-" if item["bullet"] in "*+" else item["bullet"]
        return f"{bullet} {_guarded(escaped(item['text'].strip(' '), rules))}".rstrip(" ")
    return _guarded(escaped(line, rules))


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
        return f"{span(bot[0])}{line[bot.end() :]}"
    return line
