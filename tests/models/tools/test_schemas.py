"""Schemas as the real tools tell them: Terraform's provider, ansible-doc, Kubernetes; asked once, then kept."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import git
import pytest

from agent.errors import UserError
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.provider_schema import database
from agent.models.tools.tool import answer
from agent.settings import KubernetesSettings, load_settings
from agent.tools import Tools
from tests.models.tools.conftest import FILES, PROJECT, Ask, build


@pytest.mark.usefixtures("provider_mirror")
def test_a_resource_type_is_shown_as_its_provider_tells_it(ask: Ask) -> None:
    said = ask("resource-schema", type="aws_lb_listener")
    assert said.startswith("resource aws_lb_listener, of hashicorp/aws\nrequired:\n  load_balancer_arn: string\n")
    assert "  port: number\n" in said
    assert "block default_action (list, at least 1):\n  required:\n    type: string\n" in said
    assert "block fixed_response (list, at most 1):" in said
    assert "read-only:\n  arn: string" in said
    inner = ask("resource-schema", type="aws_lb_listener", block="default_action.redirect")
    assert inner.splitlines()[:3] == [
        "resource aws_lb_listener.default_action.redirect, of hashicorp/aws",
        "required:",
        "  status_code: string",
    ]
    assert "  acl: string, computed when absent, deprecated" in ask("resource-schema", type="aws_s3_bucket")
    assert ask("resource-schema", type="aws_sqs_queue", kind="data").startswith("data aws_sqs_queue")
    assert "not to be written here: " in ask("resource-schema", type="aws_iam_user")
    assert "ask with block=" in ask("resource-schema", type="aws_wafv2_web_acl", depth=1)


@pytest.mark.usefixtures("provider_mirror")
def test_a_type_that_is_not_there_is_named_with_those_like_it(ask: Ask) -> None:
    with pytest.raises(UserError, match=r"aws_sqs_queues: the providers have no such resource; there are aws_sqs"):
        ask("resource-schema", type="aws_sqs_queues")
    with pytest.raises(UserError, match=r"aws_lb_listener: has no block 'none'; there are default_action"):
        ask("resource-schema", type="aws_lb_listener", block="none")


@pytest.mark.usefixtures("provider_mirror")
@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("queue", "resource aws_sqs_queue "),
        ("listener of a load balancer", "resource aws_lb_listener "),
        ("s3 bucket encryption", "resource aws_s3_bucket_server_side_encryption_configuration "),
        ("dns record", "resource aws_route53_record "),
        ("lambda function url", "resource aws_lambda_function_url "),
    ],
)
def test_types_are_found_by_words(ask: Ask, words: str, wanted: str) -> None:
    found = ask("search-resources", text=words, most=5).splitlines()
    assert any(row.startswith(wanted) for row in found), found
    assert len(found) == 5
    assert all(row.startswith("data ") for row in ask("search-resources", text=words, kind="data").splitlines())


def test_the_cache_goes_with_the_lock_and_is_not_asked_for_again(
    place: Place, provider_mirror: Path, tmp_path: Path
) -> None:
    made = database(place)
    before = made.stat().st_mtime_ns
    silent = replace(place, tools=Tools(environment={"PATH": ""}))  # nothing can be started
    assert "aws_sqs_queue" in answer(TOOLS["resource-schema"], silent, {"type": "aws_sqs_queue"})
    assert made.stat().st_mtime_ns == before
    with pytest.raises(UserError, match="neither terraform nor tofu"):
        answer(TOOLS["resource-schema"], replace(silent, cache=tmp_path), {"type": "aws_sqs_queue"})
    assert not list(tmp_path.iterdir())


def test_another_lock_is_another_cache(place: Place, make_place: Callable[..., Place], tmp_path: Path) -> None:
    repo = build(tmp_path / "checkout", [("x", {**FILES, "policies/terraform.lock.hcl": "# another\n"})])
    other = make_place(repo, tools=Tools(environment={"PATH": ""}))
    with pytest.raises(UserError, match="neither terraform nor tofu"):
        answer(TOOLS["resource-schema"], other, {"type": "aws_sqs_queue"})
    repo.close()


@pytest.mark.skipif(
    not os.environ.get("INFRA_AGENT_ANSIBLE_PYTHON"), reason="no Ansible: its documentation is not asked"
)
def test_an_ansible_module_is_shown_as_ansible_doc_tells_it(ask: Ask) -> None:
    said = ask("ansible-module", module="ansible.builtin.copy")
    assert said.splitlines()[:2] == [
        "ansible.builtin.copy: Copy files to remote locations",
        "  dest: path, required: Remote absolute path where the file should be copied to.",
    ]
    assert "  backup: bool, default False: " in said
    assert "check_mode: full" in said
    assert "examples:" in ask("ansible-module", module="copy", examples=True)
    assert "ansible.builtin.package: " in ask("search-ansible-modules", text="install a package", most=5)
    with pytest.raises(UserError, match="its collection is not installed here"):
        ask("ansible-module", module="community.general.ufw")
    with pytest.raises(UserError, match="not a module that a play may use here; there are "):
        ask("ansible-module", module="ansible.builtin.script_file")


@pytest.mark.skipif(not os.environ.get("INFRA_AGENT_KUBERNETES_PYTHON"), reason="no schemas of Kubernetes")
def test_a_kind_is_shown_as_the_schemas_tell_it(ask: Ask, small: git.Repo, make_place: Callable[..., Place]) -> None:
    said = ask("kubernetes-kind", kind="deployment")
    assert said.startswith("apps/v1 deployment of Kubernetes ")
    for line in ("spec!: object", "  replicas: integer", "  selector!: object", "    matchLabels: map of string"):
        assert f"\n{line}" in said
    ports = ask("kubernetes-kind", kind="Deployment", field="spec.template.spec.containers.ports")
    assert "\ncontainerPort!: integer" in ports
    assert ask("kubernetes-kind", kind="HorizontalPodAutoscaler").startswith("autoscaling/v1 ")
    newer = ask("kubernetes-kind", kind="HorizontalPodAutoscaler", api_version="autoscaling/v2")
    assert "\n  metrics: list of object" in newer
    assert ask("search-kubernetes-kinds", text="network policy").startswith("networking.k8s.io/v1 NetworkPolicy")
    known = load_settings(PROJECT).model_copy(update={"kubernetes": KubernetesSettings(version="1.31")})
    older = answer(TOOLS["kubernetes-kind"], make_place(small, settings=known), {"kind": "Pod"})
    assert older.startswith("v1 Pod of Kubernetes 1.31")
    with pytest.raises(UserError, match=r"no such kind in Kubernetes .*; there are apps/v1$"):
        ask("kubernetes-kind", kind="Deployment", api_version="extensions/v1beta1")
    with pytest.raises(UserError, match="has no field 'replica' there; there are minReadySeconds"):
        ask("kubernetes-kind", kind="Deployment", field="spec.replica")


@pytest.mark.parametrize(
    ("name", "arguments", "missing"),
    [
        ("ansible-module", {"module": "ansible.builtin.copy"}, "INFRA_AGENT_ANSIBLE_PYTHON"),
        ("search-ansible-modules", {"text": "copy"}, "INFRA_AGENT_ANSIBLE_PYTHON"),
        ("kubernetes-kind", {"kind": "Pod"}, "INFRA_AGENT_KUBERNETES_PYTHON"),
        ("search-kubernetes-kinds", {"text": "pod"}, "INFRA_AGENT_KUBERNETES_PYTHON"),
    ],
)
def test_without_its_environment_a_tool_says_how_to_get_it(
    place: Place, name: str, arguments: dict[str, str], missing: str
) -> None:
    with pytest.raises(UserError, match=f"{name} could not answer: {missing} names no interpreter"):
        answer(TOOLS[name], replace(place, pythons={}), arguments)
