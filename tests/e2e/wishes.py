"""Requests that no golden path covers, one a target, and what the models of a test say of each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.author import model
from agent.domain import Target
from agent.models.roles import Role, load_roles
from tests.models.aimock import answers, calls

ROLES = load_roles(Path())


@dataclass(frozen=True)
class Wish:
    """A request, and what the models say of it. `drafts` are the files of the first draft and, where that one is to be
    mended, of the second; `look` is the tool that its author asks first, and its arguments.
    """

    title: str
    text: str
    target: Target
    unit: str
    types: Sequence[str]
    look: tuple[str, Mapping[str, Any]]
    drafts: Sequence[Mapping[str, str]]
    points: Sequence[Mapping[str, str]] = field(default_factory=tuple)

    def fixtures(self) -> Iterator[dict[str, Any]]:
        """The first one that fits answers; a question that none fits is answered by an error."""
        strategist = {**to(ROLES["strategist"]), "userMessage": self.text}
        yield calls("list-blueprints", {}, **strategist, hasToolResult=False)
        yield answers(self._understood(), **strategist, hasToolResult=True)
        author = to(ROLES[f"author-{self.target}"])
        yield calls(*self.look, **author, userMessage=model.OUTLINE, hasToolResult=False)
        outline = {"types": list(self.types), "edits": []}
        yield answers(outline, **author, userMessage=model.OUTLINE, hasToolResult=True)
        for task, files in zip((model.DRAFT, model.REPAIR), self.drafts, strict=False):
            yield answers(self._draft(files), **author, userMessage=task)
        yield answers({"points": list(self.points)}, **to(ROLES["analyst"]), userMessage=f"{self.unit}/")

    def _understood(self) -> dict[str, Any]:
        action = {"verb": "create", "resource": self.types[0], "parameters": [], "reason": self.text}
        return {
            "summary": self.title, "target": self.target, "environment": "dev", "risk": "low", "blueprint": "",
            "parameters": [], "actions": [action], "units": [self.unit], "types": list(self.types),
            "assumptions": ["Nothing else is to be changed"], "questions": [],
        }  # fmt: skip

    def _draft(self, files: Mapping[str, str]) -> dict[str, Any]:
        return {
            "summary": self.title,
            "files": [{"path": f"{self.unit}/{name}", "content": text} for name, text in files.items()],
            "deleted": [],
            "rollback": "Revert the pull request: what it made is taken away.",
        }


def to(role: Role) -> dict[str, Any]:
    """What a fixture has to match so that it answers `role` alone, and only as the model that is asked first."""
    return {"systemMessage": role.prompt.splitlines()[0], "model": role.models[0].partition(":")[2]}


LOGS = "infra/terraform/dev/app-events"
CODE = 'resource "aws_cloudwatch_log_group" "this" {\nname = "app-events"\n  retention_in_days = 400\n}\n'
LOG_FILES = {
    "main.tf": CODE,
    "outputs.tf": 'output "arn" {\n  description = "ARN of the log group."\n'
    "  value = aws_cloudwatch_log_group.this.arn\n}\n",
    "README.md": "# app-events\n\nEvents of the app.\n",
}
EVENTS = Wish(
    title="A place for the events of our app",
    text="Keep the events of our app somewhere, for about a year.",
    target="terraform",
    unit=LOGS,
    types=("aws_cloudwatch_log_group",),
    look=("search-resources", {"text": "log group"}),
    drafts=({**LOG_FILES, "main.tf": CODE.replace("retention_in_days", "retention_days")}, LOG_FILES),
    points=(
        {
            "topic": "cost", "severity": "medium", "message": "400 days of logs cost more than a year was asked for",
            "path": f"{LOGS}/main.tf", "quote": "retention_in_days = 400", "address": "",
        },
        {
            "topic": "security", "severity": "high", "message": "the bucket is open to the world",
            "path": f"{LOGS}/main.tf", "quote": 'acl = "public-read"', "address": "",
        },
    ),
)  # fmt: skip
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: reports
  namespace: reports
  labels:
    app.kubernetes.io/name: reports
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: reports
  template:
    metadata:
      labels:
        app.kubernetes.io/name: reports
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: reports
          image: ghcr.io/acme/reports@sha256:3f1b6c1f2f0a5c7d9e8b4a6d2c0f1e3b5a7c9d8e6f4b2a0c1d3e5f7a9b8c6d4e
          ports:
            - containerPort: 8080
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {cpu: 500m, memory: 256Mi}
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
          livenessProbe:
            httpGet: {path: /live, port: 8080}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: reports
  namespace: reports
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
"""
REPORTS = Wish(
    title="The report server on Kubernetes",
    text="Run our report server on Kubernetes, two of it, reachable from nowhere.",
    target="kubernetes",
    unit="infra/kubernetes/dev/reports",
    types=("Deployment", "NetworkPolicy"),
    look=("kubernetes-kind", {"kind": "Deployment"}),
    drafts=(
        {
            "deployment.yaml": DEPLOYMENT,
            "networkpolicy.yaml": POLICY,
            "README.md": "# reports\n\nThe report server.\n",
        },
    ),
)
NOTICE = Wish(
    title="A notice at the log-in of our web servers, with Ansible",
    text="Show who looks after a machine when somebody logs in; a playbook for our two web servers.",
    target="ansible",
    unit="infra/ansible/notice",
    types=("ansible.builtin.copy",),
    look=("ansible-module", {"module": "ansible.builtin.copy"}),
    drafts=(
        {
            "playbook.yml": "---\n- name: Notice at the log-in\n  hosts: web\n  become: true\n"
            "  roles:\n    - role: notice\n",
            "inventory.yml": "---\nweb:\n  hosts:\n    web1.dev.acme.example:\n    web2.dev.acme.example:\n",
            "roles/notice/tasks/main.yml": "---\n- name: Write the notice\n  ansible.builtin.copy:\n"
            "    content: |\n      The web team looks after this machine.\n    dest: /etc/motd\n"
            '    owner: root\n    group: root\n    mode: "0644"\n',
            "README.md": "# notice\n\nThe notice at the log-in.\n",
        },
    ),
)
WISHES = (EVENTS, REPORTS, NOTICE)
