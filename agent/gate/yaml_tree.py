"""YAML text -> documents of items with their lines. Raises YamlError for what parsers could read differently. Pure.

Built from the parser's events, without recursion, so that no nesting and no chain of aliases can exhaust us. Refused
besides what is not YAML: keys given twice, directives, tags that construct something, and nesting over `MAX_DEPTH`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import yaml

MAX_DEPTH = 48
MAX_ITEMS = 200_000
PLAIN_TAGS = frozenset({None, "!", "!vault", "!unsafe"}) | {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "binary")
}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TRUE = frozenset({"true", "yes", "on", "y"})
FALSE = frozenset({"false", "no", "off", "n"})
NULL = frozenset({"", "~", "null"})


class YamlError(ValueError):
    """`line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Item(NamedTuple):
    """`kind` is `text`, `list` or `map`. A map's `parts` are its entries, each an item of kind `entry` whose `text` is
    the key and whose only part is the value. `quoted` tells "true" from true; `tag` is the text's own tag.
    """

    kind: str
    line: int
    text: str = ""
    parts: tuple["Item", ...] = ()
    quoted: bool = False
    tag: str = ""

    def get(self, *names: str) -> "Item | None":
        """The value below the keys `names`, one after the other."""
        found: Item | None = self
        for name in names:
            if found is None or found.kind != "map":
                return None
            found = next((entry.parts[0] for entry in found.parts if entry.text == name), None)
        return found

    def entries(self) -> Iterator[tuple[str, "Item"]]:
        """Keys and values of a map; nothing for another kind."""
        if self.kind == "map":
            for entry in self.parts:
                yield entry.text, entry.parts[0]

    def items(self) -> tuple["Item", ...]:
        """The items of a list; nothing for another kind."""
        return self.parts if self.kind == "list" else ()

    def word(self, name: str) -> str:
        """The text below a key; empty when there is none."""
        value = self.get(name)
        return value.text if value is not None and value.kind == "text" else ""

    @property
    def is_true(self) -> bool:
        return self.kind == "text" and not self.quoted and self.text.lower() in TRUE

    @property
    def is_false(self) -> bool:
        return self.kind == "text" and not self.quoted and self.text.lower() in FALSE

    @property
    def is_null(self) -> bool:
        return self.kind == "text" and not self.quoted and self.text.lower() in NULL


def parse_yaml(text: str) -> list[Item]:
    """All documents of a YAML (or JSON) text. Raises YamlError."""
    documents: list[Item] = []
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version or event.tags:
                    raise YamlError("directives are not read", _line(event))
                builder = _Builder()
            elif isinstance(event, yaml.DocumentEndEvent):
                if builder.done is not None:
                    documents.append(builder.done)
            elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                builder.add(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlError(f"not YAML: {getattr(error, 'problem', error)}", mark.line + 1 if mark else 1) from error
    return documents


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def walk(item: Item) -> Iterator[tuple[tuple[str, ...], Item]]:
    """`item` and all below it, with the keys that lead there. Raises YamlError over MAX_ITEMS (chained aliases)."""
    stack: list[tuple[tuple[str, ...], Item]] = [((), item)]
    count = 0
    while stack:
        path, current = stack.pop()
        count += 1
        if count > MAX_ITEMS or len(path) > MAX_DEPTH * 2:
            raise YamlError("aliases make the document too large", current.line)
        yield path, current
        if current.kind == "map":
            stack.extend(((*path, entry.text), entry.parts[0]) for entry in reversed(current.parts))
        else:
            stack.extend((path, part) for part in reversed(current.parts))


class _Builder:
    """Collects one document's events."""

    def __init__(self) -> None:
        self.done: Item | None = None
        self.open: list[tuple[str, int, str | None, list[Item]]] = []
        self.anchors: dict[str, Item] = {}

    def add(self, event: yaml.NodeEvent | yaml.CollectionEndEvent) -> None:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise YamlError(f"alias *{event.anchor} names nothing before it", line)
            self.put(self.anchors[event.anchor]._replace(line=line), None)
        elif isinstance(event, yaml.CollectionEndEvent):
            kind, start, anchor, parts = self.open.pop()
            self.put(Item("list", start, "", tuple(parts)) if kind == "list" else _map(start, parts), anchor)
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            if event.tag not in PLAIN_TAGS:
                raise YamlError(f"tag {event.tag} is not read", line)
            if isinstance(event, yaml.ScalarEvent):
                quoted = event.style not in {None, ""} or event.tag == "tag:yaml.org,2002:str"
                self.put(Item("text", line, event.value, (), quoted, event.tag or ""), event.anchor)
                return
            if len(self.open) >= MAX_DEPTH:
                raise YamlError(f"nested deeper than {MAX_DEPTH}", line)
            kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
            self.open.append((kind, line, event.anchor, []))

    def put(self, item: Item, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = item
        if self.open:
            self.open[-1][3].append(item)
        else:
            self.done = item


def _map(line: int, parts: list[Item]) -> Item:
    entries: dict[str, Item] = {}
    merged: list[Item] = []
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if key.kind != "text":
            raise YamlError("a key must be text", key.line)
        if key.text == "<<" and not key.quoted:
            merged += [value] if value.kind == "map" else list(value.items())
            continue
        if key.text in entries:
            raise YamlError(f"{key.text!r} is given twice", key.line)
        entries[key.text] = Item("entry", key.line, key.text, (value,), tag=key.tag)
    for source in merged:
        if source.kind != "map":
            raise YamlError("<< merges maps only", source.line)
        for entry in source.parts:
            entries.setdefault(entry.text, entry)
    return Item("map", line, "", tuple(entries.values()))
