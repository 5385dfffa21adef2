"""What somebody wants remembered -> a note with its origin, and what speaks against it. Pure."""

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from agent.domain import Value

FOLDER = "knowledge"
SHORTEST, LONGEST = 10, 2000
# Comments by which a scanner is told to look away, of every scanner that is run here or might be.
SUPPRESSION = re.compile(
    r"(?i)(?:checkov|bridgecrew|cortex)\s*:\s*skip|tfsec\s*:\s*ignore|trivy\s*:\s*ignore|tflint-ignore|kics-scan"
    r"|\bnosec\b|\bnoqa\b|yamllint\s+disable|\bskip_ansible_lint\b|ignore-check\.kube-linter|\bCKV\d?_[A-Z0-9]+_\d+"
    r"|skip[-_ ]check|soft[-_ ]fail"
)
# Words to a machine that reads along, rather than to people.
TO_THE_AGENT = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|rule|polic|check|gate|guardrail|above|previous)"
    r"|\b(?:system|developer)\s*(?:prompt|message)\b|\bas an? (?:ai|assistant|agent|model)\b|\byou are (?:now|an?)\b"
    r"|\b(?:the )?(?:agent|assistant|model|reviewer|ai)\s+(?:must|should|shall|has to|always|never|may)\b"
    r"|<\|?\s*(?:system|im_start|assistant)|\[/?(?:INST|SYSTEM)\]|^\s*(?:system|assistant)\s*:",
    re.MULTILINE,
)
# A sentence that orders rather than tells: fine for people, to be read twice before it is merged.
ORDER = re.compile(
    r"(?im)(?:^|[.!?]\s+)[-*\s]*(?:always|never|do not|don't|must|make sure|please|approve|skip|disable|allow|grant"
    r"|you (?:must|should))\b[^.\n]{0,80}"
)
URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}:/{0,2}[^\s<>()\[\]\"'`]+|\bwww\.[^\s<>()\[\]\"'`]+")


class Note(Value):
    """A file for knowledge/."""

    path: str
    title: str
    text: str


def against(text: str, *, link_hosts: Collection[str]) -> tuple[str, ...]:
    """Why `text` (cleaned) is not proposed at all; empty when it may be."""
    found = []
    if not SHORTEST <= len(text) <= LONGEST:
        found.append(f"a note has {SHORTEST} to {LONGEST} characters, this one has {len(text)}")
    folded = unicodedata.normalize("NFKC", text)
    if SUPPRESSION.search(folded):
        found.append("it tells a scanner to look away; exceptions stand in policies/waivers.yml, with owner and date")
    if TO_THE_AGENT.search(folded):
        found.append("it speaks to the agent; a note tells people what is so, and orders nothing")
    foreign = sorted({host for match in URL.finditer(folded) if (host := _foreign(match[0], link_hosts))})
    if foreign:
        found.append(f"it links to {', '.join(foreign[:3])}; links may go to {', '.join(sorted(link_hosts))}")
    return tuple(found)


def flags(text: str) -> tuple[str, ...]:
    """What whoever merges the note should read twice."""
    orders = list(dict.fromkeys(match[0].strip(" .!?-*\n") for match in ORDER.finditer(text)))
    return tuple(f"reads like an order, look twice: {order}" for order in orders[:5])


def written(text: str, *, author: str, issue: int, now: datetime, source: int) -> Note:
    """The note as a file: front matter that says where it comes from, then the text, cleaned of all markup tricks."""
    title = " ".join(text.split("\n")[0].split())[:80].strip()
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:50].rstrip("-") or "note"
    body = "\n".join(line.rstrip() for line in text.split("\n")).strip()
    front = [
        "---",
        f"title: {_quoted(title)}",
        f"author: {_quoted(author)}",
        f"date: {now:%Y-%m-%d}",
        f"source: {_quoted(f'issue {issue}, comment {source}')}",
        "---",
    ]
    lines = "\n".join(front)
    # A line of the text that looks like the end of the front matter is none: it comes after it.
    return Note(path=f"{FOLDER}/{slug}.md", title=title, text=f"{lines}\n\n{body}\n")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _foreign(url: str, hosts: Collection[str]) -> str:
    """The host (or the scheme) of a link that may not stand in a note; empty when it may."""
    if url.lower().startswith("www."):
        return url.split("/")[0]
    if not re.match(r"(?i)[a-z][a-z0-9+.-]*://", url):
        return url.split(":")[0] if re.match(r"(?i)(?:javascript|data|vbscript|file|mailto|magnet):", url) else ""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return url[:60]
    allowed = {one.lower() for one in hosts}
    plain = parts.scheme.lower() in ("https", "http") and not parts.username and host.lower() in allowed
    return "" if plain else host or parts.scheme
