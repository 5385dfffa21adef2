"""Helm templates before the gate: what is wrong however they are rendered, and what only rendering can say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.desk.gate import gate_bundle
from agent.gate.kubernetes_template import Template, actions, filled, templates
from tests.gate.gate_helpers import rules

APP = "infra/kubernetes/dev/app"
CHART = {f"{APP}/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n"}
FINE = (
    "{{- if .Values.on }}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
    '  labels: {{- include "app.labels" . | nindent 4 }}\ndata:\n  a: {{ .Values.a | quote }}\n{{- end }}\n'
)


def judged(text: str, name: str = "templates/x.yaml") -> set[str]:
    return rules({**CHART, f"{APP}/{name}": text})


def test_a_template_is_no_broken_manifest() -> None:
    assert judged(FINE) == set()
    assert judged('{{- define "app.labels" }}\na: 1\n{{- end }}\n', "templates/_helpers.tpl") == set()
    assert judged(FINE, "charts/templates/x.yaml") == {"kubernetes/unparsable"}
    assert rules({f"{APP}/templates/x.yaml": FINE}) == {"kubernetes/unparsable"}
    assert rules({f"{APP}/templates/x.yaml": FINE}, base={k: v or "" for k, v in CHART.items()}) == set()


def test_what_has_no_action_is_a_manifest() -> None:
    """Helm puts it into the release's namespace; everything else holds as for any manifest."""
    plain = "apiVersion: v1\nkind: %s\nmetadata: { name: x }\n"
    assert judged(plain % "ConfigMap") == set()
    assert judged(plain % "ConfigMap", "x.yaml") == {"kubernetes/namespace"}
    assert judged(plain % "APIService") == {"kubernetes/kind"}
    assert judged("a: [\n") == {"kubernetes/unparsable"}


CALLS = [
    'lookup "v1" "Secret" "kube-system" "x"',
    '(lookup "v1" "Secret" "" "").items',
    'getHostByName "x.attacker.example"',
    "tpl .Values.x .",
    '.Values.x | tpl "x"',
    'genPrivateKey "rsa"',
    'genSelfSignedCert "x" nil nil 365',
    "randAlphaNum 5",
    "now",
    "uuidv4",
    ".Capabilities.APIVersions.Has",
    '(index . "Capabilities")',
    ".Release.Revision",
    '(index .Release "Revision")',
    'env "HOME"',
    '.Files.Get "/etc/passwd"',
    '.Files.Get "../x"',
    "(.Files.Glob `../**`).AsConfig",
]
PLACES = [
    "a: {{ %s }}\n",
    "a: '{{- %s -}}'\n",
    "# {{ %s }}\n",
    "{{- if %s }}\na: 1\n{{- end }}\n",
    "{{\n  %s\n}}\n",
    'a: {{ "}}" | printf (%s) }}\n',
    'a: {{ "{{/*" }}{{ %s }}{{ "*/}}" }}\n',
    "a: {{ `{{/*` }}{{ %s }}{{ `*/}}` }}\n",
    "{{/* nothing */}}{{ %s }}\n",
    "{{- $x := %s }}\n",
    "a: {{ %s",
]


@pytest.mark.parametrize("call", CALLS)
def test_K09_what_asks_elsewhere_is_found_wherever_it_stands(call: str) -> None:
    for place in PLACES:
        for name in ("templates/x.yaml", "templates/_x.tpl", "templates/deep/notes.txt"):
            assert "kubernetes/template" in judged(place % call, name), place


@pytest.mark.parametrize(
    "text",
    [
        "now: lookup\n# {{ .Values.now }}\n",
        "{{/* tpl lookup now */}}\na: 1\n",
        "{{- /* tpl */ -}}\na: 1\n",
        'a: {{ default "now" .Values.env }}\n',
        'a: {{ .Files.Get "app.conf" | quote }}\n',
        "a: {{ .Release.Name }}-{{ .Release.Namespace }}\n",
        "a: {{ $env }}-{{ .date }}\n",
    ],
)
def test_what_says_the_same_everywhere_is_not_found(text: str) -> None:
    assert "kubernetes/template" not in judged(text)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("hostNetwork: true", "kubernetes/host"),
        ("securityContext: {privileged: true}", "kubernetes/privilege"),
        ("automountServiceAccountToken: true", "kubernetes/command"),
    ],
)
def test_what_is_wrong_whatever_is_rendered_is_found_without_rendering(line: str, rule: str) -> None:
    text = "kind: Pod\nmetadata:\n  name: {{ .Values.x }}\nspec:\n  {{- if .Values.x }}\n  LINE\n  {{- end }}\n"
    text = text.replace("LINE", line)
    assert judged(text) == {rule}
    assert judged(text.replace(line, line.replace("true", "{{ .Values.x }}"))) == set()


def test_kinds_of_templates() -> None:
    text = "kind: %s\nmetadata:\n  name: {{ .Values.x }}\n"
    assert judged(text % "ClusterPolicy") == {"kubernetes/kind"}
    assert judged(text % "{{ .Values.kind }}") == set()
    assert judged(text % "ConfigMap") == set()
    assert judged(text % "{{ if .Values.x }}ConfigMap{{ else }}ServiceAccount{{ end }}") == set()
    assert judged(text % "Pod" + "spec:\n  hostPID: {{ if .Values.x }}false{{ else }}false{{ end }}\n") == set()


@given(st.text(alphabet="{}/*-\"`'\\ \nax", max_size=40))
def test_actions_are_found_in_any_text_and_lines_keep_their_number(text: str) -> None:
    found = list(actions(text))
    assert bool(found) is ("{{" in text)
    assert all(text[one.start : one.start + 2] == "{{" for one in found)
    assert [one.end for one in found[:-1]] <= [one.start for one in found[1:]]
    assert filled(Template("x", text), "y").count("\n") == text.count("\n")
    list(templates(Template("x", text)))


def test_a_chart_alone_is_not_decided_by_the_gate(tmp_path: Path) -> None:
    """Nothing renders it here, so it is neither passed nor, without something certain, blocked."""

    def decided(text: str) -> tuple[str, int]:
        files = [
            {"path": path, "content": content} for path, content in {**CHART, f"{APP}/templates/x.yaml": text}.items()
        ]
        (tmp_path / "bundle.json").write_text(json.dumps({"files": files}), encoding="utf-8")
        decision = gate_bundle(str(tmp_path / "bundle.json"), root=tmp_path)
        return decision.word, decision.exit_code

    assert decided(FINE) == ("undecided", 2)
    assert decided("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n") == ("pass", 0)
    assert decided(FINE + "{{ tpl .Values.x . }}\n") == ("blocked", 1)
    assert decided(FINE + "---\nkind: APIService\n") == ("blocked", 1)
