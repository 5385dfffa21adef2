"""What kustomizations and charts become is built once, and judged by every check of manifests."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.checks import checkov, kubernetes, kubernetes_build, rego
from agent.checks.check import Built, Check, CheckResult, Context, named
from agent.checks.kubernetes_build import build, once
from agent.checks.worker import Worker
from agent.domain import File, Finding
from agent.errors import ToolError
from agent.tools import Tools
from tests.checks.samples import HERE
from tests.checks.test_kubernetes import APP, CHART, DEPLOYMENT, kubectl

__all__ = ["kubectl"]

Contexts = Callable[..., Context]
PLAIN = DEPLOYMENT.replace(", namespace: shop", "")
PATCH = """\
resources: [app.yaml]
namespace: shop
patches:
  - target: {kind: Deployment}
    patch: |-
      - {op: add, path: /spec/template/spec/containers/0/securityContext/privileged, value: true}
"""
KUSTOMIZED = {"kustomization.yaml": PATCH, "app.yaml": PLAIN}
TEMPLATE = PLAIN.replace("allowPrivilegeEscalation: false", "privileged: {{ .Values.privileged }}")
CHARTED = {
    "Chart.yaml": CHART,
    "values.yaml": "privileged: false\n",
    "values-prod.yaml": "privileged: true\n",
    "templates/app.yaml": TEMPLATE,
}


def files(texts: dict[str, str]) -> list[File]:
    return [File(path=f"{APP}/{name}", content=text) for name, text in texts.items()]


def rules(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    return {(item.rule, item.path.removeprefix(f"{APP}/")) for item in findings}


@pytest.fixture
def judge(context: Contexts, kubernetes_python: str, worker: Worker) -> Callable[..., CheckResult]:
    def run(check: Check, texts: dict[str, str], *, root: Path = HERE) -> CheckResult:
        # The policies of `root` are for Rego; this checkov was started without any.
        ours = context(
            kubernetes=kubernetes_python, worker=worker, root=root if check is rego else HERE / "tests/checks"
        )
        return check.run(files(texts), context=ours)

    return run


@pytest.mark.usefixtures("kubectl")
def test_a_patch_that_makes_a_good_file_bad_is_found_by_every_check(judge: Callable[..., CheckResult]) -> None:
    fine = {**KUSTOMIZED, "kustomization.yaml": PATCH.replace("true", "false")}
    for check, rule in ((kubernetes, "kubernetes/privilege"), (checkov, "CKV_K8S_16")):
        assert (rule, "kustomization.yaml") in rules(judge(check, KUSTOMIZED).findings)
        assert rule not in {name for name, _ in rules(judge(check, fine).findings)}


def test_a_value_that_makes_a_template_bad_is_found_by_every_check(judge: Callable[..., CheckResult]) -> None:
    fine = {**CHARTED, "values-prod.yaml": "privileged: false\n"}
    for check, rule in ((kubernetes, "kubernetes/privilege"), (checkov, "CKV_K8S_16")):
        (found,) = [item for item in judge(check, CHARTED).findings if item.rule == rule]
        assert (found.path, found.line) == (f"{APP}/templates/app.yaml", 0)
        assert found.message.startswith("built with values-prod.yaml: ")
        assert rule not in {name for name, _ in rules(judge(check, fine).findings)}


def test_rego_judges_what_a_chart_becomes(judge: Callable[..., CheckResult]) -> None:
    """The limits stand in the values alone."""
    template = TEMPLATE + "          resources: {{ .Values.resources | toJson }}\n"
    limits = "resources: {limits: {memory: 1Gi}, requests: {cpu: 1, memory: 1Gi}}\n"
    texts = {**CHARTED, "templates/app.yaml": template, "values.yaml": f"privileged: false\n{limits}"}
    assert judge(rego, texts).findings == ()
    found = judge(rego, {**texts, "values-prod.yaml": "resources: {limits: null}\n"}).findings
    assert {(item.rule, item.path, item.line) for item in found} == {
        ("container-limits", f"{APP}/templates/app.yaml", 0)
    }
    assert all(item.message.startswith("built with values-prod.yaml: ") for item in found)


@pytest.mark.usefixtures("kubectl")
def test_what_a_file_says_already_is_not_said_again(judge: Callable[..., CheckResult]) -> None:
    for check in (checkov, rego):
        found = rules(judge(check, KUSTOMIZED).findings)
        twice = {rule for rule, path in found if path == "app.yaml"} & {
            rule for rule, path in found if path == "kustomization.yaml"
        }
        assert any(path == "app.yaml" for _, path in found)
        assert twice == set()


def test_the_same_of_several_builds_is_said_once() -> None:
    finding = Finding(source="x", rule="r", severity="high", message="bad", path="built", line=7)
    one = Built("a.yaml", "1", "built", "")
    two = one._replace(root="2", how="built for an upgrade")
    other = Built("b.yaml", "3", "built", "")
    found = named([(one, finding), (two, finding), (other, finding)])
    assert [(item.path, item.line, item.message) for item in found] == [
        ("a.yaml", 0, "built: bad"),
        ("b.yaml", 0, "built: bad"),
    ]


def test_an_upgrade_is_built_when_it_is_another_thing(context: Contexts, kubernetes_python: str) -> None:
    ours = context(kubernetes=kubernetes_python)
    assert [one.how for one in build(files(CHARTED), ours)] == ["built", "built with values-prod.yaml"]
    upgraded = {"Chart.yaml": CHART, "templates/a.yaml": "a: {{ .Release.IsUpgrade }}\n"}
    assert [(one.how, one.text.strip()) for one in build(files(upgraded), ours)] == [
        ("built", "a: false"),
        ("built for an upgrade", "a: true"),
    ]


@pytest.mark.parametrize("check", [kubernetes, checkov, rego])
def test_what_does_not_build_is_not_passed_by_anyone(judge: Callable[..., CheckResult], check: Check) -> None:
    with pytest.raises(ToolError, match=r"Chart\.yaml: it does not build: "):
        judge(check, {**CHARTED, "templates/app.yaml": "{{ .Values.privileged"})


def test_it_is_built_once_for_all_who_ask(context: Contexts, kubernetes_python: str, tmp_path: Path) -> None:
    log = (tmp_path / "log").open("w+")
    tools = replace(context().tools, log=log)
    ask = once(files(CHARTED), context(kubernetes=kubernetes_python, tools=tools))
    answers: list[tuple[Built, ...]] = []
    threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == 3
    assert answers[0] == answers[1] == answers[2] != ()
    log.seek(0)
    assert len(log.readlines()) == 1


def test_a_build_that_fails_fails_for_all_who_ask(context: Contexts) -> None:
    ask = once(files(CHARTED), context(tools=Tools(environment={"PATH": "/nowhere"})))
    for _ in range(2):
        with pytest.raises(ToolError, match="INFRA_AGENT_KUBERNETES_PYTHON"):
            ask()


@pytest.mark.usefixtures("kubectl")
def test_a_waiver_reaches_what_is_refused_before_anything_is_built(context: Contexts, kubernetes_python: str) -> None:
    """Then the renderer decides: this key is one that it knows, and it stays offline."""
    texts = {"kustomization.yaml": "resources: [app.yaml]\nnamespace: shop\nreplacements: []\n", "app.yaml": PLAIN}
    ours = context(kubernetes=kubernetes_python)
    with pytest.raises(ToolError, match="kubernetes/kustomize"):
        build(files(texts), ours)
    elsewhere = replace(ours, waived=(("kubernetes/kustomize", "infra/kubernetes/prod/*"),))
    with pytest.raises(ToolError, match="kubernetes/kustomize"):
        build(files(texts), elsewhere)
    accepted = replace(ours, waived=(("kubernetes/kustomize", f"{APP}/*"),))
    assert [one.source for one in build(files(texts), accepted)] == [f"{APP}/kustomization.yaml"]


def test_a_waived_remote_base_is_not_fetched_all_the_same(context: Contexts, tools: Tools) -> None:
    if not (tools.which("kubectl") or tools.which("kustomize")):
        pytest.skip("neither kubectl nor kustomize on PATH: kustomizations are not tested")
    waived = replace(context(), waived=(("kubernetes/kustomize", "*"),))
    with pytest.raises(ToolError, match=r"it does not build: .*(no 'git' program on path|127\.0\.0\.1:9)"):
        build(files({"kustomization.yaml": "resources: ['https://attacker.example/x.yaml']\n"}), waived)


def test_nothing_is_started_without_a_chart_or_a_kustomization(context: Contexts) -> None:
    nowhere = context(tools=Tools(environment={"PATH": "/nowhere"}))
    assert build(files({"app.yaml": DEPLOYMENT}), nowhere) == ()
    assert kubernetes_build.built(files({"app.yaml": DEPLOYMENT}), nowhere) == ()
