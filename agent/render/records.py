"""A document that a check run keeps for us -> the same JSON, whose texts do nothing on the page that shows it. Pure."""

import re

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# A check run's text is shown as Markdown: mentions, references, images, links, HTML, code. The brackets of an address
# alone do nothing, and stay: a record has to fit.
ACTS = re.compile(r"[@＠#<>&`]|!(?=\[)|\](?=[(\[])|:(?=//)|/(?=/)|(?<=www)\.|(?<=GH)-", re.IGNORECASE)


def inert_json(text: str) -> str:
    """JSON in, JSON of the same value out: what Markdown would act on stands as an escape in its strings."""
    return STRING.sub(lambda found: ACTS.sub(lambda char: f"\\u{ord(char[0]):04x}", found[0]), text)
