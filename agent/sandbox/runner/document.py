"""The text of a YAML file -> mappings and lists that know their lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarfloat import ScalarFloat
from ruamel.yaml.scalarint import ScalarInt
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from agent.sandbox.runner.template import Site, Template, Tree, WorkflowError, make_condition, make_template


@dataclass(frozen=True)
class Entry:
    """A YAML node and where it stands. `name` is what errors call it."""

    raw: Any
    path: str
    line: int
    name: str

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    def fail(self, reason: str) -> WorkflowError:
        """The error that says what is wrong with this node."""
        return WorkflowError(f"{self.place}: {self.name} {reason}")

    def items(self) -> Iterator[tuple[str, "Entry"]]:
        """The keys of a mapping with their values. Raises WorkflowError for anything else."""
        if not isinstance(self.raw, CommentedMap):
            raise self.fail("must be a mapping")
        for key in self.raw:
            line = self.raw.lc.key(key)[0] + 1
            if not isinstance(key, str):
                raise WorkflowError(f"{self.path}:{line}: {self.name}: the key {key!r} must be text")
            yield key, Entry(self.raw[key], self.path, line, key)

    def keys(self, allowed: str) -> dict[str, "Entry"]:
        """The mapping's entries. Raises WorkflowError for a key that is not among `allowed`."""
        known = allowed.split()
        entries = dict(self.items())
        for key, entry in entries.items():
            if key not in known:
                raise WorkflowError(f"{entry.place}: unknown key {key!r} in {self.name}; known are {', '.join(known)}")
        return entries

    def elements(self) -> list["Entry"]:
        """The items of a list, or the node itself as the only one. Raises WorkflowError for a mapping or nothing."""
        if isinstance(self.raw, CommentedSeq):
            return [
                Entry(item, self.path, self.raw.lc.item(index)[0] + 1, f"{self.name}[{index}]")
                for index, item in enumerate(self.raw)
            ]
        if self.raw is None or isinstance(self.raw, CommentedMap):
            raise self.fail("must be a list")
        return [self]

    def texts(self) -> tuple[str, ...]:
        """The texts of a list, or the one text that stands for a list of one."""
        return tuple(element.text() for element in self.elements())

    def text(self) -> str:
        """This text. Raises WorkflowError when it is none, or holds an expression."""
        if not isinstance(self.raw, str):
            raise self.fail("must be text")
        if "${{" in self.raw:
            raise self.fail("cannot hold an expression")
        return str(self.raw)

    def flag(self) -> bool:
        if not isinstance(self.raw, (bool, ScalarBoolean)):
            raise self.fail("must be true or false")
        return bool(self.raw)

    def scalar(self) -> str | float | bool | None:
        """This scalar as a plain Python value."""
        match self.raw:
            case None | bool():
                return self.raw
            case ScalarBoolean():
                return bool(self.raw)
            case str():
                return str(self.raw)
            case ScalarInt() | int():
                return int(self.raw)
            case ScalarFloat() | float():
                return float(self.raw)
        raise self.fail("must be a single value")

    def template(self, site: Site) -> Template:
        block = isinstance(self.raw, (LiteralScalarString, FoldedScalarString))
        return make_template(self.scalar(), place=self.place, site=site, multiline=block)

    def condition(self, site: Site) -> Template:
        return make_condition(self.scalar(), place=self.place, site=site)

    def templates(self, site: Site) -> dict[str, Template]:
        """A mapping of scalars."""
        return {key: entry.template(site) for key, entry in self.items()}

    def tree(self, site: Site) -> Tree:
        """Any YAML value, its scalars as templates."""
        if isinstance(self.raw, CommentedMap):
            return {key: entry.tree(site) for key, entry in self.items()}
        if isinstance(self.raw, CommentedSeq):
            return [element.tree(site) for element in self.elements()]
        return self.template(site)


def load_document(text: str, path: str) -> Entry:
    """The top of the YAML document `text`. Raises WorkflowError, with the line, when it is not YAML."""
    try:
        raw = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise WorkflowError(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise WorkflowError(f"{path}:1: not YAML: {error}") from error
    return Entry(raw, path, 1, "the workflow")
