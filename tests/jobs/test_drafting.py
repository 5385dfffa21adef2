"""What a draft goes through before anybody else sees it: layout, gate, syntax; with real tools, in a clean copy."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import git
import pytest

from agent.author.catalog import load_blueprints
from agent.author.model import Bench
from agent.checks.check import COULD_NOT_RUN
from agent.domain import File, Intent, Situation, Target
from agent.guardrails import load_guardrails
from agent.jobs.parts.drafting import bench, formatted, place_of, readings
from agent.models.tools.place import Place
from agent.settings import Settings
from agent.tools import Tools
from tests.author.values import make_request
from tests.jobs.conftest import PROJECT

SECRET = "the-value-of-a-key-of-this-job"
UNIT = "infra/terraform/dev/queue"
LOOSE = 'resource "aws_sqs_queue" "this" {\nname="a"\n}\n'
NEAT = 'resource "aws_sqs_queue" "this" {\n  name = "a"\n}\n'
INTENT = Intent(summary="s", environment="dev", units=(UNIT,), types=("aws_sqs_queue",))


@pytest.fixture
def place(tmp_path: Path, tools: Tools, settings: Settings) -> Place:
    root = tmp_path / "repository"
    repo = git.Repo.init(root)
    (root / UNIT).mkdir(parents=True)
    (root / UNIT / "main.tf").write_text(LOOSE)
    (root / "policies").mkdir()
    for name in ("severity.yml", "waivers.yml", "guardrails.yml"):
        (root / "policies" / name).write_text((PROJECT / "policies" / name).read_text())
    repo.index.add([f"{UNIT}/main.tf"])
    commit = repo.index.commit("x").hexsha
    return place_of(
        make_request("x").model_copy(update={"base_sha": commit}), root=root, settings=settings,
        guardrails=load_guardrails(PROJECT), tools=tools,
        pythons={"kubernetes": os.environ.get("INFRA_AGENT_KUBERNETES_PYTHON", ""), "ansible": ""},
        blueprints=load_blueprints(), cache=tmp_path, today=date(2026, 1, 2), around=Situation(), secrets=(SECRET,),
    )  # fmt: skip


@pytest.fixture
def need_terraform(tools: Tools) -> None:
    if not (tools.which("terraform") or tools.which("tofu")):
        pytest.skip("neither terraform nor tofu on PATH")


def rules(made: Bench, *files: File) -> list[str]:
    return [one.rule for one in made.examine(made.laid_out(files))]


@pytest.mark.usefixtures("need_terraform")
def test_new_files_are_laid_out_and_a_loose_one_that_stands_stays_loose(place: Place) -> None:
    files = [File(path=f"{UNIT}/new.tf", content=LOOSE), File(path=f"{UNIT}/main.tf", content=LOOSE + "# more\n")]
    gone = File(path=f"{UNIT}/old.tf", content=None)
    broken = File(path=f"{UNIT}/broken.tf", content="resource {")
    base = {f"{UNIT}/main.tf": LOOSE}
    made = formatted([*files, gone, broken], base=base, tools=place.tools, settings=place.settings)
    assert [file.content for file in made] == [NEAT, LOOSE + "# more\n", None, "resource {"]
    made = formatted(files, base={f"{UNIT}/main.tf": NEAT}, tools=place.tools, settings=place.settings)
    assert made[1].content == NEAT + "# more\n"


def test_no_tool_sees_what_the_gate_refuses(place: Place) -> None:
    started: list[str] = []

    class Log:
        def write(self, text: str) -> int:
            started.append(text)
            return len(text)

        def flush(self) -> None: ...

    logged = replace(place, tools=replace(place.tools, log=Log()))  # type: ignore[arg-type]
    evil = File(path=f"{UNIT}/x.tf", content='data "external" "x" {\nprogram=["sh"]\n}\n')
    made = bench(INTENT, logged, names=())
    assert made.laid_out([evil]) == [evil]
    assert {one.source for one in made.examine([evil])} == {"gate"}
    assert started == []


def test_without_terraform_nothing_counts_as_examined(place: Place, tmp_path: Path) -> None:
    bare = replace(place, tools=replace(place.tools, environment={"PATH": str(tmp_path)}))
    assert COULD_NOT_RUN in rules(bench(INTENT, bare, names=()), File(path=f"{UNIT}/new.tf", content=NEAT))


MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: web\ndatas:\n  a: b\n"
PLAY = "---\n- name: Web\n  hosts: web\n  tasks:\n    - name: X\n      ansible.builtin.copyy:\n        dest: /x\n"


@pytest.mark.parametrize(
    ("target", "path", "text", "rule"),
    [
        ("kubernetes", "infra/kubernetes/dev/web/config.yaml", MANIFEST, "schema/invalid"),
        ("ansible", "infra/ansible/web/playbook.yml", PLAY, "ansible/module"),
        ("ansible", "infra/ansible/web/probes.yaml", "probes: [{}]\n", "probes/invalid"),
    ],
)
def test_every_target_is_examined(place: Place, target: Target, path: str, text: str, rule: str) -> None:
    if target == "kubernetes" and not place.pythons["kubernetes"]:
        pytest.skip("INFRA_AGENT_KUBERNETES_PYTHON is not set")
    units = (path.rpartition("/")[0],)
    made = bench(INTENT.model_copy(update={"target": target, "units": units}), place, names=())
    assert rule in rules(made, File(path=path, content=text))


def test_a_name_that_no_schema_has_is_no_schema(place: Place) -> None:
    if not place.pythons["kubernetes"]:
        pytest.skip("INFRA_AGENT_KUBERNETES_PYTHON is not set")
    made = bench(INTENT.model_copy(update={"target": "kubernetes"}), place, names=())
    assert "ConfigMap" in made.describe("ConfigMap")
    assert made.describe("Nothing_of_this_name; rm -rf /") == ""


def test_no_tool_shows_a_secret_of_the_job(place: Place) -> None:
    text = f'variable "x" {{\n  type = string\n  default = "{SECRET}"\n}}\n'
    root = place.root
    (root / UNIT / "variables.tf").write_text(text)
    place.repo.index.add([f"{UNIT}/variables.tf"])
    shown = replace(place, commit=place.repo.index.commit("y").hexsha)
    (read,) = readings(shown, ("read-file",))
    said = read.run(read.parameters(path=f"{UNIT}/variables.tf"))
    assert 'variable "x"' in said
    assert SECRET not in said


def test_a_role_gets_its_own_reading_tools_and_no_other(place: Place) -> None:
    found = {one.name: one for one in readings(place, ("read-file", "list-units", "no-such-tool"))}
    assert set(found) == {"read-file", "list-units"}
    read: Callable[..., str] = found["read-file"].run
    assert "aws_sqs_queue" in read(found["read-file"].parameters(path=f"{UNIT}/main.tf"))
