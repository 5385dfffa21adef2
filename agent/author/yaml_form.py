"""YAML that a person wrote -> a mapping of plain texts, or what is wrong with it in plain words. Pure."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_CHARACTERS = 20_000
MAX_DEPTH = 5
MAX_VALUES = 500
NULLS = frozenset({"", "~", "null", "Null", "NULL"})

Given = str | list[Any] | dict[str, Any] | None


class NotReadable(ValueError):
    """The text is not a mapping that the agent reads; the message is the rule it breaks."""


def parse_mapping(text: str) -> dict[str, Given]:
    """A YAML mapping -> its keys and values, every scalar as the text that was written (`yes`, `1.10`, `0123` stay what
    they are); an empty value is None. An empty text is an empty mapping.

    Raises NotReadable: no YAML, no mapping, a key twice, an alias, a tag, two documents, or over a limit.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotReadable(f"at most {MAX_CHARACTERS} characters, got {len(text)}")
    try:
        value = _build(text)
    except MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise NotReadable(f"must be YAML, one `key: value` a line; it cannot be read{line}") from error
    except (YAMLError, ValueError) as error:
        if isinstance(error, NotReadable):
            raise
        raise NotReadable("must be YAML, one `key: value` a line; it holds characters that YAML does not") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else "a single value"
        raise NotReadable(f"must be a mapping, one `key: value` a line, not {kind}")
    return value


def _build(text: str) -> Given:
    holders: list[tuple[Any, list[Given]]] = [(None, [])]  # a collection and, of a mapping, the key that waits
    documents = count = 0
    for event in YAML(typ="safe", pure=True).parse(StringIO(text)):
        if isinstance(event, DocumentStartEvent):
            documents += 1
        elif isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise NotReadable("must hold no anchors (&name) or aliases (*name); write the value out")
        elif getattr(event, "tag", None) not in (None, "!") and not _implicit(event):
            raise NotReadable("must hold no tags (!name)")
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            done, waiting = holders.pop()
            if waiting:
                raise NotReadable("every key needs a value")
            _put(holders[-1], done)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            if len(holders) > MAX_DEPTH:
                raise NotReadable(f"at most {MAX_DEPTH} levels deep")
            holders.append(({} if isinstance(event, MappingStartEvent) else [], []))
        elif isinstance(event, ScalarEvent):
            count += 1
            if count > MAX_VALUES:
                raise NotReadable(f"at most {MAX_VALUES} keys and values")
            quoted = event.style is not None
            _put(holders[-1], event.value if quoted or event.value not in NULLS else None)
        if documents > 1:
            raise NotReadable("must be one YAML document; remove the line `---`")
    top = holders[0][1]
    return top[0] if top else None


def _implicit(event: Any) -> bool:
    implicit = event.implicit
    return any(implicit) if isinstance(implicit, tuple) else bool(implicit)


def _put(holder: tuple[Any, list[Given]], value: Given) -> None:
    collection, waiting = holder
    if isinstance(collection, list):
        collection.append(value)
    elif isinstance(collection, dict) and waiting:
        key = str(waiting.pop())
        if key in collection:
            raise NotReadable(f"names the key {key[:80]!r} twice; keep one")
        collection[key] = value
    elif isinstance(collection, dict):
        if not isinstance(value, str):
            raise NotReadable("every key must be a word")
        waiting.append(value)
    else:
        waiting.append(value)
