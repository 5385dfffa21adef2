"""A play's includes -> findings: tasks, variables, roles and playbooks come from the play's own folder. Pure."""

import re
from collections.abc import Iterator

from agent.gate.ansible_file import AnsibleFile, Task, arguments, short
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item

PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
PLAIN_FILE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*\.(?:yml|yaml|json)")
# Folders of files that Ansible copies, and does not read.
DATA = frozenset({"files", "templates"})
INCLUDES = {
    "include_tasks": ("file",),
    "import_tasks": ("file",),
    "include_vars": ("file", "dir"),
    "import_playbook": ("file",),
    "include_role": ("name", "tasks_from", "vars_from", "defaults_from", "handlers_from"),
    "import_role": ("name", "tasks_from", "vars_from", "defaults_from", "handlers_from"),
    "include": ("file",),
}


def includes(file: AnsibleFile) -> Iterator[Hit]:
    """Tasks, variables, roles and playbooks are included by plain literal names of files of the play: no variables, no
    addresses, no absolute paths, no `..`, no role of a collection, and not from `files/` or `templates/`.
    """
    for task in file.tasks:
        yield from _include(file, task)
    for play in file.plays:
        for name in ("import_playbook", "ansible.builtin.import_playbook"):
            value = play.get(name)
            if value is not None and not _plain_file(value):
                yield file.hit("import_playbook needs a plain name of a file of the play", value.line)
        yield from _roles(file, play.get("roles"))
        listed = play.get("vars_files")
        for part in (listed.items() or (listed,)) if listed is not None and not listed.is_null else ():
            if not _plain_file(part):
                yield file.hit("vars_files needs plain names of files of the play", part.line)
    for document in file.documents:
        if "/meta/" in file.path:
            yield from _roles(file, document.get("dependencies"))


def _include(file: AnsibleFile, task: Task) -> Iterator[Hit]:
    module = short(task.module)
    if module not in INCLUDES:
        return
    own = arguments(task)
    if module == "include_vars" and {"extensions", "ignore_unknown_extensions"} & own.keys():
        yield file.hit("include_vars: variables stand in .yml, .yaml or .json files", task.item.line)
    if task.arguments.kind == "text" and "=" not in task.arguments.text:
        own = {"file": task.arguments, **own} if INCLUDES[module][0] == "file" else {"name": task.arguments, **own}
    if (
        module == "include_vars"
        and "dir" in own
        and (not PLAIN_NAME.fullmatch(own["dir"].text) or own["dir"].text in DATA)
    ):
        yield file.hit("include_vars: dir must be a plain name, and not files or templates", task.item.line)
    given = [own[name] for name in INCLUDES[module] if name in own and name != "dir"]
    if not given and not (module == "include_vars" and "dir" in own):
        yield file.hit(f"{module} says nothing that can be read", task.item.line)
    for value in given:
        plain = (
            _plain_file(value)
            if INCLUDES[module][0] == "file"
            else PLAIN_NAME.fullmatch(value.text.removesuffix(".yml"))
        )
        if value.kind != "text" or not plain:
            yield file.hit(f"{module} needs a plain literal name", value.line)


def _plain_file(value: Item) -> bool:
    parts = value.text.split("/")
    return value.kind == "text" and PLAIN_FILE.fullmatch(value.text) is not None and not DATA & set(parts[:-1])


def _roles(file: AnsibleFile, roles: Item | None) -> Iterator[Hit]:
    if roles is not None and roles.kind != "list" and not roles.is_null:
        yield file.hit("roles must be a list of plain names", roles.line)
    for role in roles.items() if roles is not None else ():
        name = role.text if role.kind == "text" else role.word("role") or role.word("name")
        bad = {"src", "scm", "version"} & {key for key, _ in role.entries()}
        if not PLAIN_NAME.fullmatch(name) or bad:
            yield file.hit(f"role {name[:60]!r} must be a role of the play, by its plain name", role.line)


def _file(text: str, path: str = "infra/ansible/web/site.yml") -> Example:
    return {path: text}


def _play(*tasks: str) -> Example:
    return _file("---\n- name: Web\n  hosts: web\n  tasks:\n" + "".join(f"    - {task}\n" for task in tasks))


RULES: tuple[Rule[AnsibleFile], ...] = (
    Rule(
        "ansible/include",
        "files and roles are included by plain names",
        includes,
        fires=(
            _play("include_tasks: \"{{ lookup('env', 'X') }}\""),
            _play("include_vars: { dir: / }"),
            _play("include_role: { name: attacker.c.r }"),
            _file("---\n- import_playbook: https://x.example/p.yml\n"),
            _play("import_tasks: ../../x.yml"),
            _file(
                "---\ndependencies:\n  - src: git+https://x.example/r.git\n", "infra/ansible/web/roles/r/meta/main.yml"
            ),
        ),
        passes=(_play("include_tasks: install.yml"), _play("import_role: { name: nginx }")),
    ),
)
