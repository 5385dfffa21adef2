"""Schemas, kustomize and Helm, the real ones; and tools that are missing, crash, hang or lie."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from agent.checks import kubernetes
from agent.checks.check import CheckResult, Context
from agent.domain import File
from agent.errors import ToolError
from agent.settings import KUBERNETES_VERSIONS, KubernetesSettings
from agent.tools import Tools

Contexts = Callable[..., Context]
APP = "infra/kubernetes/dev/shop"
DEPLOYMENT = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      automountServiceAccountToken: false
      securityContext: {{runAsNonRoot: true}}
      containers:
        - name: web
          image: quay.io/shop/web@sha256:{"a" * 64}
          securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"""
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


@pytest.fixture
def kubectl(tools: Tools) -> None:
    if not (tools.which("kubectl") or tools.which("kustomize")):
        pytest.skip("neither kubectl nor kustomize on PATH: kustomizations are not tested")


def run(context: Context, **texts: str) -> CheckResult:
    files = [
        File(path=f"{APP}/{name.replace('__', '/')}{'' if name.startswith('_') else '.yaml'}", content=text)
        for name, text in texts.items()
    ]
    return kubernetes.run(files, context=context)


def found(result: CheckResult) -> set[tuple[str, str, int]]:
    return {(item.rule, item.path.removeprefix(f"{APP}/"), item.line) for item in result.findings}


def test_nothing_is_started_without_a_manifest(context: Contexts) -> None:
    files = [
        File(path="infra/terraform/dev/x/probes.yaml", content="a: 1\n"),
        File(path=f"{APP}/README.md", content=""),
    ]
    result = kubernetes.run(files, context=context(tools=Tools(environment={"PATH": "/nowhere"})))
    assert (result.run.status, result.run.detail) == ("passed", "no file of its kind")


def test_a_good_manifest_passes(context: Contexts, kubernetes_python: str) -> None:
    result = run(context(kubernetes=kubernetes_python), app=DEPLOYMENT)
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("passed", 1, 1)


def test_the_version_of_the_clusters_decides(context: Contexts, kubernetes_python: str) -> None:
    """A kind that came later, and a field that went."""
    policy = "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\n"

    def rules(version: KUBERNETES_VERSIONS | None) -> tuple[str, set[str]]:
        ours = context(kubernetes=kubernetes_python)
        settings = ours.settings.model_copy(update={"kubernetes": KubernetesSettings(version=version)})
        result = run(replace(ours, settings=settings), policy=policy)
        return result.run.detail, {item.rule for item in result.findings}

    assert rules("1.29") == ("Kubernetes 1.29", {"schema/unknown-kind"})
    assert rules("1.30") == ("Kubernetes 1.30", set())
    newest = get_args(KUBERNETES_VERSIONS)[-1]
    assert rules(None) == (f"Kubernetes {newest}.0", set())


def test_the_versions_that_can_be_asked_for_are_those_with_schemas(kubernetes_python: str) -> None:
    (schemas,) = (
        Path(kubernetes_python).parents[1].glob("lib/python3*/site-packages/kubernetes_validate/kubernetes-json-*")
    )
    there = {path.name.removeprefix("v").removesuffix(".0-local-strict") for path in schemas.glob("*-strict")}
    assert there == set(get_args(KUBERNETES_VERSIONS))


def test_every_document_and_every_item_is_held_against_the_schemas(context: Contexts, kubernetes_python: str) -> None:
    many = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, dota: {}}\n"
        "  - {apiVersion: cert-manager.io/v1, kind: Certificate}\n"
        "  - {apiVersion: apps/v1beta1, kind: Deployment}\n"
        "---\na: 1\n---\napiVersion: v1\nkind: ../pod\n---\napiVersion: v1\nkind: deployment\n"
        "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {on: 2020-01-01}}}\n"
    )
    text = DEPLOYMENT.replace("replicas: 2", "replicas: two")
    result = run(context(kubernetes=kubernetes_python), app=text, many=many, broken="a: [\n")
    assert found(result) == {
        ("schema/invalid", "app.yaml", 5),
        ("schema/invalid", "many.yaml", 4),
        ("schema/unknown-kind", "many.yaml", 5),
        ("schema/unknown-kind", "many.yaml", 6),
        ("schema/not-a-manifest", "many.yaml", 8),
        ("schema/unknown-kind", "many.yaml", 11),
        ("schema/unknown-kind", "many.yaml", 14),
        ("schema/unreadable", "broken.yaml", 2),
    }


@pytest.mark.usefixtures("kubectl")
def test_what_a_kustomization_becomes_is_judged(context: Contexts, kubernetes_python: str) -> None:
    """A replacement of a name in a namespace is nowhere to be read but in what is built."""
    plain = DEPLOYMENT.replace(", namespace: shop", "")
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: %s}\n"
    ours = context(kubernetes=kubernetes_python)
    kustomization = "resources: [app.yaml]\nnamespace: shop\npatches: [{path: p.yaml}]\n"
    assert run(ours, kustomization=kustomization, app=plain, p=patch % 3).run.status == "passed"
    assert found(run(ours, kustomization=kustomization, app=plain, p=patch % "many")) == {
        ("schema/invalid", "kustomization.yaml", 0)
    }
    overlay = {
        "base__kustomization": "resources: [app.yaml]\n",
        "base__app": plain,
        "over__kustomization": "resources: [../base]\nnamespace: kube-system\n",
        "lost__kustomization": "kind: Component\n",
    }
    assert found(run(ours, **overlay)) == {
        ("kubernetes/namespace", "over/kustomization.yaml", 0),
        ("build/unused", "lost/kustomization.yaml", 0),
    }
    with pytest.raises(ToolError, match=r"gone/kustomization\.yaml: it does not build: .*gone\.yaml"):
        run(ours, **overlay, gone__kustomization="resources: [gone.yaml]\nnamespace: shop\n")


def test_what_a_chart_becomes_is_judged(context: Contexts, kubernetes_python: str) -> None:
    """Privileged on upgrades alone, wrong with one values file alone."""
    template = DEPLOYMENT.replace(", namespace: shop", "").replace("replicas: 2", "replicas: {{ .Values.count }}")
    ours = context(kubernetes=kubernetes_python)
    fine = run(ours, Chart=CHART, values="count: 2\n", templates__app=template)
    assert fine.run.status == "passed"
    hidden = template.replace("allowPrivilegeEscalation: false", "privileged: {{ .Release.IsUpgrade }}")
    assert found(
        kubernetes.run(
            [
                File(path=f"{APP}/Chart.yaml", content=CHART),
                File(path=f"{APP}/values.yaml", content="count: 2\n"),
                File(path=f"{APP}/values-prod.yaml", content="count: many\n"),
                File(path=f"{APP}/templates/app.yaml", content=hidden),
                File(path=f"{APP}/templates/_helpers.tpl", content='{{ define "x" }}\n{{ now }}\n{{ end }}\n'),
                File(path=f"{APP}/crds/x.yaml", content="apiVersion: v1\nkind: Widget\n"),
            ],
            context=ours,
        )
    ) >= {
        ("kubernetes/privilege", "templates/app.yaml", 0),
        ("schema/invalid", "templates/app.yaml", 0),
        ("kubernetes/template", "templates/_helpers.tpl", 2),
        ("schema/unknown-kind", "crds/x.yaml", 0),
    }
    with pytest.raises(ToolError, match=r"shop/Chart\.yaml: it does not build with values-prod\.yaml: .*no"):
        run(
            ours,
            Chart=CHART,
            templates__app='{{ if .Values.x }}{{ fail "no" }}{{ end }}\n',
            **{"values-prod": "x: 1\n"},
        )


def test_missing_tools(context: Contexts, kubernetes_python: str) -> None:
    with pytest.raises(ToolError, match="INFRA_AGENT_KUBERNETES_PYTHON names no interpreter"):
        run(context(), app=DEPLOYMENT)
    with pytest.raises(ToolError, match="no-such-python: cannot be started"):
        run(context(kubernetes="no-such-python"), app=DEPLOYMENT)
    with pytest.raises(ToolError, match="ended with code 1"):  # an environment without the libraries
        run(context(kubernetes=sys.executable), app=DEPLOYMENT)
    nowhere = context(tools=Tools(environment={"PATH": "/nowhere"}), kubernetes=kubernetes_python)
    with pytest.raises(ToolError, match="neither kubectl nor kustomize was found on PATH"):
        run(nowhere, kustomization="resources: [app.yaml]\nnamespace: shop\n", app=DEPLOYMENT)


EMPTY = {"version": "1", "seen": {}, "problems": [], "rendered": []}
BAD: list[dict[str, object]] = [
    {"rule": rule, "message": "", "path": "CANARY/bad.yaml", "document": 0, "keys": []}
    for rule in ("schema/invalid", "schema/unknown-kind")
]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(3)", "ended with code 3"),
        ("import time; time.sleep(60)", "no end after"),
        ("print('<html>')", "unknown shape"),
        ("print('x' * 40_000_000)", "printed over"),
        (f"print('''{json.dumps(EMPTY)}''')", "did not find the planted known-bad file"),
        (f"say({json.dumps({**EMPTY, 'problems': BAD})!r})", f"could not read {APP}/app.yaml"),
        (f"say({json.dumps({**EMPTY, 'problems': BAD, 'seen': {f'{APP}/app.yaml': 0}})!r})", "it saw 0 of 1 documents"),
    ],
)
def test_schemas_that_fail(context: Contexts, program: Callable[[str], str], text: str, reason: str) -> None:
    fake = program(
        "import json, pathlib, sys\n"
        "def say(text):\n"
        "    request = json.loads((pathlib.Path(sys.argv[3]) / 'request.json').read_text())\n"
        "    print(text.replace('CANARY', request['files'][-1].split('/')[0]))\n"
        f"{text}\n"
    )
    with pytest.raises(ToolError, match=reason):
        run(context(kubernetes=fake, timeout=2.0), app=DEPLOYMENT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(2)", "ended with code 2"),
        ("raise SystemExit(1)", "did not build the planted known-bad kustomization"),
        ("print('kind: Pod')", "did not build the planted known-bad kustomization"),
        ("import time; time.sleep(60)", "no end after"),
    ],
)
def test_renderers_that_fail(context: Contexts, tmp_path: Path, text: str, reason: str) -> None:
    fake = tmp_path / "kustomize"
    fake.write_text(f"#!{sys.executable}\n{text}\n")
    fake.chmod(0o755)
    ours = context(tools=Tools(environment={"PATH": str(tmp_path)}), kubernetes="no-such-python", timeout=2.0)
    with pytest.raises(ToolError, match=reason):
        run(ours, kustomization="resources: [app.yaml]\nnamespace: shop\n", app=DEPLOYMENT)


def test_a_chart_that_was_not_built(context: Contexts, program: Callable[[str], str]) -> None:
    with pytest.raises(ToolError, match="helm did not build the planted known-bad chart"):
        run(context(kubernetes=program(f"print({json.dumps(EMPTY)!r})\n")), Chart=CHART)
