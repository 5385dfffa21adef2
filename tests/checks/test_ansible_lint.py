"""ansible-lint, the real one; the guard around what it starts; and programs in its place that fail or lie."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from agent.checks import ansible_lint
from agent.checks.check import CheckResult, Context
from agent.domain import File
from agent.errors import ToolError
from agent.gate import RULES
from agent.tools import Tools

Contexts = Callable[..., Context]
PLAY = "infra/ansible/web"
SITE = """\
---
- name: Web
  hosts: web
  roles:
    - nginx
  tasks:
    - name: Say it
      ansible.builtin.shell: echo hi # noqa: command-instead-of-shell
      tags: [skip_ansible_lint]
    - name: Time zone
      community.general.timezone:
        name: UTC
"""
TASKS = "---\n- name: Install\n  ansible.builtin.apt:\n    name: nginx\n    state: latest\n"


def run(context: Context, texts: dict[str, str]) -> CheckResult:
    return ansible_lint.run(
        [File(path=f"{PLAY}/{name}", content=text) for name, text in texts.items()], context=context
    )


def test_nothing_is_started_without_a_play(context: Contexts) -> None:
    files = [File(path="infra/terraform/dev/x/probes.yaml", content="a: 1\n")]
    assert ansible_lint.run(files, context=context()).run.detail == "no file of its kind"
    assert run(context(), {"files/app.yml": "x: [", "templates/x.j2": ""}).run.detail == "no file of its kind"


@pytest.mark.slow
def test_plays_roles_and_variables_are_linted(context: Contexts, ansible_python: str) -> None:
    """No comment, tag or settings file in the tree switches a rule off, and an allowed module needs no collection."""
    result = run(
        context(ansible=ansible_python, timeout=200.0),
        {
            "site.yml": SITE,
            "roles/nginx/tasks/main.yml": TASKS,
            "group_vars/web.yml": "---\nport: 80\n",
            "hosts.yml": "---\nweb:\n  hosts:\n    web1:\n      ansible_host: 10.0.0.1\n",
            "files/app.yml": "x: [",
            "broken.yml": "---\n- name: Broken\n  hosts: web\n  tasks:\n    - name: X\n      no.such.thing:\n",
        },
    )
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("failed", 5, 5)
    found = {(item.rule, item.path.removeprefix(f"{PLAY}/"), item.line) for item in result.findings}
    assert ("command-instead-of-shell", "site.yml", 7) in found
    assert ("package-latest", "roles/nginx/tasks/main.yml", 2) in found
    assert ("syntax-check[unknown-module]", "broken.yml", 5) in found
    assert not any("canary" in item.path or "timezone" in item.message for item in result.findings)


def guarded(python: str, *argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(ansible_lint.GUARD), "PATH": str(Path(python).parent), "LC_ALL": "C.UTF-8"}
    environment |= {"HOME": str(cwd), "ANSIBLE_HOME": str(cwd / "home")}
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_syntax_check_runs_lookups_and_the_guard_stops_them(ansible_python: str, tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    text = f"- hosts: all\n  tasks:\n    - import_tasks: \"{{{{ lookup('pipe', 'touch {sentinel}; echo x.yml') }}}}\"\n"
    (tmp_path / "site.yml").write_text(text)
    playbook = str(Path(ansible_python).parent / "ansible-playbook")
    done = guarded(ansible_python, playbook, "--syntax-check", "site.yml", cwd=tmp_path)
    assert "/bin/sh is not allowed here" in done.stdout + done.stderr
    assert not sentinel.exists()


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('attacker.example', 80)",
        "import os; os.system('true')",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {})",
        "import subprocess; subprocess.run('true', shell=True)",
        "import subprocess; subprocess.run(['./ansible'])",
        "import os; os.forkpty()",
    ],
)
def test_the_guard_refuses_programs_and_connections(attempt: str, tmp_path: Path) -> None:
    done = guarded(sys.executable, sys.executable, "-S", "-c", f"import sitecustomize\n{attempt}", cwd=tmp_path)
    assert "PermissionError" in done.stderr


def fake(tmp_path: Path, text: str) -> str:
    """A folder of an environment whose ansible-lint is `text`; `paths` are the files it is asked about."""
    program = tmp_path / "ansible-lint"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\npaths = sys.argv[sys.argv.index('--') + 1:]\n"
        "def say(results, seen):\n"
        "    for path in seen:\n"
        "        print(f'DEBUG    Examining {path} of type playbook', file=sys.stderr)\n"
        "    results = [{'ruleId': rule, 'message': {'text': 'x'}, 'locations': [{'physicalLocation':"
        " {'artifactLocation': {'uri': path}}}]} for rule, path in results]\n"
        "    print(json.dumps({'runs': [{'tool': {'driver': {'rules': []}}, 'results': results}]}))\n"
        f"canaries = [('command-instead-of-shell', paths[-2]), ('syntax-check[unknown-module]', paths[-1])]\n{text}\n"
    )
    program.chmod(0o755)
    return str(tmp_path / "python")


def test_only_our_configuration_counts_and_nothing_is_fetched(context: Contexts, tmp_path: Path, tools: Tools) -> None:
    log = StringIO()
    ours = context(
        tools=Tools(environment=tools.environment, log=log),
        ansible=fake(tmp_path, "say(canaries, paths)\nsys.exit(2)"),
    )
    assert run(ours, {"site.yml": SITE, "vars/x.yml": "a: 1\n"}).run.status == "passed"
    argv = log.getvalue().split()
    assert "--offline" in argv
    for option in ("-c", "-i", "--project-dir"):
        assert argv[argv.index(option) + 1].startswith("/")
    assert argv[-4:-2] == [f"{PLAY}/site.yml", f"{PLAY}/vars/x.yml"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sys.exit(1)", "ended with code 1"),
        ("sys.exit(3)", "ended with code 3"),
        ("import time; time.sleep(60)", "no end after"),
        ("print('<html>')", "answer cannot be read"),
        ("print('{}')", "answer cannot be read"),
        ("print(json.dumps({'runs': [{'tool': 1}]}))", "answer cannot be read"),
        ("", "answer cannot be read"),
        ("say([], paths)", r"planted known-bad file \(command-instead-of-shell\)"),
        ("say(canaries[:1], paths)", r"planted known-bad file \(syntax-check\[unknown-module\]\)"),
        ("say(canaries, paths[1:])", f"did not look at {PLAY}/site.yml, 1 of 1 files"),
        ("say([*canaries, ('internal-error', paths[0])], paths)", "it failed on"),
    ],
)
def test_programs_that_fail(context: Contexts, tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ToolError, match=reason):
        run(context(ansible=fake(tmp_path, text), timeout=3.0), {"site.yml": SITE})


def test_missing(context: Contexts) -> None:
    with pytest.raises(ToolError, match="INFRA_AGENT_ANSIBLE_PYTHON names no interpreter"):
        run(context(), {"site.yml": SITE})
    with pytest.raises(ToolError, match="cannot be started"):
        run(context(ansible="/nowhere/python"), {"site.yml": SITE})


def test_a_waiver_reaches_what_is_refused_before_anything_is_started(context: Contexts) -> None:
    text = "- hosts: web\n  tasks:\n    - debug:\n        msg: \"{{ lookup('pipe', 'id') }}\"\n"
    files = [File(path="infra/ansible/web/site.yml", content=text)]
    ours = context(ansible="/nowhere/python")
    with pytest.raises(ToolError, match=r"site\.yml: .*\(ansible/jinja\), so nothing is linted"):
        ansible_lint.run(files, context=ours)
    with pytest.raises(ToolError, match="/nowhere/ansible-lint: cannot be started"):
        ansible_lint.run(files, context=replace(ours, waived=(("ansible/jinja", "infra/ansible/web/*"),)))
    plugin = [*files, File(path="infra/ansible/web/filter_plugins/x.yml", content="a: 1\n")]
    everything = tuple((rule, "*") for rule in RULES)
    with pytest.raises(ToolError, match=r"\(paths/plugins\), so nothing is linted"):
        ansible_lint.run(plugin, context=replace(ours, waived=everything))
