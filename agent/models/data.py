"""Texts that others wrote -> blocks of data for a prompt, cleaned, redacted, bounded and marked by a nonce. Pure."""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Literal

from agent.clean import clean, strip_hidden
from agent.domain import Value
from agent.render.redact import redact

# Texts for a model are counted by bytes: code and prose have three to four a token, other scripts three and more.
BYTES_A_TOKEN = 3
LABEL = re.compile(r"[^a-z0-9 ._/-]")


class Block(Value):
    """A text for a prompt. `label` says what it is; `most` is how many characters of it are read at most.

    `prose` loses what a reader of the rendered page would not see (comments, titles of links, images); `code` stays
    as it is but for hidden characters. `again` says that it and all blocks before it stand in the role's next question
    too, so that a provider is told to keep them.
    """

    label: str
    text: str
    form: Literal["prose", "code"] = "code"
    most: int = 60_000
    again: bool = False


class Prepared(Value):
    """Blocks as a prompt holds them, and in words what was taken out of them, for people to read. `again` is how `text`
    begins, up to and with the last block that says that it stands in the next question too.
    """

    text: str
    again: str = ""
    removed: tuple[str, ...] = ()


def prepare(blocks: Sequence[Block], *, secrets: Collection[str] = ()) -> Prepared:
    """All blocks as one text, each between marks with a nonce that occurs in none of them.

    A block's nonce is made from the block: the same block is the same bytes whatever stands behind it, so that a prompt
    cache finds it again, and a text that wants to forge the mark would have to hold its own hash.
    """
    cleaned, removed = [], []
    for block in blocks:
        label = LABEL.sub("-", block.label.lower())[:80]
        text, notes = _cleaned(block, secrets)
        cleaned.append((label, text))
        removed += [f"{label}: {note}" for note in notes]
    texts = [text for _, text in cleaned]
    parts = []
    for label, text in cleaned:
        nonce = _nonce(f"{label}\0{text}", texts)
        parts.append(f'<data-{nonce} of="{label}">\n{text}\n</data-{nonce}>')
    kept = max((number for number, block in enumerate(blocks, start=1) if block.again), default=0)
    return Prepared(text="\n\n".join(parts), again="\n\n".join(parts[:kept]), removed=tuple(dict.fromkeys(removed)))


def _cleaned(block: Block, secrets: Collection[str]) -> tuple[str, list[str]]:
    if block.form == "prose":
        made = clean(block.text)
        text, notes = made.text, list(made.removed)
    else:
        text, hidden = strip_hidden(block.text)
        notes = [f"hidden characters removed: {hidden}"] if hidden else []
    # Before anything is cut: half a secret is no longer recognised.
    text = redact(text, values=secrets)
    left_out = len(text) - block.most
    if left_out > 0:
        half = block.most // 2
        text = f"{text[:half]}\n[… {left_out} characters left out …]\n{text[len(text) - (block.most - half) :]}"
        notes.append(f"{left_out} characters left out of the middle")
    return text, notes


def _nonce(block: str, texts: Sequence[str]) -> str:
    digest = hashlib.sha256(block.encode("utf-8", "surrogatepass")).hexdigest()
    while any(digest[:16] in text for text in texts):
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:16]
