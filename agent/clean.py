"""Text that anybody may have written -> the part of it that a person sees, and a list of what was taken out. Pure."""

import html
import re
import unicodedata

from agent.domain import Value

# GitHub's own limit for an issue body; nothing legitimate is longer.
LIMIT = 65_536

ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"  # operating-system commands: titles, links
    r"|\x1b[ -/]*[0-~]"
)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# An open comment hides everything behind it; `<!-->` and `<!--->` are complete, `--!>` closes too (HTML 5, 13.2.5).
COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
DECLARATION = re.compile(r"<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<![A-Za-z][^>]*(?:>|\Z)", re.DOTALL)
TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*|/)?>")
IMAGE = re.compile(r"!\[[^\]]{0,2000}\](?:\([^)\n]{0,4000}\)|\[[^\]\n]{0,1000}\])")
TITLE = re.compile(
    r"(\]\(\s{0,10}(?:<[^<>\n]{0,2000}>|[^\s()<>]{1,2000}))\s{1,10}"
    r"(?:\"[^\"]{0,2000}\"|'[^']{0,2000}'|\([^()]{0,2000}\))\s{0,10}\)"
)
# `[label]: target "title"` is not shown at all, so label and title can both hide a text.
DEFINITION = re.compile(r"^[ ]{0,3}\[[^\]\n]{1,1000}\]:[ \t]*\n?[ \t]*\S.*$", re.MULTILINE)

# Shown as nothing although Unicode does not put them into a category for format characters.
INVISIBLE = frozenset((0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0xFFFC)).union(
    range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)
)
# Cf format, Cs surrogates, Co private use, Cn unassigned, Cc control.
HIDDEN_CATEGORIES = frozenset(["Cf", "Cs", "Co", "Cn", "Cc"])
EMOJI_BLOCKS = range(0x1F000, 0x1FB00)
EMOJI_STYLE = "\ufe0f"
EMOJI_JOINER = "\u200d"


class Cleaned(Value):
    """`removed` says what was taken out, with counts, ready to be shown: `hidden characters removed: 12`."""

    text: str
    removed: tuple[str, ...] = ()


def clean(text: str, *, limit: int = LIMIT) -> Cleaned:
    """What a reader of the rendered page sees, as plain Markdown of at most `limit` characters plus one line.

    The order matters: cut first (bounded work), decode entities exactly once, then strip, so that `&lt;!-- x --&gt;`
    is stripped and `&amp;lt;` stays the text `&lt;`.
    """
    removed: list[str] = []
    left_out = len(text) - limit
    text = text[:limit] if left_out > 0 else text
    text = ENTITY.sub(lambda found: html.unescape(found[0]), text.replace("\r\n", "\n").replace("\r", "\n"))
    text, count = ANSI.subn("", text)
    text, hidden = strip_hidden(text)
    _note(removed, "hidden characters removed", count + hidden)
    for what, pattern, instead in (
        ("HTML comments removed", COMMENT, ""),
        ("HTML declarations removed", DECLARATION, ""),
        ("images removed", IMAGE, "(image)"),
        ("link titles removed", TITLE, r"\1)"),
        ("link definitions removed", DEFINITION, ""),
        ("HTML tags removed", TAG, ""),
    ):
        text, count = _until_stable(pattern, instead, text)
        _note(removed, what, count)
    if left_out > 0:
        text = f"{text.rstrip()}\n\n[cut here: {left_out} characters left out]"
        removed.append(f"characters beyond the limit of {limit} left out: {left_out}")
    return Cleaned(text=text, removed=tuple(removed))


def strip_hidden(text: str) -> tuple[str, int]:
    """Text without characters that a reader cannot see, and how many they were. Newline and tab stay; the separators
    U+2028 and U+2029 become newlines; one U+FE0F stays behind an emoji and one U+200D between two, where they are part
    of what is seen.
    """
    kept: list[str] = []
    count = 0
    for position, char in enumerate(text):
        if " " <= char <= "~" or char in "\n\t":
            kept.append(char)
        elif char in "\u2028\u2029\x85":
            kept.append("\n")
        elif not _hidden(char) or _part_of_emoji(char, kept, text[position + 1 : position + 2]):
            kept.append(char)
        else:
            count += 1
    return "".join(kept), count


def _hidden(char: str) -> bool:
    if ord(char) in INVISIBLE:
        return True
    category = unicodedata.category(char)
    # An emoji newer than Python's tables is unassigned there and visible all the same.
    return category in HIDDEN_CATEGORIES and not (category == "Cn" and ord(char) in EMOJI_BLOCKS)


def _part_of_emoji(char: str, kept: list[str], after: str) -> bool:
    """Whether `char`, between `kept` and `after`, only says how the picture beside it is drawn."""
    if char == EMOJI_STYLE:
        return bool(kept) and _is_emoji(kept[-1])
    if char != EMOJI_JOINER or not after or _hidden(after):
        return False
    before = next((one for one in reversed(kept[-2:]) if one != EMOJI_STYLE), "")
    return bool(before) and _is_emoji(before) and _is_emoji(after)


def _is_emoji(char: str) -> bool:
    return char not in "\ufffd" and (unicodedata.category(char) in ("So", "Sk") or ord(char) in EMOJI_BLOCKS)


def _until_stable(pattern: re.Pattern[str], instead: str, text: str) -> tuple[str, int]:
    """Taking one out can join the halves of another (`<!<!---->-- x -->`), so this goes on, within bounds."""
    total = 0
    for _ in range(20):
        text, count = pattern.subn(instead, text)
        total += count
        if not count:
            break
    return text, total


def _note(removed: list[str], what: str, count: int) -> None:
    if count:
        removed.append(f"{what}: {count}")
