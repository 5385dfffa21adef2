"""`examine_plan` on plans that the real Terraform makes; no provider is needed."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.gate import examine_plan
from tests.gate.gate_helpers import GUARDRAILS
from tests.gate.test_gate_hcl import ENVIRONMENT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH"),
]


def planned(folder: Path, text: str, *, apply: bool = False) -> dict[str, Any]:
    def run(*argv: str) -> str:
        done = subprocess.run(
            ["terraform", *argv], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True
        )
        return done.stdout

    (folder / "main.tf").write_text(text)
    run("init", "-no-color", "-input=false")
    run("plan", "-no-color", "-input=false", "-out=plan.bin")
    shown: dict[str, Any] = json.loads(run("show", "-json", "plan.bin"))
    if apply:
        run("apply", "-no-color", "-input=false", "plan.bin")
    return shown


def found(plan: dict[str, Any]) -> set[str]:
    return {item.rule for item in examine_plan(plan, guardrails=GUARDRAILS)}


def test_an_ordinary_plan_passes(tmp_path: Path) -> None:
    assert found(planned(tmp_path, 'resource "terraform_data" "a" {\n  input = "x"\n}\n')) == set()


def test_provisioners_in_a_module(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(
        'resource "terraform_data" "w" {\n  provisioner "local-exec" {\n    command = "true"\n  }\n}\n'
    )
    assert "plan/provisioner" in found(planned(tmp_path, 'module "m" {\n  source = "./m"\n}\n'))


def test_moves_and_forgotten_resources(tmp_path: Path) -> None:
    planned(tmp_path, 'resource "terraform_data" "a" {}\nresource "terraform_data" "b" {}\n', apply=True)
    text = 'resource "terraform_data" "c" {}\nmoved {\n  from = terraform_data.a\n  to = terraform_data.c\n}\n'
    text += "removed {\n  from = terraform_data.b\n  lifecycle {\n    destroy = false\n  }\n}\n"
    findings = examine_plan(planned(tmp_path, text), guardrails=GUARDRAILS)
    messages = " ".join(item.message for item in findings)
    assert {item.rule for item in findings} == {"plan/hidden-change"}
    assert "moved from terraform_data.a" in messages
    assert "forget" in messages
