"""Text -> the same text without secrets: by value in any usual encoding, by pattern, by entropy. Pure.

Runs before anything is cut, because half a secret is no longer recognised. Colours are taken out on the way: they can
stand in the middle of a token.
"""

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote_to_bytes

from agent.clean import ANSI, strip_hidden

REDACTED = "(redacted)"
SHORT = 2_000
# Shorter values are words; taking them out would tear ordinary text apart.
SHORTEST_VALUE = 5

# Formats as their makers document them. A named group `secret` is the part to take out, else the whole match.
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",  # AWS access key
        r"\bgh[pousr]_[A-Za-z0-9_.-]{36,}",  # GitHub
        r"\bgithub_pat_[A-Za-z0-9_]{22,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",  # GitLab
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
        r"\bxapp-[A-Za-z0-9-]{10,}",
        r"hooks\.slack\.com/services/(?P<secret>[A-Za-z0-9/]{20,})",
        r"\beyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?",  # JSON web token
        r"\bsk-ant-[A-Za-z0-9_-]{16,}",  # Anthropic
        r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}",  # OpenAI
        r"\bAIza[A-Za-z0-9_-]{35}",  # Google
        r"\bya29\.[A-Za-z0-9_-]{20,}",
        r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
        r"\bnpm_[A-Za-z0-9]{36}",
        r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
        r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
        r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}",  # HCP Terraform
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"`]{0,200}:(?P<secret>[^\s@'\"`]{1,500})@",  # connection string
        r"(?i)\bAccountKey=(?P<secret>[^;\s'\"]{16,})",
        r"(?i)[?&](?:sig|signature|x-amz-signature|x-amz-security-token|access_token)=(?P<secret>[^&\s'\"]{8,})",
        r"(?i)\bauthorization[\"']?\s{0,5}[:=]\s{0,5}[\"']?(?:basic|bearer|token)\s{1,5}(?P<secret>[^\s\"',]{6,})",
        r"(?i)\bbearer\s{1,5}(?P<secret>[A-Za-z0-9._~+/-]{20,}=*)",
    )
)
ASSIGNED = re.compile(
    r"(?i)(?<![A-Za-z0-9])(?:[A-Za-z0-9_.-]{0,60}[_.-])?"
    r"(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|"
    r"signing[_-]?key|client[_-]?secret|credentials?|auth[_-]?key)"
    r"[\"']?[ \t]{0,40}(?P<sign>=>?|:)[ \t]{0,40}(?:(?P<quote>[\"'])(?P<quoted>[^\"'\n]{5,1000})(?P=quote)"
    r"|(?P<bare>[^\s\"',;|)\]}]{6,1000}))"
)
# What stands behind `password =` in code and plans without being a secret.
HARMLESS = re.compile(
    r"\(.*|[*•x]+|true|false|null|none|required|optional|\d+|\$\{.*|\{\{.*|<.*|arn:.*|redacted.*"
    r"|(?:var|local|data|module|each|self|output|random|path|aws|google|azurerm|kubernetes|vault)[a-z0-9_]*[.\[].*"
    r"|[a-z_]+\(.*|[a-z0-9-]+(?:/[a-z0-9-]+)+",
    re.IGNORECASE | re.DOTALL,
)
HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){16,}(?![0-9A-Fa-f])")
PERCENT = re.compile(r"[A-Za-z0-9_.%+/=-]{12,}")
BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={0,2}")
# How the tokens above begin, backwards: most texts hold none, and need not be read again from their end.
REVERSED_START = re.compile(
    r"(?:AIKA|AISA|AIBA|ACCA)(?![A-Z0-9])|_[pousr]hg\b|_tap_buhtig|-taplg|-[abeoprs]xox|-ppax|Jye\b|-ks\b|azIA\b|"
    r"\.92ay|_(?:evil|tset)_[srp][kr]|_mpn\b|EgA-ipyp|\.[sbr]vh\b|1vsalta|\.GS\b|-----YEK"
)
TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_=-])")
DIGEST_BEFORE = re.compile(r"(?:h1|zh|sha(?:1|256|384|512)):\Z", re.IGNORECASE)
INTEGRITY = re.compile(r"sha(?:1|256|384|512)-")
# Parts of paths and names: words, camel case, abbreviations, numbers, hex.
WORD = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)*[0-9]{0,4}|[A-Z]+[0-9]*|[0-9a-fA-F]*")
# What is left of a token without its words must be as long and as mixed as a key: random base64 of 20 characters has
# about 4.1 bits a character.
LEAST_LENGTH = 20
LEAST_ENTROPY = 3.8
LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*")
BREAK = re.compile(r"\n[ \t]*[+~-]?[ \t]*")
# A line that is nothing but one token can be the rest of the one before it.
WRAPPED = re.compile(r"\n[ \t]*(?=[a-z]*[A-Z0-9+/_=-])(?=[A-Za-z0-9+/_=.-]+[\"',]?[ \t]*(?:\n|\Z))")


def redact(text: str, *, values: Collection[str] = ()) -> str:
    """`values` are secrets known by value; they are found plain, in base64, hex, percent-encoded and JSON, and when
    line breaks tear them. The answer holds no ANSI and no hidden characters. Fed its own answer it changes nothing.
    """
    short = _short if len(text) <= SHORT else _redacted
    return short(text, tuple(values))


def holds(text: str, values: Collection[str]) -> bool:
    """Whether `text` holds one of `values`, in any of the spellings in which `redact` finds them."""
    text = strip_hidden(ANSI.sub("", text.replace("\r\n", "\n")))[0]
    return _without_values(text, tuple(values)) != text


def _redacted(text: str, values: tuple[str, ...]) -> str:
    text = strip_hidden(ANSI.sub("", text.replace("\r\n", "\n")))[0]
    text = _without_values(text, values)
    spans = [*_by_pattern(text, PATTERNS)]
    for gap in (WRAPPED, BREAK):
        joined, origin = _joined(text, gap)
        if len(joined) != len(text):
            # Across any line break, an open-ended pattern would swallow the next line's first word.
            patterns = UNBOUNDED if gap is WRAPPED else SHORTEST
            spans += [(origin[start], origin[end - 1] + 1) for start, end in _by_pattern(joined, patterns)]
    text = _without(text, [*spans, *_wrapped(text), *_backwards(text)])
    text = _without(text, _assigned(text))
    return _without(text, _random(text))


# A page says the same address, path and message many times.
_short = lru_cache(maxsize=4096)(_redacted)


# The word before a line break is joined to the token after it.
UNBOUNDED = tuple(re.compile(pattern.pattern.replace(r"\b", "")) for pattern in PATTERNS)


def _shortest(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\d+),\d*\}|\*(?!\?)", lambda found: f"{{{found[1]}}}" if found[1] else "*?", pattern))


SHORTEST = tuple(
    _shortest(pattern.pattern.replace(r"\b", ""))
    for pattern in PATTERNS
    if pattern.pattern.startswith(r"\b") and "(?P<secret>" not in pattern.pattern and "eyJ" not in pattern.pattern
)


def _without_values(text: str, values: tuple[str, ...]) -> str:
    forms = _every_form(values)
    bare_text = _bare(text) if forms else ""
    for form, bare in forms:
        if bare in bare_text:  # a pattern that lets line breaks through is slow; most texts hold no secret
            torn = r"(?:[ \t]{0,9}\n[ \t]{0,80})?".join(re.escape(char) for char in form)
            text = re.sub(torn, REDACTED, text, flags=re.IGNORECASE)
            bare_text = _bare(text)
    return text


def _bare(text: str) -> str:
    return LINE_BREAK.sub("", text).casefold()


@lru_cache(maxsize=64)
def _every_form(values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each spelling of each value, and it again as it is looked for. Longest first: one may be a part of another."""
    forms: set[str] = set()
    for value in values:
        if len(value.strip()) >= SHORTEST_VALUE:
            forms.update(_forms(value))
            forms.update(_forms(value.strip()))
    return tuple((form, _bare(form)) for form in sorted(forms, key=lambda one: (-len(one), one)))


def _forms(value: str) -> Iterable[str]:
    data = value.encode("utf-8", "surrogatepass")
    yield value
    yield value.replace("\r\n", "\n").replace("\n", "\\n")
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield data.hex()
    yield value[::-1]
    for offset in range(3):  # the same bytes look different at each of the three places in a group
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        inner = encoded[(offset * 8 + 5) // 6 : len(encoded) - (1 if (offset + len(data)) % 3 else 0)]
        if len(inner) >= SHORTEST_VALUE:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _by_pattern(text: str, patterns: Iterable[re.Pattern[str]]) -> Iterator[tuple[int, int]]:
    for pattern in patterns:
        group = "secret" if "secret" in pattern.groupindex else 0
        for found in pattern.finditer(text):
            if found[group] != REDACTED:
                yield found.span(group)


def _wrapped(text: str) -> Iterator[tuple[int, int]]:
    """Runs of hex, base64 or per cent signs that hold a secret, written forwards or backwards."""
    for run, unwrap in ((HEX, _from_hex), (BASE64, _from_base64), (PERCENT, _from_percent)):
        for found in run.finditer(text):
            for inner in unwrap(found[0]):
                if any(True for _ in (*_by_pattern(inner, PATTERNS), *_backwards(inner))):
                    yield found.span()
                    break


def _from_hex(text: str) -> Iterator[str]:
    yield bytes.fromhex(text).decode("ascii", "ignore")


def _from_percent(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote_to_bytes(text).decode("ascii", "ignore")


def _from_base64(text: str) -> Iterator[str]:
    """A slash may belong to the code or to a path, and what stands before the code moves it by up to three places."""
    for piece in dict.fromkeys((text, *(part for part in text.split("/") if len(part) >= LEAST_LENGTH))):
        body = piece.rstrip("=").replace("-", "+").replace("_", "/")
        for start in range(4):
            part = body[start : len(body) - ((len(body) - start) % 4 == 1)]
            yield base64.b64decode(part + "=" * (-len(part) % 4)).decode("ascii", "ignore")


def _backwards(text: str) -> Iterator[tuple[int, int]]:
    if REVERSED_START.search(text):
        for start, end in _by_pattern(text[::-1], PATTERNS):
            yield len(text) - end, len(text) - start


def _assigned(text: str) -> Iterator[tuple[int, int]]:
    for found in ASSIGNED.finditer(text):
        group = "quoted" if found["quoted"] is not None else "bare"
        value = found[group]
        if HARMLESS.fullmatch(value) or value.startswith(REDACTED):
            continue
        # `token: needed for …` is prose; `token = abc` and `token: a1b2` are not.
        if group == "bare" and found["sign"] == ":" and value.rstrip(".").isalpha():
            continue
        yield found.span(group)


def _random(text: str) -> Iterator[tuple[int, int]]:
    for found in TOKEN.finditer(text):
        token = found[0].rstrip("=")
        if DIGEST_BEFORE.search(text, max(0, found.start() - 8), found.start()) or INTEGRITY.match(token):
            continue
        odd = "".join(part for part in re.split(r"[/_+-]", token) if not WORD.fullmatch(part))
        kinds = (any(c.islower() for c in odd), any(c.isupper() for c in odd), any(c.isdigit() for c in odd))
        if all(kinds) and len(odd) >= LEAST_LENGTH and _entropy(odd) >= LEAST_ENTROPY:
            yield found.span()


def _entropy(token: str) -> float:
    return -sum(n / len(token) * math.log2(n / len(token)) for n in Counter(token).values())


def _joined(text: str, gap: re.Pattern[str]) -> tuple[str, list[int]]:
    """`text` without its gaps, and where each character came from."""
    pieces: list[str] = []
    origin: list[int] = []
    position = 0
    for found in gap.finditer(text):
        pieces.append(text[position : found.start()])
        origin.extend(range(position, found.start()))
        position = found.end()
    pieces.append(text[position:])
    origin.extend(range(position, len(text)))
    return "".join(pieces), origin


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    out: list[str] = []
    position = 0
    for start, end in sorted(spans):
        if end <= position:
            continue
        if start >= position:
            out += [text[position:start], REDACTED]
        position = end
    return "".join([*out, text[position:]])
