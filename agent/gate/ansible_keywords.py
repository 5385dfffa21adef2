"""Keywords and variables of plays -> findings: what chooses code, programs, or where a task runs. Pure."""

import re
from collections.abc import Iterator

from agent.gate.ansible_file import AnsibleFile, arguments, short
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item

CONNECTION = re.compile(
    r"ansible_(?:connection|ssh_.*|sftp_.*|scp_.*|.*_interpreter|become_(?:exe|flags|plugin)|shell_(?:executable|type)"
    r"|executable|remote_tmp|async_dir|private_key_file|host_key_checking|.*_common_args|.*_extra_args|.*_executable"
    r"|winrm_.*|psrp_.*|docker_.*|kubectl_.*|lxc_.*|network_os|.*proxy.*|local_.*|module_.*|python_.*|config_file"
    r"|password|become_pass(?:word)?|paramiko_.*|control_path.*|pipelining|facts_modules)"
)
INTERPRETER = re.compile(r"/usr/(?:local/)?bin/python3(?:\.\d+)?|auto(?:_silent|_legacy|_legacy_silent)?")
METHODS = frozenset({"sudo", "su", "ansible.builtin.sudo", "ansible.builtin.su"})
# Names that Ansible gives itself; who takes one says where a task runs.
TAKEN = re.compile(
    r"ansible_.*|groups|group_names|hostvars|inventory_(?:hostname(?:_short)?|file|dir)|play_hosts|playbook_dir|vars"
    r"|environment|omit|role_(?:name|path)"
)
TAKING = frozenset({"loop_var", "index_var", "register"})
ESCAPED = re.compile(r"(?m)^[^#\n=]*\\[uU][0-9A-Fa-f]{4}")
# Arguments that say how a module works. What it reads, loads, runs or sends stands in the task, where it is judged.
DEFAULTS = frozenset({
    "owner", "group", "mode", "state", "enabled", "update_cache", "cache_valid_time", "daemon_reload", "backup",
    "lock_timeout", "install_recommends", "timeout", "create", "append", "follow", "become", "masked", "scope",
    "region",
})  # fmt: skip
STRATEGIES = frozenset({"linear", "free", "host_pinned", "ansible.builtin.linear", "ansible.builtin.free"})
COLLECTIONS = frozenset(
    {"ansible.builtin", "ansible.posix", "community.general", "community.crypto", "community.docker"}
)
# Variables by which programs are told where to load code from.
LOADING = re.compile(
    r"PIP_(?:.*INDEX_URL|FIND_LINKS|TRUSTED_HOST|CONFIG_FILE)|LD_PRELOAD|LD_AUDIT|BASH_ENV|PYTHONSTARTUP|APT_CONFIG"
    r"|GIT_(?:SSH|SSH_COMMAND|EXEC_PATH|CONFIG_.*)|(?i:NPM_CONFIG_REGISTRY)|GOPROXY|GOFLAGS|ANSIBLE_[A-Z_]+"
)
# A folder that anybody may write to, or one that depends on where the program starts, an empty one included.
OPEN_PATH = re.compile(r"(?:.*:)?(?:(?:/tmp|/var/tmp|/dev/shm)\b.*|[^/{$~].*|)(?::.*)?")
# What only looks, and may do so while a change is planned.
READING = frozenset({
    "stat", "slurp", "setup", "gather_facts", "service_facts", "package_facts", "mount_facts", "getent", "find",
    "assert", "debug", "ping", "set_fact", "fail", "uri", "wait_for",
})  # fmt: skip


def connection_variables(file: AnsibleFile) -> Iterator[Hit]:
    """Variables that decide which program the runner starts to reach a machine (`ansible_ssh_common_args` with a
    `ProxyCommand`, `ansible_connection`, `ansible_…_interpreter`, `ansible_become_exe`) or that hold its password; and
    a loop or a result that takes the name of one. `ansible_python_interpreter` may be a plain `/usr/bin/python3`.
    """
    for name, value, line in file.keys:
        if name in TAKING and not file.is_data and TAKEN.fullmatch(value.text):
            yield file.hit(f"{name}: {value.text[:60]} is a name of Ansible's own", line)
        if name.lower() == "ansible_become_method" and value.text not in METHODS:
            yield file.hit("ansible_become_method is sudo or su", line)
        if not CONNECTION.fullmatch(name.lower()):
            continue
        if name == "ansible_python_interpreter" and value.kind == "text" and INTERPRETER.fullmatch(value.text):
            continue
        yield file.hit(f"{name} decides what the runner starts to reach a machine", line)
    for task in file.tasks:
        kept = arguments(task).get("name")
        if short(task.module) == "include_vars" and kept is not None and TAKEN.fullmatch(kept.text):
            yield file.hit(f"include_vars: {kept.text[:60]} is a name of Ansible's own", kept.line)
    if file.path.endswith(".toml") and not file.is_data and ESCAPED.search(file.text):
        yield file.hit("a name is spelled with escapes", 0)


def keywords(file: AnsibleFile) -> Iterator[Hit]:
    """`strategy`, `collections`, `become_exe`, `become_flags`, `become_method` and `debugger` choose code and programs:
    only the usual ones. `environment` does not say where programs load code from. `check_mode: false` lets a task run
    while the change is only planned: fine for what looks, and for nothing that could change something.
    """
    looking = {
        value.line
        for task in file.tasks
        if short(task.module) in READING and (value := task.item.get("check_mode")) is not None
    }
    for name, value, line in file.keys:
        if file.is_data:
            continue
        if name in {"become_exe", "become_flags", "debugger", "vars_prompt", "fact_path"}:
            yield file.hit(f"{name} is not a change's to set", line)
        elif name == "module_defaults":
            for part in value.items() or (value,):
                yield from _defaults(file, part)
        elif name == "become_method" and value.text not in METHODS:
            yield file.hit("become_method is sudo or su", line)
        elif name == "strategy" and value.text not in STRATEGIES:
            yield file.hit(f"strategy is one of {', '.join(sorted(STRATEGIES))}", line)
        elif name == "collections" and any(part.text not in COLLECTIONS for part in value.items() or (value,)):
            yield file.hit(f"collections are among {', '.join(sorted(COLLECTIONS))}", line)
        elif LOADING.fullmatch(name):
            yield file.hit(f"{name} says where programs load code from", line)
        elif name == "PATH" and OPEN_PATH.fullmatch(value.text):
            yield file.hit("PATH begins with, or holds, a folder that anybody may write to", line)
        elif name == "check_mode" and not value.is_true and value.line not in looking:
            yield file.hit("check_mode may only be true: the task would run while the change is planned", line)


def _defaults(file: AnsibleFile, value: Item) -> Iterator[Hit]:
    if value.kind != "map":
        yield file.hit("module_defaults must be a plain map", value.line)
    for module, given in value.entries():
        if given.kind != "map":
            yield file.hit(f"module_defaults of {module[:60]} must be a plain map", given.line)
        for name, part in given.entries():
            if name not in DEFAULTS:
                yield file.hit(f"module_defaults: {name} of {module[:60]} belongs into the task", part.line)


def _file(text: str, path: str = "infra/ansible/web/site.yml") -> Example:
    return {path: text}


def _task(text: str) -> Example:
    return _file(f"---\n- name: Web\n  hosts: web\n  tasks:\n    - {text}\n")


def _vars(text: str) -> Example:
    return _file(f"---\n{text}\n", "infra/ansible/web/group_vars/web.yml")


RULES: tuple[Rule[AnsibleFile], ...] = (
    Rule(
        "ansible/connection-variable",
        "no variable decides what the runner starts",
        connection_variables,
        fires=(
            _vars("ansible_ssh_common_args: '-o ProxyCommand=\"sh -c id\"'"),
            _vars("ansible_connection: local"),
            _vars("ansible_ruby_interpreter: /x"),
            _vars("ansible_become_exe: /x"),
            _file("web1 ansible_connection=local\n", "infra/ansible/web/inventory.ini"),
            _task("command: id\n      loop: [local]\n      loop_control: { loop_var: ansible_connection }"),
        ),
        passes=(_vars("ansible_python_interpreter: /usr/bin/python3\nansible_user: deploy"),),
    ),
    Rule(
        "ansible/keyword",
        "no keyword that chooses code",
        keywords,
        fires=(
            _file("---\n- hosts: web\n  strategy: ./evil\n  tasks: []\n"),
            _file("---\n- hosts: web\n  collections: [evil.x]\n  tasks: []\n"),
            _task("pip: { name: x }\n      environment: { PIP_INDEX_URL: https://x.example }"),
            _task("command: touch /x\n      check_mode: false"),
        ),
        passes=(
            _file("---\n- hosts: web\n  strategy: free\n  become: true\n  tasks: []\n"),
            _task("stat: { path: /x }\n      check_mode: false\n      environment: { LANG: C.UTF-8 }"),
        ),
    ),
)
