"""A change's files below `infra/ansible/` -> findings: what would run on the runner, not on the machines. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address

from agent.domain import File, Finding
from agent.gate import ansible_commands, ansible_include, ansible_keywords, ansible_modules, secret
from agent.gate.ansible_file import EXPRESSIONS, AnsibleFile, arguments, read_files
from agent.gate.ansible_jinja import is_group_member, is_template, problems
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item

# Also the numbers that the C library takes for an address: 0x7f000001, 2130706433, 0177.0.0.1.
HERE = re.compile(r"(?i)localhost.*|127\..*|[0-9]+|0x[0-9a-f.x]+|0[0-9]+\..*|ip6-(?:localhost|loopback)|\[.*\]")
LOOPS = frozenset({
    "with_items", "with_list", "with_dict", "with_indexed_items", "with_sequence", "with_nested", "with_together",
    "with_subelements", "with_flattened", "with_cartesian",
})  # fmt: skip


def unparsable(file: AnsibleFile) -> Iterator[Hit]:
    """YAML that cannot be read, or that two readers could read differently: keys given twice, directives, tags that
    construct something, nesting over 48, chains of aliases.
    """
    if file.error is not None:
        yield file.error


def templates(file: AnsibleFile) -> Iterator[Hit]:
    """Jinja runs on the runner. `lookup`, `query` and every other call that is not listed can run programs, read files
    and reach out; so can some filters (`fileglob`, `expandvars`), tests (`is exists`) and reaching for `__class__`. The
    text is parsed wherever Ansible would render it: values, keys, `when:`, templates.
    """
    if file.is_template or not file.documents:
        for reason in problems(file.text):
            yield file.hit(f"the template {reason}", 0)
        return
    for path, item in file.texts:
        expression = bool(path) and path[-1] in EXPRESSIONS and item.text != ""
        for reason in dict.fromkeys(problems(item.text, expression=expression and not _boolean(item))):
            yield file.hit(f"{path[-1] if path else 'text'}: {reason}", item.line)
    for task in file.tasks:
        for name, item in arguments(task).items():
            if name in EXPRESSIONS and task.arguments.kind == "text" and item.text:
                for reason in dict.fromkeys(problems(item.text, expression=True)):
                    yield file.hit(f"{name}: {reason}", task.item.line)
    for name, _, line in file.keys:
        if is_template(name):
            yield file.hit(f"the key {name[:60]!r} is computed", line)


def _boolean(item: Item) -> bool:
    return item.is_true or item.is_false or item.is_null


def loops(file: AnsibleFile) -> Iterator[Hit]:
    """`with_…` is a lookup by another name: `with_pipe` runs a program, `with_lines` and `with_file` read the runner.
    Those that only go through given values are fine.
    """
    for name, _, line in file.keys:
        if name.startswith("with_") and name not in LOOPS and not file.is_data:
            yield file.hit(f"{name} is a lookup on the runner", line)


def on_the_controller(file: AnsibleFile) -> Iterator[Hit]:
    """Tasks run on the machines, not on the runner: no `local_action`, no `connection: local`, no `delegate_to` or
    `hosts` that is the runner or is computed. `{{ groups['db'][0] }}` is a machine of the inventory and fine.
    """
    for play in file.plays:
        hosts = play.get("hosts")
        if hosts is not None and not _is_inventory(hosts):
            yield file.hit("hosts is the runner, or cannot be told", hosts.line)
    for name, value, line in file.keys:
        if file.is_data:
            continue
        if name == "local_action":
            yield file.hit("local_action runs on the runner", line)
        elif name == "connection" and value.kind == "text" and value.text not in {"ssh", "ansible.builtin.ssh"}:
            yield file.hit(f"connection: {value.text[:40]} is not ssh", line)
        elif name == "delegate_to" and not _is_inventory(value):
            yield file.hit(f"{name} leads to the runner, or cannot be told", line)
        elif name in {"ansible_host", "ansible_ssh_host"} and (_is_runner(value.text) or is_template(value.text)):
            yield file.hit(f"{name} is the runner, or cannot be told", line)
        elif _is_runner(name) and not is_template(name):
            yield file.hit(f"{name} is the runner, not a machine", line)
    if file.is_lines and not file.is_data:
        for number, line_text in enumerate(file.text.split("\n"), start=1):
            first = re.split(r"[#;]", line_text, maxsplit=1)[0].split()
            if first and not first[0].startswith("[") and _is_runner(first[0]):
                yield file.hit(f"{first[0]} is the runner, not a machine", number)


def _is_inventory(value: Item) -> bool:
    if value.kind == "map":
        return not any(_is_runner(name) for name, _ in value.entries())
    texts = [part.text for part in value.items()] if value.kind == "list" else [value.text]
    for text in texts:
        if is_template(text):
            if not is_group_member(text):
                return False
        elif not text or _is_runner(text) or any(_is_runner(part.strip(" !&")) for part in re.split(r"[,:&]", text)):
            return False
    return bool(texts)


def _is_runner(name: str) -> bool:
    """Whether a host's name is the runner's, a pattern that could make up its name (`loc[a:b]lhost`), or an option of
    the program that would be started to reach it (`-oProxyCommand=…`).
    """
    if name.startswith("-") or HERE.fullmatch(name) or re.search(r"\[[^\]]*[A-Za-z]", name):
        return True
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_loopback or inner.is_unspecified)


def inventories(file: AnsibleFile) -> Iterator[Hit]:
    """An inventory lists machines. A file with `plugin:` at its top makes an inventory plugin run on the runner."""
    for document in file.documents:
        if document.get("plugin") is not None and not file.is_data:
            yield file.hit("an inventory plugin would run on the runner", document.line)


def literal_secrets(file: AnsibleFile) -> Iterator[Hit]:
    """A password, key or token as a plain value. `!vault` and references to variables are fine."""
    for name, value, line in file.keys:
        if value.kind == "text" and value.tag != "!vault" and secret.assigned(name, value.text):
            yield file.hit(f"{name} is given a literal value", line)


def _file(text: str, path: str = "infra/ansible/web/site.yml") -> Example:
    return {path: text}


def _play(*tasks: str) -> Example:
    return _file("---\n- name: Web\n  hosts: web\n  tasks:\n" + "".join(f"    - {task}\n" for task in tasks))


def _vars(text: str) -> Example:
    return _file(f"---\n{text}\n", "infra/ansible/web/group_vars/web.yml")


RULES: tuple[Rule[AnsibleFile], ...] = (
    Rule(
        "ansible/unparsable",
        "every file can be read in one way",
        unparsable,
        fires=(_file("a: [\n"), _file("a: 1\na: 2\n"), _file("a: !!python/object:os.system x\n")),
        passes=(_vars("a: 1"),),
        waivable=False,
    ),
    Rule(
        "ansible/jinja",
        "no lookups and no reaching out in templates",
        templates,
        fires=(
            _vars("x: \"{{ lookup('ansible.builtin.pipe', 'id') }}\""),
            _play("debug: { msg: \"{{ query('env', 'HOME') }}\" }"),
            _play("command: x\n      when: lookup('env', 'X') == ''"),
            _vars("x: \"{{ ''.__class__ }}\""),
            _file("{{ lookup('file', '/etc/passwd') }}\n", "infra/ansible/web/templates/a.j2"),
            _vars('"{{ x }}": 1'),
        ),
        passes=(
            _vars("x: \"{{ y | default([]) | join(',') }}\""),
            _play("command: x\n      when: a is defined and b | bool"),
        ),
    ),
    Rule(
        "ansible/loop",
        "no lookups as loops",
        loops,
        fires=(_play("command: x\n      with_pipe: id"), _play("command: x\n      with_lines: cat /etc/passwd")),
        passes=(_play("apt: { name: '{{ item }}' }\n      with_items: [a, b]"),),
    ),
    Rule(
        "ansible/controller",
        "tasks run on machines, not on the runner",
        on_the_controller,
        fires=(
            _play("command: x\n      delegate_to: localhost"),
            _play("local_action: command x"),
            _play("command: x\n      delegate_to: '{{ x }}'"),
            _file("---\n- hosts: localhost\n  tasks: []\n"),
            _file("---\n- hosts: web\n  connection: local\n  tasks: []\n"),
            _file("127.0.0.1\n", "infra/ansible/web/inventory.ini"),
        ),
        passes=(_play("command: x\n      delegate_to: \"{{ groups['db'][0] }}\""),),
    ),
    *ansible_keywords.RULES,
    *ansible_include.RULES,
    Rule(
        "ansible/inventory",
        "an inventory is data",
        inventories,
        fires=(_file("plugin: amazon.aws.aws_ec2\n", "infra/ansible/web/inventory.yml"),),
        passes=(
            _file("all:\n  hosts:\n    web1:\n      ansible_host: 192.0.2.1\n", "infra/ansible/web/inventory.yml"),
        ),
    ),
    Rule(
        "ansible/secret",
        "no secret as a plain value",
        literal_secrets,
        fires=(_vars("db_password: hunter2hunter2"),),
        passes=(_vars('db_password: "{{ vault_db_password }}"'),),
    ),
    *ansible_modules.RULES,
    *ansible_commands.RULES,
)


def examine_ansible(files: Sequence[File], *, base: Mapping[str, str] | None) -> list[Finding]:
    """Findings of all Ansible rules on the files of the change below `infra/ansible/`."""
    own = {file.path: file.content for file in files}
    known = {**(base or {}), **{path: text for path, text in own.items() if text is not None}}
    return [finding for file in read_files(own, known) for rule in RULES for finding in rule.findings(file)]
