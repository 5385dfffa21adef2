"""The plan job asks what a unit costs: with real Terraform, on a unit that needs no provider."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.guardrails import Guardrails
from agent.jobs.plan import plan_unit
from agent.settings import Settings
from agent.tools import Tools

UNIT = "infra/terraform/dev/plain"
CODE = """\
terraform {
  backend "s3" {
    bucket       = "infra-agent-state"
    key          = "plain/plan-cost.tfstate"
    region       = "eu-central-1"
    use_lockfile = true
  }
}

resource "terraform_data" "this" {
  input = "x"
}
"""
GUARDRAILS = Guardrails(version=1, environments=("dev",), providers=("hashicorp/aws",))


def test_a_units_plan_comes_with_its_cost_or_a_finding_that_it_could_not_be_told(
    cloud_tools: Tools, settings: Settings, tmp_path: Path
) -> None:
    if cloud_tools.which("terraform") is None:
        pytest.skip("no terraform on PATH")
    if cloud_tools.which("infracost"):
        pytest.skip("infracost is on this machine's PATH: the bundled table is not asked")
    (tmp_path / UNIT).mkdir(parents=True)
    (tmp_path / UNIT / "main.tf").write_text(CODE)
    planned, _, findings = plan_unit(tmp_path, UNIT, settings=settings, guardrails=GUARDRAILS, tools=cloud_tools)
    assert planned.status == "planned", planned.reason
    assert planned.cost is not None
    assert (planned.cost.lines, planned.cost.unpriced) == ((), 0)
    before = [finding.rule for finding in findings]

    program = tmp_path / "bin" / "infracost"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Error: no API key'\n")
    program.chmod(0o755)
    broken = replace(cloud_tools, extra_path=(str(program.parent),))
    planned, _, findings = plan_unit(tmp_path, UNIT, settings=settings, guardrails=GUARDRAILS, tools=broken)
    assert (planned.status, planned.cost) == ("planned", None)
    assert [(item.rule, item.path) for item in findings if item.rule not in before] == [("cost/could-not-run", UNIT)]
