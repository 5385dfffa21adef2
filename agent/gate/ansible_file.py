"""The files of one Ansible folder -> plays, tasks, variables and texts with where they stand. Pure."""

import re
import shlex
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from agent.gate.rules import Hit
from agent.gate.yaml_tree import Item, YamlError, parse_yaml, walk

TASK_KEYWORDS = frozenset({
    "action", "any_errors_fatal", "args", "async", "become", "become_exe", "become_flags", "become_method",
    "become_user", "changed_when", "check_mode", "collections", "connection", "debugger", "delay", "delegate_facts",
    "delegate_to", "diff", "environment", "failed_when", "ignore_errors", "ignore_unreachable", "listen",
    "local_action", "loop", "loop_control", "module_defaults", "name", "no_log", "notify", "poll", "port",
    "register", "remote_user", "retries", "run_once", "tags", "throttle", "timeout", "until", "vars", "when",
    "block", "rescue", "always",
})  # fmt: skip
PLAY_MARKS = frozenset({"hosts", "import_playbook", "ansible.builtin.import_playbook"})
TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers")
BLOCKS = ("block", "rescue", "always")
EXPRESSIONS = frozenset({"when", "until", "failed_when", "changed_when", "break_when", "that", "var"})
YAML = (".yml", ".yaml", ".json")
# In inventories: behind a quote, a brace or a dot too, as TOML takes it.
LINE_PAIR = re.compile(r"(?:^|[\s{,.\"'])([A-Za-z_]\w*)[\"']?\s*=\s*(?=(\"[^\"]*\"|'[^']*'|[^\s,}]*))")
INI_PAIR = re.compile(r"(?:^|\s)([A-Za-z_][\w.]*)\s*=\s*(\"[^\"]*\"|'[^']*'|\S*)")


class Task(NamedTuple):
    """`module` is the module's name as written (empty: none found), `arguments` its value."""

    item: Item
    module: str
    arguments: Item


def short(module: str) -> str:
    """`ansible.builtin.copy` -> `copy`; other collections keep their whole name."""
    return module.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def arguments(task: Task) -> dict[str, Item]:
    """The arguments of a task's module, from a map, from `name=value` text, and from `args:`."""
    found: dict[str, Item] = {}
    if task.arguments.kind == "text":
        found = {
            name: Item("text", task.arguments.line, value.strip("\"'"))
            for name, value in INI_PAIR.findall(task.arguments.text)
        }
    found.update(task.arguments.entries())
    more = task.item.get("args")
    if more is not None:
        found.update(more.entries())
    return found


def is_computed(task: Task) -> bool:
    """Whether the arguments, or some of them, are what a template gives: nobody can say here which they are."""
    more = task.item.get("args")
    free = task.arguments.text if task.arguments.kind == "text" else ""
    return (more is not None and more.kind == "text" and not more.is_null) or "{{" in INI_PAIR.sub("", free)


@dataclass(frozen=True)
class AnsibleFile:
    """One file of a play's folder. `documents` is empty for a file that is not YAML."""

    path: str
    text: str
    documents: tuple[Item, ...]
    known: Mapping[str, str]
    error: Hit | None = None

    def hit(self, message: str, line: int) -> Hit:
        return Hit(message, self.path, line)

    @property
    def folder(self) -> str:
        """`infra/ansible/<play>`."""
        return "/".join(self.path.split("/")[:3])

    @property
    def is_template(self) -> bool:
        return self.path.endswith(".j2") or self._place == "templates"

    @property
    def is_lines(self) -> bool:
        """Whether the file may be read line by line, as an inventory is, or not by Ansible at all."""
        return not self.is_template and not self.path.endswith(YAML)

    @property
    def _place(self) -> str:
        """The folder below the play or the role that the file stands in: `files`, `tasks`, `group_vars`, …"""
        parts = self.path.split("/")[3:-1]
        parts = parts[2:] if parts[:1] == ["roles"] else parts
        return parts[0] if parts else ""

    @cached_property
    def plays(self) -> list[Item]:
        return [
            play
            for document in self.documents
            for play in document.items()
            if play.kind == "map" and any(play.get(mark) is not None for mark in PLAY_MARKS)
        ]

    @cached_property
    def tasks(self) -> list[Task]:
        """Every task of the file, blocks and handlers included, in plays and in task files."""
        found: list[Task] = []
        stack = [item for document in self.documents for item in document.items() if item.kind == "map"]
        while stack:
            item = stack.pop(0)
            if any(item.get(mark) is not None for mark in PLAY_MARKS):
                for name in TASK_LISTS:
                    lists = item.get(name)
                    stack.extend(lists.items() if lists is not None else ())
                continue
            inner = [part for name in BLOCKS if (part := item.get(name)) is not None]
            for part in inner:
                stack.extend(part.items())
            if item.kind == "map" and not self.is_data and (not inner or self._module(item)[0]):
                found.append(Task(item, *self._module(item)))
        return found

    @property
    def is_data(self) -> bool:
        """Whether the file is copied to machines rather than read by Ansible."""
        return self._place in {"files", "templates"}

    @staticmethod
    def _module(item: Item) -> tuple[str, Item]:
        for name, value in item.entries():
            if name in {"action", "local_action"}:
                if value.kind == "map":
                    return value.word("module"), value
                module, _, rest = value.text.strip().partition(" ")
                return module, value._replace(text=rest)
        for name, value in item.entries():
            if name not in TASK_KEYWORDS and not name.startswith("with_"):
                return name, value
        return "", Item("map", item.line)

    @cached_property
    def texts(self) -> list[tuple[tuple[str, ...], Item]]:
        """Every text with the keys that lead to it; a key that is a text of its own stands as (…, key)."""
        found = []
        for document in self.documents:
            for path, item in walk(document):
                if item.kind == "text" and item.tag != "!vault":
                    found.append((path, item))
        return found

    @cached_property
    def keys(self) -> list[tuple[str, Item, int]]:
        """Every key of every map with its value and line, and every `name=value` of inventories and short arguments."""
        found: list[tuple[str, Item, int]] = []
        for document in self.documents:
            for _, item in walk(document):
                if item.kind == "map":
                    found += [(entry.text, entry.parts[0], entry.line) for entry in item.parts]
                elif item.kind == "text" and "=" in item.text:
                    found += [
                        (name, Item("text", item.line, value.strip("\"'")), item.line)
                        for name, value in INI_PAIR.findall(item.text)
                    ]
        if self.is_lines:
            for number, line in enumerate(self.text.split("\n"), start=1):
                pairs = [*LINE_PAIR.findall(line), *(word.split("=", 1) for word in _words(line) if "=" in word)]
                found += [(name, Item("text", number, value.strip("\"'")), number) for name, value in pairs]
        return found


def _words(line: str) -> list[str]:
    """The words of an inventory's line, as Ansible splits them: quotes may stand anywhere in a word."""
    try:
        return list(dict.fromkeys(shlex.split(line, comments=True)))
    except ValueError:
        return line.split()


def read_files(files: Mapping[str, str | None], known: Mapping[str, str]) -> Iterator[AnsibleFile]:
    """The files of the change below `infra/ansible/`."""
    for path, content in sorted(files.items()):
        if content is None or not path.startswith("infra/ansible/"):
            continue
        documents: tuple[Item, ...] = ()
        error = None
        bare = AnsibleFile(path, content, (), known)
        # Ansible reads YAML from files without an extension too: inventories, and variables of a group of that name.
        named = path.endswith(YAML)
        if (named or "." not in path.rsplit("/", 1)[-1]) and not bare.is_template:
            try:
                documents = tuple(parse_yaml(content))
                for document in documents:
                    deque(walk(document), maxlen=0)
            except YamlError as problem:
                documents, error = (), Hit(str(problem), path, problem.line) if named else None
        if not named and not any(document.kind == "map" for document in documents):
            documents = ()
        yield AnsibleFile(path, content, documents, known, error)
