"""Jinja text -> reasons why it may not run on the runner. Pure: the text is parsed, never rendered."""

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import do, loopcontrols

ENVIRONMENT = Environment(extensions=[do, loopcontrols], autoescape=False)  # noqa: S701 - nothing is rendered here
MAX_TEXT = 100_000
CALLS = frozenset({"range", "dict", "namespace", "now", "undef", "cycler", "joiner", "super", "caller"})
METHODS = frozenset({
    "split", "items", "keys", "values", "get", "startswith", "endswith", "upper", "lower", "strip", "lstrip", "rstrip",
    "replace", "join", "title", "capitalize", "splitlines", "count", "find", "index", "append", "extend", "update",
    "isdigit", "strftime", "timestamp", "next",
})  # fmt: skip
READING_FILTERS = frozenset({
    "attr", "fileglob", "expandvars", "expanduser", "realpath", "relpath", "vault", "unvault", "pprint",
    "pipe", "lookup", "query", "from_file", "read_csv",
})  # fmt: skip
READING_TESTS = frozenset({
    "exists", "file", "is_file", "directory", "is_dir", "link", "is_link", "link_exists", "is_link_exists", "mount",
    "is_mount", "same_file", "is_same_file", "abs", "is_abs", "vault_encrypted", "vaulted_file",
})  # fmt: skip
COLLECTIONS = ("ansible.builtin.", "ansible.posix.", "ansible.utils.", "ansible.netcommon.", "community.general.")
# Filters that take another filter or a test by its name.
APPLYING = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})
CHARACTERS = re.compile(r"%[-+ 0#]*\d*c|\\u00(?:7[bB]|25)|\\x(?:7[bB]|25)")
DUMPS = frozenset({"hostvars", "vars", "environment", "ansible_env", "ansible_facts_all", "ansible_local_env"})


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


def problems(text: str, *, expression: bool = False) -> Iterator[str]:
    """What is wrong with a template, or with a bare `expression` as `when:` takes it."""
    if not expression and not is_template(text) and not text.startswith("#jinja2:"):
        return
    if text.startswith("#jinja2:"):
        yield "chooses other delimiters, which hides what is rendered"
        return
    if len(text) > MAX_TEXT:
        yield "is too long to be judged"
        return
    if expression and not is_template(text):
        text = "{{ (" + text + ") }}"
    tree = _parse(text)
    if tree is None:
        yield "holds Jinja that cannot be read"
        return
    for node in _walk(tree):
        yield from _problem(node)


def whole_dumps(text: str, *, expression: bool = False) -> bool:
    """Whether the text shows all variables of a host or of the run (`hostvars`, `vars`, …) rather than one of them."""
    tree = _parse("{{ " + text + " }}" if expression and not is_template(text) else text)
    if tree is None:
        return True
    inside = {id(node.node) for node in _walk(tree) if isinstance(node, nodes.Getattr | nodes.Getitem)}
    for node in _walk(tree):
        if isinstance(node, nodes.Name) and node.name in DUMPS and id(node) not in inside:
            return True
        if isinstance(node, nodes.Getitem) and id(node) not in inside:
            root = node.node
            if isinstance(root, nodes.Name) and root.name in {"hostvars", "vars"}:
                return True
    return False


def names(text: str) -> set[str]:
    """The variables that a template speaks of; empty when it cannot be read."""
    tree = _parse(text)
    return set() if tree is None else {node.name for node in _walk(tree) if isinstance(node, nodes.Name)}


def is_group_member(text: str) -> bool:
    """Whether the text is exactly `{{ groups['x'][0] }}` or `{{ inventory_hostname }}`: a host of the inventory."""
    tree = _parse(text)
    if (
        tree is None
        or len(tree.body) != 1
        or not isinstance(tree.body[0], nodes.Output)
        or len(tree.body[0].nodes) != 1
    ):
        return False
    node = tree.body[0].nodes[0]
    if isinstance(node, nodes.Name):
        return node.name == "inventory_hostname"
    if not isinstance(node, nodes.Getitem) or not isinstance(node.arg, nodes.Const):
        return False
    group = node.node
    if not isinstance(group, nodes.Getitem | nodes.Getattr) or not isinstance(group.node, nodes.Name):
        return False
    plain = isinstance(group, nodes.Getattr) or (isinstance(group.arg, nodes.Const) and group.arg.value != "all")
    return group.node.name == "groups" and plain


def _parse(text: str) -> nodes.Template | None:
    try:
        return ENVIRONMENT.parse(text)
    except (TemplateError, RecursionError, ValueError, OverflowError):
        return None


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    stack: list[nodes.Node] = [tree]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.iter_child_nodes())


def _problem(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Call):
        if isinstance(node.node, nodes.Name):
            if node.node.name not in CALLS:
                yield f"calls {node.node.name}(), which can read files, run programs or reach out on the runner"
        elif isinstance(node.node, nodes.Getattr):
            if node.node.attr not in METHODS:
                yield f"calls the method {node.node.attr}()"
        else:
            yield "calls something that is computed"
    elif isinstance(node, nodes.Name) and node.name in {"lookup", "query", "q"}:
        yield f"names {node.name}"
    elif isinstance(node, nodes.Filter):
        yield from _named("filter", node.name, READING_FILTERS)
        if node.name.rsplit(".", 1)[-1] in {"b64decode", "format"} and isinstance(node.node, nodes.Const):
            yield f"makes text with the filter {node.name} that nobody can read here"
        if node.name in APPLYING:
            yield from _applied(node)
    elif isinstance(node, nodes.Test):
        yield from _named("test", node.name, READING_TESTS)
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield f"reaches for {node.attr}"
    elif isinstance(node, nodes.Const) and isinstance(node.value, str):
        if "{{" in node.value or "{%" in node.value or node.value.endswith("{"):
            yield "builds a template out of text"
        if CHARACTERS.search(node.value):
            yield "builds text out of the codes of characters"
        if "__" in node.value and node.value.strip("_-=~# ") and any(word in node.value for word in DUNDERS):
            yield f"reaches for {node.value[:40]!r}"
    elif isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        name = node.template
        if not isinstance(name, nodes.Const) or not _plain_file(str(name.value)):
            yield "includes a file by a name that is not plain"


DUNDERS = (
    "__class__",
    "__mro__",
    "__sub",
    "__glob",
    "__init",
    "__import",
    "__builtin",
    "__dict",
    "__getattr",
    "__base",
)


def _applied(node: nodes.Filter) -> Iterator[str]:
    """`map('fileglob')` and `select('exists')` take a filter or a test by its name."""
    reading = READING_FILTERS if node.name == "map" else READING_TESTS
    at = 1 if node.name.endswith("attr") else 0
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield f"hands computed arguments to {node.name}"
    elif len(node.args) > at:
        name = node.args[at]
        if isinstance(name, nodes.Const):
            yield from _named("filter" if node.name == "map" else "test", str(name.value), reading)
        else:
            yield f"hands a computed name to {node.name}"


def _named(what: str, name: str, reading: frozenset[str]) -> Iterator[str]:
    if name.rsplit(".", 1)[-1] in reading:
        yield f"uses the {what} {name}, which looks at the runner's own files or variables"
    elif "." in name and not name.startswith(COLLECTIONS):
        yield f"uses the {what} {name} of a collection that is not allowed"


def _plain_file(name: str) -> bool:
    plain = not name.startswith(("/", "~")) and ".." not in name.split("/") and "{" not in name
    return plain and name.endswith(".j2")
