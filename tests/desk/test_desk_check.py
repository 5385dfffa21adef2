"""`infra-agent check`: what is looked at, what is printed, exit codes; the pre-commit hook at its protocol."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import git
import pytest
import yaml

from agent.checks.sarif import to_sarif
from agent.desk.check import Interpreters, examine_folder, find_interpreters
from agent.desk.folder import look, modules_and_units
from agent.desk.run import run_check
from agent.domain import CheckRun, Finding, Findings
from agent.errors import UserError
from agent.render.lint import as_github, as_text
from agent.tools import Tools

PROJECT = Path(__file__).parents[2]
TODAY = date(2026, 1, 2)
UNIT = "infra/terraform/dev/app"
FINE = 'output "name" {\n  value = "app"\n}\n'
BAD = 'data "external" "x" {\n  program = ["sh"]\n}\n'
BLOCKED = "terraform/data-source"


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> git.Repo:
    root = tmp_path / "checkout"
    root.mkdir()
    repo = git.Repo.init(root, initial_branch="main")
    write(root, {f"{UNIT}/main.tf": FINE, "infra/terraform/dev/other/main.tf": BAD, "README.md": "x\n"})
    write(root, {".gitignore": "*.tfvars\n"})
    repo.git.add("-A")
    repo.git.execute(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"])
    return repo


def root_of(repo: git.Repo) -> Path:
    return Path(str(repo.working_tree_dir)).resolve()


def test_a_lone_folder_is_a_unit_and_keeps_its_paths(tmp_path: Path, tools: Tools) -> None:
    folder = tmp_path / "My Stack"
    write(folder, {"main.tf": BAD, "sub/x.txt": "x\n"})
    found = examine_folder(folder, tools=tools, pythons=Interpreters(), mirror="", today=TODAY)
    assert found.exit_code == 1
    where = {(item.rule, item.path, item.line) for item in found.findings.findings}
    shown = os.path.relpath(folder)
    assert {(BLOCKED, f"{shown}/main.tf", 1), ("paths/extension", f"{shown}/sub/x.txt", 0)} <= where
    assert [run.check for run in found.findings.checks] == ["gate"]


@pytest.mark.parametrize(
    ("files", "home"),
    [
        ({"main.tf": FINE, "k.yaml": "kind: Pod\n"}, "infra/terraform/dev/stack"),
        ({"app.yaml": "apiVersion: v1\nkind: Service\n"}, "infra/kubernetes/dev/stack"),
        ({"Chart.yaml": "name: x\n"}, "infra/kubernetes/dev/stack"),
        ({"site.yml": "- hosts: all\n"}, "infra/ansible/stack"),
    ],
)
def test_a_lone_folder_is_taken_for_what_its_files_speak_of(tmp_path: Path, files: dict[str, str], home: str) -> None:
    write(tmp_path / "stack", files)
    folder = look(tmp_path / "stack")
    assert (folder.home, folder.units) == (home, (home,))
    assert {folder.path(file.path) for file in folder.files} == {os.path.relpath(tmp_path / "stack" / n) for n in files}


def test_every_root_module_of_a_lone_tree_is_a_unit(tmp_path: Path) -> None:
    write(tmp_path / "stack", {"envs/dev/main.tf": FINE, "envs/prod/main.tf": FINE})
    home = "infra/terraform/dev/stack"
    assert look(tmp_path / "stack").units == (f"{home}/envs/dev", f"{home}/envs/prod")


def test_what_tools_leave_behind_is_left_out_and_links_are_findings(tmp_path: Path) -> None:
    write(tmp_path / "stack", {"main.tf": FINE, ".terraform/x.tf": BAD, ".terraform.lock.hcl": "x", "a.tfstate": "{}"})
    (tmp_path / "stack" / "link.tf").symlink_to("/etc/passwd")
    (tmp_path / "stack" / "linked").symlink_to("/etc")
    (tmp_path / "stack" / "latin.tf").write_bytes(b"# \xe9\n")
    folder = look(tmp_path / "stack")
    assert [file.path.rsplit("/", 1)[-1] for file in folder.files] == ["main.tf"]
    assert folder.left_out == 3
    kinds = sorted((item.rule, item.path.rsplit("/", 1)[-1]) for item in folder.findings)
    assert kinds == [("bundle/encoding", "latin.tf"), ("bundle/mode", "link.tf"), ("bundle/mode", "linked")]


def test_a_checkout_is_looked_at_as_the_pipeline_sees_it(checkout: git.Repo) -> None:
    root = root_of(checkout)
    write(root, {f"{UNIT}/x.auto.tfvars": "ignored by git"})
    for start in (root, root / "infra"):
        folder = look(start)
        assert folder.root == root
        assert folder.units == (UNIT, "infra/terraform/dev/other")
        assert {file.path for file in folder.files} == {f"{UNIT}/main.tf", "infra/terraform/dev/other/main.tf"}
    assert [file.path for file in look(root / UNIT).files] == [f"{UNIT}/main.tf"]
    assert [file.path for file in look(root / UNIT / "main.tf").files] == [f"{UNIT}/main.tf"]


def test_only_what_changed_is_judged(checkout: git.Repo) -> None:
    root = root_of(checkout)
    assert look(root, changed=True).files == ()
    write(root, {f"{UNIT}/more.tf": FINE.replace("name", "more")})
    (root / UNIT / "main.tf").unlink()
    folder = look(root, changed=True, base="HEAD")
    assert {(file.path, file.content is None) for file in folder.files} == {
        (f"{UNIT}/more.tf", False), (f"{UNIT}/main.tf", True),
    }  # fmt: skip
    assert folder.units == (UNIT,)
    assert set(folder.before) == {f"{UNIT}/main.tf", "infra/terraform/dev/other/main.tf"}


def test_a_file_of_the_pipeline_that_stands_in_head_is_not_judged(checkout: git.Repo) -> None:
    root = root_of(checkout)
    write(root, {f"{UNIT}/terraform.tf": "terraform {}\n", f"{UNIT}/.terraform.lock.hcl": "# lock\n"})
    assert len(look(root).files) == 4
    checkout.git.add("-A")
    checkout.git.execute(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "y"])
    assert len(look(root).files) == 2
    write(root, {f"{UNIT}/.terraform.lock.hcl": "# another\n"})
    assert f"{UNIT}/.terraform.lock.hcl" in {file.path for file in look(root).files}


def test_what_cannot_be_looked_at_is_said(checkout: git.Repo, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not there"):
        look(tmp_path / "nope")
    with pytest.raises(UserError, match="no such commit or branch"):
        look(root_of(checkout), changed=True, base="nope")
    (tmp_path / "stack").mkdir()
    with pytest.raises(UserError, match="not in a git checkout"):
        look(tmp_path / "stack", changed=True)


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_nothing_there_is_never_a_pass(tmp_path: Path, style: str) -> None:
    (tmp_path / "empty").mkdir()
    text, code = run_check(tmp_path / "empty", style=style, environ={}, changed=False, base="")  # type: ignore[arg-type]
    assert code == 2
    assert "no infrastructure code there" in text


@pytest.mark.parametrize("style", ["text", "json", "sarif", "github"])
def test_a_checkout_without_infrastructure_has_nothing_to_check(tmp_path: Path, style: str) -> None:
    repo = git.Repo.init(tmp_path, initial_branch="trunk")
    write(tmp_path, {"README.md": "x\n", "src/a.py": "pass\n", ".github/workflows/ci.yml": "on: push\njobs: {}\n"})
    text, code = run_check(tmp_path, style=style, environ={}, changed=False, base="")  # type: ignore[arg-type]
    assert code == 0
    if style == "sarif":
        assert len(json.loads(text)["runs"]) == 1  # GitHub refuses a file without any
    else:
        assert "no infra/" in text
    text, code = run_check(tmp_path / "src", style=style, environ={}, changed=False, base="")  # type: ignore[arg-type]
    assert code == 2  # asked for by name, it has to be there
    assert "no infrastructure code there" in text
    repo.close()


@pytest.mark.parametrize("name", ["main.tf", "kustomization.yaml", "site.yml"])
def test_a_checkout_that_is_infrastructure_itself_is_looked_at(tmp_path: Path, name: str) -> None:
    git.Repo.init(tmp_path).close()
    write(tmp_path, {name: "- hosts: all\n" if name == "site.yml" else FINE})
    assert look(tmp_path).units
    assert not look(tmp_path).nothing


@pytest.mark.parametrize("name", ["deep/main.tf", "deep/kustomization.yaml"])
def test_a_checkout_with_code_elsewhere_asks_for_the_folder(tmp_path: Path, name: str) -> None:
    git.Repo.init(tmp_path).close()
    write(tmp_path, {name: FINE})
    with pytest.raises(UserError, match="no infra/ here; name the folder of a unit, such as deep"):
        look(tmp_path)


def test_a_lone_file_stands_for_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "stack", {"main.tf": FINE, "more.tf": FINE, "other/main.tf": BAD})
    beside = {file.path.rsplit("/", 1)[-1] for file in look(tmp_path / "stack" / "main.tf").files}
    assert beside == {"main.tf", "more.tf"}
    module = 'module "m" {\n  source = "./other"\n}\n'
    write(tmp_path / "stack", {"more.tf": module})
    assert len(look(tmp_path / "stack" / "main.tf").files) == 3


def test_no_tool_sees_what_was_not_judged(checkout: git.Repo) -> None:
    root = root_of(checkout)
    write(root, {f"{UNIT}/evil.tf": BAD, "infra/terraform/modules/m/main.tf": BAD})
    write(root, {f"{UNIT}/uses.tf": 'module "m" {\n  source = "../../modules/m"\n}\n'})
    for part in (f"{UNIT}/main.tf", "infra/terraform/modules/m"):
        folder = look(root / part)
        assert folder.units == (UNIT,)
        assert {file.path for file in modules_and_units(folder)} <= {file.path for file in folder.files}


def test_odd_files_are_said_and_never_a_traceback(tmp_path: Path) -> None:
    stack = tmp_path / "stäck"
    write(stack, {"main.tf": FINE.replace("\n", "\r\n")})
    assert look(stack).files[0].content == FINE.replace("\n", "\r\n")
    os.mkfifo(stack / "pipe.tf")
    (stack / "big.tf").write_bytes(b"#" * (5_000_001))
    (stack / "loop").symlink_to("loop")
    (stack / "logo.png").write_bytes(b"\x89PNG")
    text, code = run_check(stack, style="text", environ={}, changed=False, base="")
    assert code == 1
    for name, rule in (
        ("pipe.tf", "bundle/mode"), ("big.tf", "bundle/limit"),
        ("loop", "bundle/mode"), ("logo.png", "bundle/encoding"),
    ):  # fmt: skip
        assert f"{name}: critical gate {rule}: " in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path / "stack", {"main.tf": FINE})
    (tmp_path / "stack" / "main.tf").chmod(0)
    text, code = run_check(tmp_path / "stack", style="text", environ={}, changed=False, base="")
    assert code == 2
    assert "cannot be read" in text


def test_missing_tools_could_not_run_and_say_how_to_get_them(tmp_path: Path) -> None:
    write(tmp_path / "stack", {"main.tf": FINE})
    environ = {"PATH": "/nonexistent", "INFRA_AGENT_CHECKOV_PYTHON": "/nonexistent/python"}
    text, code = run_check(tmp_path / "stack", style="text", environ=environ, changed=False, base="")
    assert code == 2
    assert "checkov COULD NOT RUN" in text
    assert "terraform COULD NOT RUN" in text
    assert "bin/setup-env checkov" in text
    assert "install Terraform or OpenTofu" in text


def test_environments_are_found_where_setup_env_puts_them(tmp_path: Path) -> None:
    named = find_interpreters({"INFRA_AGENT_ANSIBLE_PYTHON": "named"}, homes=(tmp_path, tmp_path / "nope"))
    assert named == Interpreters(checkov="", ansible="named", kubernetes="")
    for name in ("checkov-aaa", "checkov-bbb", "checkov-ccc"):
        write(tmp_path / name, {"bin/python": "", **({".complete": ""} if name != "checkov-bbb" else {})})
    os.utime(tmp_path / "checkov-ccc" / ".complete", (1, 1))
    found = find_interpreters({}, homes=(tmp_path,))
    assert found == Interpreters(checkov=str(tmp_path / "checkov-aaa" / "bin" / "python"))


@pytest.mark.slow
def test_a_unit_is_checked_by_every_tool(checkov_python: str, provider_mirror: Path, tmp_path: Path) -> None:
    write(tmp_path / "stack", {"main.tf": 'output "name" {\nvalue = var.nope\n}\n'})
    environ = {
        "PATH": os.environ["PATH"],
        "INFRA_AGENT_CHECKOV_PYTHON": checkov_python,
        "INFRA_AGENT_PROVIDER_MIRROR": str(provider_mirror),
    }
    text, code = run_check(tmp_path / "stack", style="json", environ=environ, changed=False, base="")
    shown = json.loads(text)
    assert code == shown["exit_code"] == 1, text
    assert {run["check"] for run in shown["checks"]} >= {"gate", "checkov", "secrets", "terraform", "yamllint"}
    path = os.path.relpath(tmp_path / "stack" / "main.tf")
    assert {item["path"] for item in shown["findings"]} == {path}
    assert ("fmt/layout", 0) in {(item["rule"], item["line"]) for item in shown["findings"]}
    assert 2 in {item["line"] for item in shown["findings"]}


HOSTILE = Finding(
    source="x", rule="a/b", severity="high", path="a,b:c%.tf\n::error::x", line=3,
    message="100% bad\r\n::set-output name=a::b\x1b[31m", help="infra-agent rules a/b",
)  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "word"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "notice"), ("info", "notice")],
)
def test_a_workflow_command_is_as_loud_as_its_finding_is_grave(severity: str, word: str) -> None:
    found = HOSTILE.model_copy(update={"severity": severity})
    assert as_github(Findings(findings=(found,))).startswith(f"::{word} ")


def test_workflow_commands_are_one_line_each_and_escaped() -> None:
    shown = as_github(Findings(findings=(HOSTILE, HOSTILE.model_copy(update={"severity": "info", "line": 0}))))
    first, second = shown.splitlines()
    assert first.startswith("::error file=a%2Cb%3Ac%25.tf%0A%3A%3Aerror%3A%3Ax,line=3,title=x a/b::100%25 bad%0D%0A::")
    assert "line=" not in second
    assert second.startswith("::notice ")


def test_text_is_a_linter_s_and_gives_no_orders_to_a_ci() -> None:
    plain = Finding(source="gate", rule="r/x", severity="critical", path="::error::x/main.tf", line=2, message="m")
    run = CheckRun(check="gate", status="failed")
    shown = as_text(Findings(findings=(HOSTILE, plain), checks=(run,)), files=2, units=1)
    lines = shown.splitlines()
    assert all(line.isprintable() for line in lines)
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert "./::error::x/main.tf:2: critical gate r/x: m" in lines
    assert lines[-1] == "2 files in 1 unit: 1 critical, 1 high"
    assert json.dumps(to_sarif(Findings(findings=(HOSTILE,)), version="1"))


def hook() -> dict[str, object]:
    (one,) = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())
    assert isinstance(one, dict)
    return one


def test_the_hook_is_defined_as_pre_commit_asks() -> None:
    one = hook()
    assert {"id", "name", "entry", "language", "files", "pass_filenames"} <= set(one)
    assert (one["language"], one["pass_filenames"]) == ("script", False)
    assert os.access(PROJECT / str(one["entry"]), os.X_OK)
    wanted = re.compile(str(one["files"]))
    assert wanted.search(f"{UNIT}/main.tf")
    assert not wanted.search("README.md")


def test_the_hook_stops_a_commit_and_lets_others_through(checkout: git.Repo, checkov_python: str) -> None:
    """As pre-commit calls it: the entry below the hook's repository, in the root of the committing one."""
    root = root_of(checkout)

    def commit() -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "INFRA_AGENT_CHECKOV_PYTHON": checkov_python,
            "INFRA_AGENT_PYTHON": sys.executable,
            "INFRA_AGENT_ENV": "dev",
            **({"INFRA_AGENT_ENVS": os.environ["INFRA_AGENT_ENVS"]} if os.environ.get("INFRA_AGENT_ENVS") else {}),
        }
        entry = str(PROJECT / str(hook()["entry"]))
        return subprocess.run([entry], cwd=root, env=environment, capture_output=True, text=True, timeout=120)

    assert (done := commit()).returncode == 0, done.stdout + done.stderr
    write(root, {f"{UNIT}/main.tf": BAD})
    checkout.git.add("-A")
    done = commit()
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{UNIT}/main.tf:1: critical gate {BLOCKED}" in done.stdout
