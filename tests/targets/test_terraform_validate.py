"""Several units validated at once: one provider for those that ask for the same, each with its own answer."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from agent.domain import File
from agent.settings import Settings
from agent.targets.terraform import trusted_files, validate_all
from agent.targets.terraform_validate import _needs
from agent.tools import Tools, write_files

HERE = Path(__file__).parents[2]
FINE = 'resource "aws_sqs_queue" "q" {\n  name = "q"\n}\n'
WRONG = 'resource "aws_sqs_queue" "q" {\n  nome = "q"\n}\n'
NEWER = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 99.0.0"
    }
  }
}
"""


def tree(root: Path, settings: Settings, units: dict[str, str]) -> dict[str, str]:
    """Units by a short name, with the pipeline's own files; returns their paths by that name."""
    lock = (HERE / "policies" / "terraform.lock.hcl").read_text()
    for name, text in units.items():
        unit = f"infra/terraform/dev/{name}"
        ours = () if text.startswith("terraform {") else trusted_files(
            unit, settings=settings, lock=lock, existing=[text]
        )  # fmt: skip
        write_files(root, [File(path=f"{unit}/main.tf", content=text), *ours])
    return {name: f"infra/terraform/dev/{name}" for name in units}


def test_only_units_that_ask_for_the_same_share(tmp_path: Path, settings: Settings) -> None:
    module = FINE + 'module "m" {\n  source = "../b"\n}\n'
    units = tree(tmp_path, settings, {"a": FINE, "b": WRONG, "c": module, "d": "locals {\n", "e": NEWER})
    needs = {name: _needs(tmp_path, unit) for name, unit in units.items()}
    assert needs["a"] == needs["b"] != ""
    assert [needs[name] for name in "cde"] == ["", "", ""]  # a module; unreadable; no lock file
    lock = tmp_path / units["b"] / ".terraform.lock.hcl"
    lock.write_text(lock.read_text() + "# moved\n")
    assert _needs(tmp_path, units["b"]) != needs["a"]
    lock.write_text(lock.read_text().replace("# moved\n", ""))
    (tmp_path / units["b"] / "more.tf").write_text(NEWER)
    assert _needs(tmp_path, units["b"]) not in {needs["a"], ""}


@pytest.mark.slow
def test_one_provider_answers_for_units_that_ask_for_the_same(
    provider_mirror: Path, tools: Tools, settings: Settings, tmp_path: Path
) -> None:
    units = tree(tmp_path, settings, {"a": FINE, "b": WRONG, "c": FINE})
    (tmp_path / units["c"] / "more.tf").write_text(NEWER)
    log = StringIO()
    found = validate_all(replace(tools, log=log), tmp_path, tuple(units.values()), settings)
    assert [item.path for item in found if item.path.startswith(units["a"])] == []
    assert {(item.path, item.line, item.severity) for item in found if units["b"] in item.path} >= {
        (f"{units['b']}/main.tf", 2, "high")
    }
    assert any(units["c"] in item.path and item.rule.startswith("init/") for item in found)
    started = [line for line in log.getvalue().splitlines() if "setpriv" in line]
    assert len(started) == 1, log.getvalue()
