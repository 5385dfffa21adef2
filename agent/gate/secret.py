"""Text -> secrets in it, in the clear or lightly wrapped. Pure patterns; the full scan is a check of its own."""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

KINDS: tuple[tuple[str, str], ...] = (
    ("an AWS access key", r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7][A-Z0-9]{15}(?![A-Z0-9])"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("a GitLab token", r"\bgl(?:pat|cbt|dt|ptt|rt|soat)-[A-Za-z0-9_-]{20,}"),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|AGE-SECRET-KEY-1[A-Z0-9]{50,}"
        r"|PuTTY-User-Key-File-[23]:",
    ),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/\w+"),
    ("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("a Google key", r"\bAIza[A-Za-z0-9_-]{35}|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    ("a model provider's key", r"\bsk-(?:ant-|proj-|svcacct-|or-)[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{32,}"),
    ("a package registry's token", r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[A-Za-z0-9_-]{40,}|\bdckr_pat_[\w-]{20,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    ("a Terraform Cloud token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{60,}"),
    ("a signed web token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("an Azure key", r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}|SharedAccessKey=[A-Za-z0-9+/]{30,}={0,2}"),
    (
        "a password in an address",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'${}<>]{1,100}:(?!\*+@)"
        r"[^\s/@\"'${}<>]{3,100}@[A-Za-z0-9\[]",
    ),
    ("a planted canary", r"(?i)\bcanary[_-][a-z0-9_-]*[0-9a-f]{12,}"),
    (
        "a secret key",
        r"(?i)(?:secret|aws)[\w .'\"-]{0,25}key[\w .'\"-]{0,10}[:=]\s*['\"]?"
        r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    ),
)
PATTERN = re.compile(
    "|".join(f"(?P<k{number}>{text})" for number, (_, text) in enumerate(KINDS) if not text.startswith("(?i)"))
)
CASELESS = re.compile("|".join(text[4:] for _, text in KINDS if text.startswith("(?i)")), re.IGNORECASE)
BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={0,2}")
HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){16,}(?![0-9A-Fa-f])")
MAX_WRAPPED = 40_000

PASSWORD_NAME = re.compile(
    r"(?i)(?:.*[_.-])?(?:password|passwd|pass_?phrase|pwd)|(?!(?:.*_)?(?:proxy|fastcgi|uwsgi|scgi|grpc|by)_pass)(?:.*[A-Za-z0-9]_)?pass"
    r"|[a-z]+(?:Password|Passwd|Passphrase)"
)
KEY_NAME = re.compile(
    r"(?i)(?!.*existing)(?:.*[_.-]|.*[a-z](?=[A-Z]))?(?:secret|token|api_?key|private_?key|access_?key|secret_?key"
    r"|credentials?|secret_string|encryption_?key|signing_?key)"
)
# Names that end like a secret's and hold a setting about one.
SPEAKS_OF = frozenset({"update_password", "manage_master_user_password", "change_password", "reset_password"})
PLACEHOLDER = re.compile(
    r"(?i)<.*>|\*+|x+|(?:changeme|change-me|placeholder|redacted|todo|none|null|true|false|example)"
)
REFERENCE = re.compile(
    r"\$\{|\{\{|^(?:var|local|data|module|each|self|random_[a-z]+|arn|aws_[a-z_]+|ssm|vault|env)[.:]|^/"
)


def find(text: str) -> Iterator[tuple[int, str]]:
    """Offsets and kinds of the secrets in `text`, also when written backwards, in base64, hexadecimal or per cent."""
    for at, kind in _plain(text):
        yield at, kind
    flat = text[::-1]
    for at, kind in _plain(flat):
        yield len(text) - 1 - at, f"{kind}, written backwards"
    if "%" in text:
        unquoted = unquote(text)
        if unquoted != text and any(kind for _, kind in _plain(unquoted)) and not any(_plain(text)):
            yield 0, "a secret, written with per cent signs"
    for at, inner in _unwrapped(text, depth=2):
        for _, kind in _plain(inner):
            yield at, f"{kind}, encoded"
        for _, kind in _plain(inner[::-1]):
            yield at, f"{kind}, encoded"


def assigned(name: str, value: str) -> bool:
    """Whether `value`, written as it is, looks like the secret that `name` speaks of."""
    name = name.removesuffix("_wo")  # what Terraform hands on without keeping it
    if not value or PLACEHOLDER.fullmatch(value) or REFERENCE.search(value):
        return False
    if name.lower() in SPEAKS_OF:
        return False
    if PASSWORD_NAME.fullmatch(name):
        return len(value) >= 4 and " " not in value
    if not KEY_NAME.fullmatch(name):
        return False
    return len(value) >= 12 and " " not in value and any(char.isdigit() for char in value) and entropy(value) >= 3.0


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    total = len(text)
    return -sum(count / total * math.log2(count / total) for count in Counter(text).values()) if total else 0.0


def _plain(text: str) -> Iterator[tuple[int, str]]:
    for match in PATTERN.finditer(text):
        yield match.start(), KINDS[int((match.lastgroup or "k0")[1:])][0]
    for match in CASELESS.finditer(text):
        yield match.start(), "a secret key or canary"


def _unwrapped(text: str, *, depth: int) -> Iterator[tuple[int, str]]:
    for pattern, decode in ((BASE64, _base64), (HEX, _hex)):
        for match in pattern.finditer(text):
            inner = decode(match.group()[:MAX_WRAPPED])
            if inner:
                yield match.start(), inner
                if depth > 1:
                    for _, deeper in _unwrapped(inner, depth=depth - 1):
                        yield match.start(), deeper


def _base64(text: str) -> str:
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _hex(text: str) -> str:
    return _readable(binascii.unhexlify(text))


def _readable(data: bytes) -> str:
    text = data.decode("utf-8", "ignore")
    return (
        text if len(text) >= 8 and sum(char.isascii() and char.isprintable() for char in text) > len(data) // 2 else ""
    )
