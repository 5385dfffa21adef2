"""HCL text -> a tree of bodies, blocks, attributes and expressions, as Terraform's own parser sees it. Pure.

Our own parser, because a parser that disagrees with Terraform's is a hole and the two libraries we measured disagree:
both take many files that Terraform refuses, and refuse some that it takes. `tests/gate/test_hcl.py` runs every fixture
and generated text through this parser and through `terraform`, and compares what each accepts and sees. What is legal
HCL but never ordinary (names outside ASCII, a carriage return on its own, nesting over `MAX_DEPTH`) is refused here.
Grammar: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md.
"""

from collections.abc import Iterator
from typing import NamedTuple

MAX_DEPTH = 64


class HclError(ValueError):
    """The text is not HCL that we can read. `at` is the offset of the reason in the text."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Node(NamedTuple):
    """One expression. `at` is its offset in the text.

    | kind | text | parts |
    |---|---|---|
    | string | the decoded text | |
    | template | | texts and expressions in their order |
    | number, word | as written (`word` is true, false or null) | |
    | name | the first name of a traversal | |
    | attr | the attribute's name | source |
    | index | | source, key |
    | splat | | source |
    | call | the function's name, namespaces joined by `::` | arguments |
    | op | the operator | operands |
    | if | | condition and branches |
    | list | | items |
    | object | | items, each of kind `item` |
    | item | the key when it is literal, else empty | key, value |
    | for | | collection, then key, value, condition (or a template's body) |
    """

    kind: str
    at: int
    text: str = ""
    parts: tuple["Node", ...] = ()


class Attribute(NamedTuple):
    name: str
    value: Node
    at: int


class Block(NamedTuple):
    """`end` is the offset just behind the closing brace."""

    kind: str
    labels: tuple[str, ...]
    body: "Body"
    at: int
    end: int


class Body(NamedTuple):
    attributes: tuple[Attribute, ...]
    blocks: tuple[Block, ...]

    def get(self, name: str) -> Node | None:
        """The expression of the attribute `name`, if it is there."""
        return next((item.value for item in self.attributes if item.name == name), None)


def walk(node: Node) -> Iterator[Node]:
    """`node` and every expression below it, in the order of the text."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.parts))


def walk_blocks(body: Body) -> Iterator[tuple[tuple[Block, ...], Block]]:
    """Every block at any depth, with the blocks that hold it (outermost first)."""
    stack: list[tuple[tuple[Block, ...], Block]] = [((), block) for block in reversed(body.blocks)]
    while stack:
        above, block = stack.pop()
        yield above, block
        stack.extend(((*above, block), inner) for inner in reversed(block.body.blocks))


def traversal(node: Node) -> tuple[str, ...]:
    """`var.a.b` -> ("var", "a", "b"); empty for anything but names and dots. `a["b"]` counts as `a.b`."""
    names: list[str] = []
    while node.kind in {"attr", "index"}:
        if node.kind == "index":
            if node.parts[1].kind != "string":
                return ()
            names.append(node.parts[1].text)
        else:
            names.append(node.text)
        node = node.parts[0]
    return (node.text, *reversed(names)) if node.kind == "name" else ()


def root_name(node: Node) -> tuple[str, ...]:
    """The names a reference starts with: `aws_x.y[0].z` -> ("aws_x", "y", "z"), indexes and splats left out."""
    names: list[str] = []
    while node.kind in {"attr", "index", "splat"}:
        if node.kind == "attr":
            names.append(node.text)
        node = node.parts[0]
    return (node.text, *reversed(names)) if node.kind == "name" else ()
