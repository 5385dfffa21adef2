"""`infra-agent tool`: the list, a tool's arguments, an answer; wrong calls end in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import git
import pytest

from agent.desk.tool import cache_of, tool_text
from agent.domain import Change, Outcome, Plan, UnitOutcome, UnitPlan
from agent.errors import UserError
from agent.models.tools import TOOLS

PROJECT = Path(__file__).parents[2]
UNIT = "infra/terraform/dev/app"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    (root / UNIT).mkdir(parents=True)
    (root / UNIT / "main.tf").write_text('output "name" {\n  value = "app"\n}\n', encoding="utf-8")
    repo = git.Repo.init(root, initial_branch="main")
    repo.git.add("-A")
    repo.git.execute(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"])
    repo.close()
    return root


def run(
    root: Path, name: str, *arguments: str, given: str = "", documents: Path | None = None, marked: bool = False
) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(root.parent), "MY_TOKEN": "canary-of-the-desk"}
    return tool_text(name, arguments, given=given, documents=documents, marked=marked, root=root, environ=environ)


def test_tools_are_listed_with_what_they_do(checkout: Path) -> None:
    listed = run(checkout, "")
    for name, tool in TOOLS.items():
        assert f"{name} " in listed
        assert tool.description in listed
    page = run(checkout, "read-file", "?")
    assert "path (required): Path of the file" in page
    assert "skip_lines (default 0): Lines of the answer" in page


def test_arguments_come_as_pairs_or_as_json(checkout: Path, tmp_path: Path) -> None:
    text = 'output "name" {\n  value = "app"\n}\n'
    path = f"{UNIT}/main.tf"
    assert run(checkout, "read-file", f"path={path}") == text
    assert run(checkout, "read-file", "first_line=3", given=json.dumps({"path": path})) == "}\n"
    file = tmp_path / "arguments.json"
    file.write_text(json.dumps({"path": path}), encoding="utf-8")
    assert run(checkout, "read-file", given=f"@{file}") == text
    assert run(checkout, "read-file", f"path={path}", marked=True).startswith("<data-")


@pytest.mark.parametrize(
    ("name", "arguments", "given", "said"),
    [
        ("none", (), "", "'none': no such tool; `infra-agent tool` lists them"),
        ("read-file", ("path",), "", "'path': arguments are written key=value"),
        ("read-file", (), "{", "--json: not JSON"),
        ("read-file", (), "[]", "--json: must be an object"),
        ("read-file", (), "@none.json", "none.json: cannot be read"),
        ("read-file", (), "", "read-file: path: Field required"),
        ("read-file", ("path=README.md",), "", "only paths below infra/ and knowledge/ are read"),
    ],
)
def test_a_wrong_call_is_told_why(checkout: Path, name: str, arguments: tuple[str, ...], given: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        run(checkout, name, *arguments, given=given)
    assert said in str(caught.value)


def test_documents_of_a_run_are_looked_at(checkout: Path, tmp_path: Path) -> None:
    change = Change(address="aws_x.y", type="aws_x", verbs=("create",))
    plan = Plan(units=(UnitPlan(unit=UNIT, target="terraform", status="planned", changes=(change,)),))
    outcome = Outcome(commit="a" * 40, units=(UnitOutcome(unit=UNIT, status="failed", reason="quota"),))
    for name, document in (("plan", plan), ("drift", plan), ("outcome", outcome)):
        (tmp_path / f"{name}.json").write_text(document.model_dump_json(), encoding="utf-8")
    assert "create aws_x.y" in run(checkout, "show-plan", documents=tmp_path)
    assert f"{UNIT}: drifted" in run(checkout, "drift", documents=tmp_path)
    assert f"{UNIT}: failed: quota" in run(checkout, "recent-failures", documents=tmp_path)


def test_the_cache_lies_outside_every_checkout(tmp_path: Path) -> None:
    assert cache_of({"INFRA_AGENT_CACHE": str(tmp_path)}) == tmp_path / "infra-agent"
    assert cache_of({"XDG_CACHE_HOME": "/x", "RUNNER_TEMP": "/y"}) == Path("/x/infra-agent")
    assert cache_of({}).parts[-2:] == (".cache", "infra-agent")


def test_the_command_ends_with_a_sentence_and_a_code(checkout: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(checkout.parent), "PYTHONPATH": str(PROJECT)}
    argv = [sys.executable, "-m", "agent", "tool", "read-file", "path=../x"]
    done = subprocess.run(argv, cwd=checkout, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == UserError("x").exit_code
    assert done.stderr.startswith("error: '../x': only paths below")
