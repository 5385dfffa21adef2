"""A task's module and arguments -> findings: which modules may run, with what, and what must not leave. Pure."""

import re
from collections.abc import Iterator

from agent.gate.ansible_file import AnsibleFile, arguments, is_computed, short
from agent.gate.ansible_jinja import is_template, names, whole_dumps
from agent.gate.rules import Example, Hit, Rule
from agent.gate.yaml_tree import Item, walk

BUILTIN = frozenset({
    "apt", "apt_repository", "assemble", "assert", "async_status", "blockinfile", "command", "copy", "cron",
    "deb822_repository", "debconf", "debug", "dnf", "dnf5", "dpkg_selections", "fail", "file", "find",
    "gather_facts", "get_url", "getent", "git", "group", "hostname", "import_playbook", "import_role",
    "import_tasks", "include_role", "include_tasks", "include_vars", "iptables", "known_hosts", "lineinfile",
    "meta", "mount_facts", "package", "package_facts", "ping", "pip", "reboot", "replace", "rpm_key", "service",
    "service_facts", "set_fact", "setup", "shell", "slurp", "stat", "systemd", "systemd_service", "sysvinit",
    "tempfile", "template", "unarchive", "uri", "user", "wait_for", "wait_for_connection", "yum", "yum_repository",
    "validate_argument_spec", "pause", "apt_key", "set_stats", "raw",
})  # fmt: skip
OTHERS = frozenset({
    "ansible.posix.authorized_key", "ansible.posix.firewalld", "ansible.posix.mount", "ansible.posix.seboolean",
    "ansible.posix.selinux", "ansible.posix.sysctl", "ansible.posix.at", "ansible.posix.acl",
    "community.general.alternatives", "community.general.capabilities", "community.general.homebrew",
    "community.general.htpasswd", "community.general.ini_file", "community.general.interfaces_file",
    "community.general.locale_gen", "community.general.make", "community.general.modprobe",
    "community.general.nmcli", "community.general.pacman", "community.general.pam_limits",
    "community.general.parted", "community.general.filesystem", "community.general.lvg", "community.general.lvol",
    "community.general.snap", "community.general.sudoers", "community.general.timezone", "community.general.ufw",
    "community.general.xml", "community.general.zypper", "community.general.apk", "community.general.open_iscsi",
    "community.general.seport", "community.general.sefcontext", "community.general.cronvar",
    "community.general.java_keystore", "community.crypto.x509_certificate", "community.crypto.openssl_privatekey",
    "community.crypto.openssl_csr", "community.crypto.openssl_dhparam", "community.crypto.x509_certificate_info",
    "community.docker.docker_container", "community.docker.docker_image", "community.docker.docker_network",
    "community.docker.docker_volume", "community.docker.docker_compose_v2",
    "community.docker.docker_container_info", "community.postgresql.postgresql_db",
    "community.postgresql.postgresql_user", "community.postgresql.postgresql_privs",
    "community.postgresql.postgresql_ext", "community.postgresql.postgresql_ping",
    "community.postgresql.postgresql_set", "community.mysql.mysql_db", "community.mysql.mysql_user",
    "community.mysql.mysql_variables", "community.rabbitmq.rabbitmq_user", "community.rabbitmq.rabbitmq_vhost",
    "community.rabbitmq.rabbitmq_plugin",
})  # fmt: skip
SHORT = {name.rsplit(".", 1)[1] for name in OTHERS}
# What follows these is a text of its own, not arguments.
FREE = frozenset({"command", "shell", "raw", "meta", *(f"{word}_tasks" for word in ("include", "import"))})
UNSIGNED = re.compile(r"(?i)\[[^\]]*(?:trusted|allow-insecure)\s*=\s*yes")
PATH_ARGUMENTS = {
    "copy": ("src",),
    "template": ("src",),
    "unarchive": ("src",),
    "assemble": ("src",),
    "get_url": (),
    "slurp": (),
}
SECRET_WORD = re.compile(r"(?i)password|passwd|secret|token|private_?key|credential|api_?key")
ITEM = re.compile(r"\{\{ *item(?:\.([a-z_]+))? *\}\}")
PLAIN_SOURCE = re.compile(r"(?:\./)?[A-Za-z0-9_][A-Za-z0-9_./ +@-]*")
# The host is said in plain text, and nothing is handed on in the address.
PLAIN_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?/[^?#]*(?:\?(?!.*\{\{).*)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
# What `use` of package and service may choose: the module that does the work.
USES = frozenset({
    "auto", "apt", "dnf", "dnf5", "yum", "zypper", "pacman", "apk", "systemd", "sysvinit", "openrc", "service",
})  # fmt: skip
CHECKSUM = re.compile(r"(?:sha256|sha384|sha512):[0-9a-f]{64,128}")


def modules(file: AnsibleFile) -> Iterator[Hit]:
    """Modules that a play may use: files, packages, services, users, the usual system and database modules. Not those
    that copy to the runner or run there (`fetch`, `synchronize`, `script`, `add_host`), that speak to the outside
    (`mail`, `slack`, `s3_object`, …), or that nobody has listed. A module's name is never computed.
    """
    for task in file.tasks:
        name = short(task.module)
        if not task.module:
            yield file.hit("no module can be read here", task.item.line)
        elif name not in BUILTIN and name not in OTHERS and name not in SHORT:
            yield file.hit(f"module {task.module!r} is not one that a play may use", task.item.line)
        elif is_computed(task) and name not in FREE:
            yield file.hit(f"the arguments of {name} are computed", task.item.line)
        chosen = arguments(task).get("use") if name in {"package", "service"} else None
        if chosen is not None and short(chosen.text) not in USES:
            yield file.hit(f"{name}: use may be {', '.join(sorted(USES))}", chosen.line)


def controller_files(file: AnsibleFile) -> Iterator[Hit]:
    """`src` of `copy`, `template` and `unarchive` is a file of the runner: a plain relative name inside the play's
    folder, and a template's name ends in `.j2`. A name from a variable is refused; `{{ item }}` is fine when
    the task itself lists plain names. What `remote_src: true` reads lies on the machine and may be any path.
    """
    for task in file.tasks:
        own = arguments(task)
        for name in PATH_ARGUMENTS.get(short(task.module), ()):
            source = own.get(name)
            remote = own.get("remote_src")
            if source is None or (remote is not None and remote.is_true):
                continue
            if source.kind != "text" or not _plain_source(source.text, task.item):
                yield file.hit(f"{short(task.module)}: {name} must be a plain file of the play", source.line)
            elif short(task.module) == "template" and not source.text.endswith(".j2"):
                yield file.hit(
                    "template: the name of a template ends in .j2, so that it is read as one here", source.line
                )
        if short(task.module) == "template" and any(name.endswith("_string") for name in own):
            yield file.hit("template: other delimiters hide what is rendered", task.item.line)


def _plain_source(text: str, task: Item) -> bool:
    if not is_template(text):
        return _inside(text)
    key = ITEM.findall(text)
    if names(text) != {"item"} or len(key) != text.count("{{") or not _inside(ITEM.sub("x", text)):
        return False
    loop = task.get("loop") or task.get("with_items")
    if loop is None or loop.kind != "list" or not loop.parts:
        return False
    values = [part.get(name) if name else part for part in loop.parts for name in key]
    return all(
        value is not None and value.kind == "text" and not is_template(value.text) and _inside(value.text)
        for value in values
    )


def _inside(text: str) -> bool:
    return PLAIN_SOURCE.fullmatch(text) is not None and ".." not in text.split("/")


def downloads(file: AnsibleFile) -> Iterator[Hit]:
    """What is loaded is pinned: `get_url` has a checksum and https, `git` a full commit, `pip`, `apt` and `dnf` take
    names and not addresses, no other index, no switched-off signatures; `unarchive` unpacks what was checked before.
    """
    for task in file.tasks:
        own, name = {key: value.text for key, value in arguments(task).items()}, short(task.module)
        lists = {key: [part.text for part in value.items()] or [value.text] for key, value in arguments(task).items()}
        reason = ""
        if name == "get_url" and not (
            PLAIN_ADDRESS.fullmatch(own.get("url", "")) and CHECKSUM.fullmatch(own.get("checksum", ""))
        ):
            reason = "get_url needs https, a plain host and a literal checksum: sha256:…"
        elif name == "get_url" and any(SECRET_WORD.search(word) for word in names(own["url"])):
            reason = "get_url hands on a secret in its address"
        elif name == "unarchive" and "://" in own.get("src", ""):
            reason = "unarchive of an address: load it with get_url and a checksum first"
        elif name == "git" and not (
            PLAIN_ADDRESS.fullmatch(own.get("repo", "")) and COMMIT.fullmatch(own.get("version", ""))
        ):
            reason = "git needs https and a full commit as version"
        elif name in {"apt_key", "rpm_key"} and not own.get("key", own.get("file", "")).startswith("/"):
            reason = f"{name} of an address: put the key's file beside the play"
        elif name == "pip" and (
            re.search(r"index|find-links|trusted|://|git\+", own.get("extra_args", ""))
            or any("://" in x or "git+" in x for x in lists.get("name", []))
        ):
            reason = "pip takes names from its own index"
        elif name in {"apt", "dnf", "dnf5", "yum", "package"} and (
            "deb" in own or any("://" in item for item in [*lists.get("name", []), *lists.get("pkg", [])])
        ):
            reason = f"{name} takes names, not addresses"
        elif name.endswith("authorized_key") and "://" in own.get("key", ""):
            reason = "authorized_key of an address: write the key itself"
        elif name in {"apt_repository", "deb822_repository"} and UNSIGNED.search(" ".join(own.values())):
            reason = f"{name}: a repository without signatures"
        for flag, off in (
            ("disable_gpg_check", "yes"),
            ("allow_unauthenticated", "yes"),
            ("force", "apt"),
            ("validate_certs", "no"),
            ("sslverify", "no"),
            ("gpgcheck", "no"),
            ("trusted", "yes"),
            ("allow_insecure", "yes"),
        ):
            value = arguments(task).get(flag)
            if value is not None and ((off == "yes" and not value.is_false) or (off == "no" and not value.is_true)):
                reason = f"{name}: {flag} switches a check off"
        if reason:
            yield file.hit(reason, task.item.line)


def shown_secrets(file: AnsibleFile) -> Iterator[Hit]:
    """`debug` shows single values, never all variables of a host (`hostvars`, `vars`, `ansible_env`) and none whose
    name speaks of a secret; `no_log: false` is not said.
    """
    for task in file.tasks:
        no_log = task.item.get("no_log")
        if no_log is not None and not no_log.is_true:
            yield file.hit("no_log may only be true", no_log.line)
        if short(task.module) in {"debug", "fail", "assert", "set_stats"}:
            for key, value in arguments(task).items():
                for _, item in walk(value):
                    if item.kind != "text":
                        continue
                    bare = key in {"var", "that"}
                    spoken = (
                        names(item.text if is_template(item.text) else "{{ " + item.text + " }}")
                        if bare or is_template(item.text)
                        else set()
                    )
                    if (bare or is_template(item.text)) and whole_dumps(item.text, expression=bare):
                        yield file.hit("shows all variables of a host", item.line)
                    elif short(task.module) == "debug" and any(SECRET_WORD.search(word) for word in spoken):
                        yield file.hit("shows a secret", item.line)


def _play(*tasks: str) -> Example:
    body = "".join(f"    - {task}\n" for task in tasks)
    return {"infra/ansible/web/site.yml": f"---\n- name: Web\n  hosts: web\n  tasks:\n{body}"}


RULES: tuple[Rule[AnsibleFile], ...] = (
    Rule(
        "ansible/module",
        "only modules that are listed",
        modules,
        fires=(
            _play("fetch: { src: /etc/shadow, dest: x }"),
            _play("ansible.builtin.script: run.sh"),
            _play("action: fetch src=/x dest=y"),
            _play("acme.tools.thing: {}"),
            _play("'{{ module }}': {}"),
            _play("add_host: { name: x }"),
            _play("block: [{ slack: { } }]"),
        ),
        passes=(_play("ansible.builtin.apt: { name: nginx, state: present }"),),
    ),
    Rule(
        "ansible/controller-file",
        "only files of the play are read on the runner",
        controller_files,
        fires=(
            _play("copy: { src: /root/.aws/credentials, dest: /x }"),
            _play("template: src=../../../x.j2 dest=/x"),
            _play('copy: { src: "{{ path }}", dest: /x }'),
            _play("copy: { src: ~/.ssh/id_ed25519, dest: /x }"),
        ),
        passes=(
            _play("template: { src: nginx.conf.j2, dest: /etc/nginx/nginx.conf }"),
            _play("copy: { src: /a, dest: /b, remote_src: true }"),
        ),
    ),
    Rule(
        "ansible/download",
        "what is loaded is pinned",
        downloads,
        fires=(
            _play("get_url: { url: https://x.example/a, dest: /a }"),
            _play("unarchive: { src: https://x.example/a.tgz, dest: /a, remote_src: true }"),
            _play("apt_key: { url: https://x.example/key }"),
            _play("pip: { name: x, extra_args: --extra-index-url https://x.example }"),
            _play("git: { repo: https://x.example/a, dest: /a, version: main }"),
            _play("apt: { deb: https://x.example/a.deb }"),
        ),
        passes=(_play("get_url: { url: https://x.example/a, dest: /a, checksum: 'sha256:" + "0a" * 32 + "' }"),),
    ),
    Rule(
        "ansible/shown-secret",
        "no variables of a whole host and no secrets in the log",
        shown_secrets,
        fires=(
            _play("debug: { var: hostvars }"),
            _play('debug: { msg: "{{ vars }}" }'),
            _play('debug: { msg: "{{ db_password }}" }'),
            _play("debug: { var: 'hostvars[inventory_hostname]' }"),
            _play("command: x\n      no_log: false"),
        ),
        passes=(_play('debug: { msg: "{{ ansible_facts.hostname }} is ready" }'),),
    ),
)
