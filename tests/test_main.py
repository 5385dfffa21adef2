"""The command line: what a person types wrong ends as text and an exit code, never as a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import git
import pytest

from agent.doctor import diagnose
from agent.tools import Tools, allowed

PROJECT = Path(__file__).parent.parent


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        cwd=cwd, env={**base, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def said(*arguments: str, code: int, **environment: str) -> str:
    done = run(*arguments, cwd=PROJECT, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_every_command_has_help() -> None:
    text = said("--help", code=0)
    for command in ("job", "schema", "doctor", "demo"):
        assert command in text
    assert "--interactive" in said("demo", "--help", code=0)


def test_a_schema_is_printed_as_json() -> None:
    assert json.loads(said("schema", "request", code=0))["additionalProperties"] is False


def test_unknown_names_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    out = str(tmp_path / "out.json")
    assert "there are intake, receive, steer, author" in said("job", "deploy", "--in", ".", "--out", out, code=2)
    assert "there are apply" not in said("schema", "nonsense", code=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "request.json: not JSON"),
        ('{"version": 9}', "request.json: version 9 is not known here"),
        ('{"status": "accepted", "colour": 1}', "request.json: colour: Extra inputs are not permitted"),
    ],
)
def test_a_job_refuses_a_malformed_document_by_name_and_field(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "request.json").write_text(text)
    out = tmp_path / "out" / "change.json"
    assert expected in said("job", "author", "--in", str(tmp_path), "--out", str(out), code=2)
    assert not out.parent.exists()


def test_a_job_without_its_documents_names_them(tmp_path: Path) -> None:
    assert "request.json: not in" in said("job", "author", "--in", str(tmp_path), "--out", str(tmp_path / "o"), code=2)


def test_a_document_that_was_swapped_is_refused(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{}")
    text = said(
        "job", "author", "--in", str(tmp_path), "--out", str(tmp_path / "o"), code=2,
        INFRA_AGENT_EXPECT=f"request={'0' * 64}",
    )  # fmt: skip
    assert "not the one that the job which wrote it announced" in text


def test_a_job_outside_ci_says_what_is_missing(tmp_path: Path) -> None:
    assert "GITHUB_EVENT_NAME is not set" in said("job", "intake", "--in", ".", "--out", str(tmp_path / "o"), code=2)


def test_intake_of_the_pull_request_that_brings_the_settings_ends_well(tmp_path: Path) -> None:
    repo = git.Repo.init(tmp_path / "shop")
    repo.git.execute(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--allow-empty", "-m", "first"])
    out, event, told = tmp_path / "out/request.json", tmp_path / "event.json", tmp_path / "told"
    event.write_text("{}")
    environment = {
        "GITHUB_WORKSPACE": str(tmp_path / "shop"), "GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": "x",
        "GITHUB_EVENT_PATH": str(event), "GITHUB_OUTPUT": str(told), "GITHUB_API_URL": "http://127.0.0.1:9",
    }  # fmt: skip
    job = ("job", "intake", "--in", str(tmp_path), "--out", str(out))
    text = said(*job, code=0, GITHUB_EVENT_NAME="pull_request", **environment)
    assert "infra-agent is not on the default branch yet; nothing is judged until this is merged" in text
    assert json.loads(out.read_text())["status"] == "ignored"
    assert "route=" not in told.read_text()
    assert "infra-agent.yml: not there" in said(*job, code=2, GITHUB_EVENT_NAME="issues", **environment)


def test_the_doctor_names_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    nothing = Tools(environment={"PATH": str(tmp_path)})
    lines = {line.what: line for line in diagnose(tmp_path, tools=nothing, mirror=str(tmp_path))}
    assert not lines["git"].ok
    assert "Install Terraform 1.10 or newer" in lines["Terraform or OpenTofu"].detail
    assert "holds no folder registry.terraform.io" in lines["provider mirror"].detail
    assert ".github/infra-agent.yml: not there" in lines[".github/infra-agent.yml"].detail


def test_the_doctor_finds_this_checkout_sound() -> None:
    lines = {line.what: line for line in diagnose(PROJECT, tools=Tools(environment=allowed(os.environ)), mirror="")}
    assert all(lines[name].ok for name in ("Python", "git", ".github/infra-agent.yml", "policies/guardrails.yml"))
