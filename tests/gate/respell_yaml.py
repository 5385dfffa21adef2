"""A value -> YAML (or JSON) text for it in one of many styles: block, flow, quotes, escapes, aliases, merges, tags."""

import json
import re
from random import Random
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
BOOLEANS = {True: ("true", "True", "TRUE", "yes", "Yes", "on", "ON"), False: ("false", "False", "FALSE", "no", "off")}
NULLS = ("null", "~", "Null", "NULL")
NOTES = ("", "", "", "  # x", "  # a: b", "  #")


def load(text: str) -> list[Any] | None:
    """The documents of a YAML text, or None for one that plain data cannot stand for."""
    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError:
        return None


def write(value: Any, rng: Random, *, json_only: bool = False, merging: bool = True) -> str:
    """One document in a style of its own."""
    if json_only or rng.random() < 0.2:
        return _escaped(json.dumps(value, indent=rng.choice([None, 1])), rng, rng.choice([0.0, 0.1, 1.0])) + "\n"
    return _Writer(rng, merging=merging).document(value)


class _Writer:
    """One document's style, drawn once, and the anchors that it has given."""

    def __init__(self, rng: Random, *, merging: bool) -> None:
        self.rng = rng
        self.anchors: dict[str, str] = {}
        self.escaping = rng.choice([0.0, 0.0, 0.1, 1.0])
        self.merging = rng.choice([0.0, 0.0, 0.3]) if merging else 0.0
        self.flowing = rng.choice([0.0, 0.2, 1.0])
        self.aliasing = rng.random() < 0.4

    def document(self, value: Any) -> str:
        value = _noted(value, self.rng) if self.aliasing else value
        tail = self.rng.choice(["", "", "\n", "# end\n"])
        body = self.block(value, 0)
        if not body.startswith("\n"):
            return f"---{body}\n{tail}"
        return self.rng.choice(["", "", "---\n", "--- # x\n", "# x\n---\n"]) + body[1:] + "\n" + tail

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            pairs = [f"{self.key(name)}: {self.flow(part)}" for name, part in self.pairs(value)]
            return "{" + self.rng.choice([", ", ","]).join(pairs) + "}"
        if isinstance(value, list):
            return "[" + self.rng.choice([", ", ","]).join(self.flow(part) for part in value) + "]"
        return self.scalar(value)

    def block(self, value: Any, indent: int) -> str:
        """What stands behind a key's colon or a list's dash, from the blank or line break on."""
        space = " " * indent
        if isinstance(value, dict | list) and (not value or self.rng.random() < self.flowing):
            return " " + self.flow(value)
        if isinstance(value, dict):
            head, lines = self.head(), []
            for name, part in self.pairs(value):
                lines.append(f"{space}{self.key(name)}:{self.block(part, indent + self.rng.choice([1, 2, 4]))}")
            return head + "\n" + "\n".join(lines)
        if isinstance(value, list):
            head = self.head()
            return head + "\n" + "\n".join(f"{space}-{self.item(part, indent + 2)}" for part in value)
        if isinstance(value, str) and _fits_a_block(value) and self.rng.random() < 0.15:
            sign = self.rng.choice("|>") if "\n" not in value else "|"
            lines = value.removesuffix("\n").split("\n")
            return f" {sign}{'' if value.endswith(chr(10)) else '-'}" + "".join(f"\n{space}  {line}" for line in lines)
        return " " + self.scalar(value) + self.rng.choice(NOTES)

    def item(self, value: Any, indent: int) -> str:
        """A list's item: a map's first key stands beside the dash or below it."""
        body = self.block(value, indent)
        beside = isinstance(value, dict) and body.startswith("\n") and self.rng.random() < 0.7
        return " " + body[1 + indent :] if beside else body

    def head(self) -> str:
        return (f" &h{self.rng.randint(0, 99)}" if self.rng.random() < 0.1 else "") + self.rng.choice(NOTES)

    def key(self, name: Any) -> str:
        return "<<" if name == "<<" else self.scalar(name)

    def scalar(self, value: Any) -> str:
        if isinstance(value, bool):
            return self.rng.choice(BOOLEANS[value])
        if value is None:
            return self.rng.choice(NULLS)
        if not isinstance(value, str):
            return str(value)
        if value in self.anchors:
            return f"*{self.anchors[value]} "
        anchor = ""
        if self.aliasing and self.rng.random() < 0.5:
            self.anchors[value] = f"a{len(self.anchors)}"
            anchor = f"&{self.anchors[value]} "
        return anchor + self.text(value)

    def text(self, value: str) -> str:
        plain = PLAIN.fullmatch(value) and isinstance(yaml.safe_load(value), str)
        way = self.rng.choice(["double", "single", "tag", *(["plain"] * 3 if plain else [])])
        if way == "plain":
            return value
        if way == "single" and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return ("!!str " if way == "tag" else "") + _escaped(json.dumps(value), self.rng, self.escaping)

    def pairs(self, value: dict[Any, Any]) -> list[tuple[Any, Any]]:
        """A map's entries in some order, some of them perhaps merged in by `<<`."""
        found = list(value.items())
        self.rng.shuffle(found)
        if len(found) < 2 or "<<" in value or self.rng.random() >= self.merging:
            return found
        cut = self.rng.randint(1, len(found))
        inner = dict(found[:cut])
        return [*found[cut:], ("<<", self.rng.choice([inner, [inner], [{}, inner]]))]


def _escaped(text: str, rng: Random, share: float) -> str:
    """Letters and digits inside JSON's quotes as escapes; escapes that are there stay."""
    out, at, inside = [], 0, False
    share = share if len(text) < 600 else 0.0
    while at < len(text):
        char = text[at]
        if inside and char == "\\":
            width = 6 if text[at + 1] == "u" else 2
            out.append(text[at : at + width])
            at += width
            continue
        inside = inside != (char == '"')
        out.append(f"\\u{ord(char):04x}" if inside and char.isalnum() and rng.random() < share else char)
        at += 1
    return "".join(out)


def _fits_a_block(value: str) -> bool:
    lines = value.removesuffix("\n").split("\n")
    return bool(value.strip()) and all(line and line.isprintable() and line == line.strip() for line in lines)


def _texts(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_texts(part) for pair in value.items() for part in pair))
    if isinstance(value, list):
        return set().union(*(_texts(part) for part in value))
    return {value} if isinstance(value, str) else set()


def _noted(value: Any, rng: Random) -> Any:
    """The same value with some of its texts said before, where they mean nothing, for aliases to stand for them."""
    texts = sorted(_texts(value))
    chosen = rng.sample(texts, min(len(texts), 4))
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(value, list) and isinstance(first, dict) and "vars" not in first:
        return [{"vars": {"note": chosen}, **first}, *value[1:]]
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict):
        meta = value["metadata"]
        annotations = meta.get("annotations") or {}
        if isinstance(annotations, dict):
            noted = {"annotations": {"note": chosen, **annotations}}
            return {
                "metadata": {**noted, **{k: v for k, v in meta.items() if k != "annotations"}},
                **{k: v for k, v in value.items() if k != "metadata"},
            }
    return value
