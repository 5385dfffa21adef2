"""What a change is judged against: the whole of each chart, kustomization and play that it touches, and no other."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import git
import pytest

from agent.checks.worker import Worker
from agent.domain import ChangeSet, File, Request
from agent.guardrails import Guardrails
from agent.jobs.parts.scan import scan
from agent.jobs.parts.workspace import infrastructure, refusals
from agent.repo import commit_files
from agent.settings import Settings
from agent.tools import Tools

APP = "infra/kubernetes/dev/app"
TEMPLATE = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  a: {{ .Values.a | quote }}\n"
)
STANDING = {
    "infra/terraform/dev/q/main.tf": "locals {}\n",
    "infra/terraform/modules/m/main.tf": "locals {}\n",
    f"{APP}/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n",
    f"{APP}/templates/app.yaml": TEMPLATE,
    "infra/kubernetes/dev/other/app.yaml": "a: 1\n",
    "infra/kubernetes/dev/application/app.yaml": "a: 1\n",
    "infra/ansible/web/site.yml": "- hosts: web\n",
    "infra/ansible/web/roles/x/tasks/main.yml": "- ping:\n",
    "infra/ansible/webs/site.yml": "- hosts: web\n",
    "README.md": "x\n",
}
GUARDRAILS = Guardrails(version=1, environments=("dev",), providers=("hashicorp/aws",))


@pytest.fixture
def repo(tmp_path: Path) -> git.Repo:
    made = git.Repo.init(tmp_path, initial_branch="main")
    with made.config_writer() as config:
        config.set_value("user", "name", "t").set_value("user", "email", "t@example.com")
    first = made.index.commit("first").hexsha
    files = [File(path=path, content=text) for path, text in STANDING.items()]
    made.head.reset(commit_files(made, first, files, message="m", when=datetime(2026, 1, 2, tzinfo=UTC)))
    return made


def folders(repo: git.Repo, *beside: str) -> set[str]:
    paths = infrastructure(repo, repo.head.commit.hexsha, beside=beside)
    assert {path: STANDING[path] for path in paths} == paths
    return {"/".join(path.split("/")[1:4]) for path in paths if not path.startswith("infra/terraform/")}


def test_what_stands_beside_a_change_is_read_and_nothing_else(repo: git.Repo) -> None:
    assert set(infrastructure(repo, repo.head.commit.hexsha)) == {path for path in STANDING if "/terraform/" in path}
    assert folders(repo, f"{APP}/templates/new.yaml") == {"kubernetes/dev/app"}
    assert folders(repo, APP, "infra/terraform/dev/q") == {"kubernetes/dev/app"}
    assert folders(repo, "infra/ansible/web/roles/x/tasks/main.yml") == {"ansible/web/site.yml", "ansible/web/roles"}
    assert folders(repo, "infra/ansible/new/site.yml", "README.md", "infra/kubernetes/dev", "infra/", "") == set()


def test_one_template_of_a_chart_that_stands_is_read_as_one(repo: git.Repo) -> None:
    change = [File(path=f"{APP}/templates/app.yaml", content=TEMPLATE.replace(".a ", ".b "))]

    def against(base: dict[str, str]) -> set[str]:
        found = refusals(
            change, guardrails=GUARDRAILS, base=base, ours=(), root=Path("/nowhere"), today=date(2026, 1, 2)
        )
        return {item.rule for item in found}

    assert against(infrastructure(repo, repo.head.commit.hexsha)) == {"kubernetes/unparsable"}
    assert against(infrastructure(repo, repo.head.commit.hexsha, beside=[change[0].path])) == set()


def test_examine_judges_it_with_the_rest_of_its_chart(repo: git.Repo, settings: Settings, tools: Tools) -> None:
    change = File(path=f"{APP}/templates/app.yaml", content=f"{TEMPLATE}hostPID: true\n")
    commit = repo.head.commit.hexsha
    request = Request(
        status="accepted", trigger="pull_request", repository="acme/infra", number=1, url="", title="x", body="",
        requester="a", actor="a", sha256="0" * 64, base_sha=commit, head_sha=commit, branch="x",
    )  # fmt: skip
    answer = scan(
        request,
        ChangeSet(status="written", author="a", summary="x", files=(change,), units=()),
        root=Path(repo.working_dir),
        settings=settings,
        guardrails=GUARDRAILS,
        tools=tools,
        pythons={},
        today=date(2026, 1, 2),
        worker=cast(Worker, None),  # no tool is asked once the gate has refused
        warmed=None,
    )
    assert {item.rule for item in answer.findings} == {"kubernetes/host"}
