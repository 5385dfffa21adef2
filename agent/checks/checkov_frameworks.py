"""Files -> what checkov is asked about them: which framework, which folders one by one, and which planted file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from agent.checks.check import of_kind, scan_roots
from agent.checks.kubernetes_files import kubernetes_files, layout
from agent.domain import File, Finding
from agent.gate.ansible_file import AnsibleFile, read_files
from agent.gate.yaml_tree import YamlError, parse_yaml

ANSIBLE = "infra/ansible/"
# checkov looks at an Ansible file only when a line of it begins with this.
NAMED = "- name:"


class Planted(NamedTuple):
    """`rules` stand for each of the framework's engines (Python classes; queries on the graph)."""

    name: str
    text: str
    rules: frozenset[str]


class Scan(NamedTuple):
    """`given` are the paths that must be seen, each with the least number of `unit`s (blocks, documents) in it."""

    framework: str
    roots: tuple[str, ...]
    given: dict[str, int]


PLANTED = {
    "terraform": Planted(
        "main.tf",
        """\
resource "aws_s3_bucket" "canary" {
  bucket = "canary"
}

resource "aws_security_group" "canary" {
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
""",
        frozenset({"CKV_AWS_24", "CKV2_AWS_6"}),
    ),
    # Not the rule on missing network policies: one of the change's own would reach the planted pod as well.
    "kubernetes": Planted(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: canary, namespace: canary}\nspec:\n  containers:\n"
        "    - {name: canary, image: canary, securityContext: {privileged: true}}\n"
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: canary}\n"
        "rules: [{apiGroups: [''], resources: [users], verbs: [impersonate]}]\n"
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: canary}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: canary}\n"
        "subjects: [{kind: ServiceAccount, name: canary, namespace: canary}]\n",
        frozenset({"CKV_K8S_16", "CKV2_K8S_3"}),
    ),
    "ansible": Planted(
        "tasks.yml",
        "- name: Canary\n  ansible.builtin.get_url:\n    url: http://canary.example/x\n    dest: /tmp/x\n"
        "    validate_certs: false\n",
        frozenset({"CKV_ANSIBLE_2", "CKV2_ANSIBLE_2"}),
    ),
    # In two parts, so that a scanner does not find it here.
    "secrets": Planted(
        "canary.conf",
        "key = AKIA" + "QX4BIPT7ZLM2WNC5\ntoken: ghp" + "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2SJ7Bb\n",
        frozenset({"CKV_SECRET_2", "CKV_SECRET_6"}),
    ),
    "terraform_plan": Planted(
        "plan.json",
        json.dumps(
            {
                "format_version": "1.2",
                "terraform_version": "1.11.4",
                "planned_values": {
                    "root_module": {
                        "resources": [
                            {
                                "address": f"{kind}.canary",
                                "mode": "managed",
                                "type": kind,
                                "name": "canary",
                                "provider_name": "registry.terraform.io/hashicorp/aws",
                                "schema_version": 0,
                                "values": values,
                            }
                            for kind, values in (
                                ("aws_s3_bucket", {"bucket": "canary"}),
                                (
                                    "aws_security_group",
                                    {
                                        "ingress": [
                                            {
                                                "cidr_blocks": ["0.0.0.0/0"],
                                                "from_port": 22,
                                                "to_port": 22,
                                                "protocol": "tcp",
                                            }
                                        ]
                                    },
                                ),
                            )
                        ]
                    }
                },
                "resource_changes": [
                    {
                        "address": f"{kind}.canary",
                        "mode": "managed",
                        "type": kind,
                        "name": "canary",
                        "change": {"actions": ["create"], "before": None, "after": {}},
                    }
                    for kind in ("aws_s3_bucket", "aws_security_group")
                ],
                "configuration": {"root_module": {}},
            }
        ),
        frozenset({"CKV_AWS_24", "CKV2_AWS_6"}),
    ),
}


def scans(files: Sequence[File], *, units: Sequence[str], made: Mapping[str, str]) -> tuple[Scan, ...]:
    """The scans that the files ask for, and what was `made` of them (path -> manifests; a folder a build). Secrets are
    looked for in all of them, when there is anything else. Pure.
    """
    code = of_kind(files, ".tf", ".tf.json")
    manifests = _manifests(files)
    outputs = _documents(made, made)
    tasks = [file for file in _tasks(files) if NAMED in file.text]
    found = [
        Scan("terraform", scan_roots([file.path for file in code], units=units), {file.path: 0 for file in code}),
        Scan("kubernetes", _folders(list(manifests), 4), manifests),
        Scan("kubernetes", tuple(dict.fromkeys(path.rpartition("/")[0] for path in outputs)), outputs),
        Scan("ansible", _folders([file.path for file in tasks], 3), {file.path: 0 for file in tasks}),
    ]
    asked = [scan for scan in found if scan.given]
    everywhere = {file.path: 0 for file in files if file.content is not None}
    return (*asked, Scan("secrets", (".",), everywhere)) if asked else ()


def unscanned(files: Sequence[File]) -> tuple[Finding, ...]:
    """The files with tasks that checkov passes over, because none of their tasks begins with its name."""
    return tuple(
        Finding(
            source="checkov",
            rule="ansible/unnamed-tasks",
            severity="high",
            message="checkov reads no file in which no task begins with `- name:`; begin each task with its name",
            path=file.path,
            line=1,
        )
        for file in _tasks(files)
        if NAMED not in file.text
    )


def _manifests(files: Sequence[File]) -> dict[str, int]:
    """The manifests that stand for themselves, with how many documents each surely holds."""
    given = kubernetes_files(files)
    return _documents(layout(given).manifests, {file.path: file.content or "" for file in given})


def _documents(paths: Iterable[str], texts: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in paths:
        try:
            documents = parse_yaml(texts[path])
        except YamlError:
            continue  # the gate refuses it, and the schemas' check says so
        count = sum(1 for item in documents if item.word("kind") and item.word("apiVersion"))
        if count:
            found[path] = count
    return found


def _tasks(files: Sequence[File]) -> list[AnsibleFile]:
    texts = {file.path: file.content for file in files}
    return [
        file
        for file in read_files(texts, {})
        if file.path.endswith((".yml", ".yaml")) and not file.is_data and any(task.module for task in file.tasks)
    ]


def _folders(paths: Sequence[str], depth: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys("/".join(path.split("/")[:depth]) for path in paths))
