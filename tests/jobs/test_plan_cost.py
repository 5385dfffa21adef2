"""The plan job asks what a unit costs: with real Terraform, on a unit that needs no provider."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from agent.checks import cost
from agent.domain import Plan
from agent.effects import Effects
from agent.guardrails import Guardrails, Limits
from agent.jobs import plan
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


INFRACOST = """\
#!/usr/bin/env python3
import json, os, sys
if os.environ.get("INFRACOST_API_KEY") != "ico-1" or [name for name in os.environ if name.startswith("AWS_")]:
    sys.exit("Error: no API key, or a credential too many")
part = {"resources": [{"name": "terraform_data.this", "monthlyCost": "250"}], "totalMonthlyCost": "250"}
print(json.dumps({"currency": "USD", "projects": [{"breakdown": part}]}))
"""
TERRAFORM = """\
#!/bin/sh
env | grep -q INFRACOST && exit 99
exec %s "$@"
"""


def test_only_infracost_sees_its_key_and_what_it_says_is_held_against_the_ceiling(
    cloud_tools: Tools, settings: Settings, tmp_path: Path
) -> None:
    terraform = cloud_tools.which("terraform")
    if terraform is None:
        pytest.skip("no terraform on PATH")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, text in (("infracost", INFRACOST), ("terraform", TERRAFORM % terraform)):
        (bin_ / name).write_text(text)
        (bin_ / name).chmod(0o755)
    (tmp_path / UNIT).mkdir(parents=True)
    (tmp_path / UNIT / "main.tf").write_text(CODE)
    environ = {"INFRACOST_API_KEY": "ico-1", "INFRACOST_PRICING_API_ENDPOINT": "", "PATH": "/usr/bin", "OTHER": "x"}
    effects = Effects(environ, job="plan", folder=tmp_path, unit="")
    assert effects.get("pricing") == {"INFRACOST_API_KEY": "ico-1"}
    assert not [name for name in effects.get("tools").environment if name.startswith("INFRACOST")]
    assert "pricing" in inspect.signature(plan.run).parameters

    planned, _, _ = plan_unit(
        tmp_path, UNIT, settings=settings, guardrails=GUARDRAILS, tools=replace(cloud_tools, extra_path=(str(bin_),)),
        pricing=effects.get("pricing"),
    )  # fmt: skip
    assert planned.status == "planned", planned.reason
    assert planned.cost is not None
    assert (planned.cost.monthly_after, planned.cost.source) == (250.0, "infracost")
    made = Plan(commit="0" * 40, units=(planned,))
    limited = GUARDRAILS.model_copy(update={"limits": Limits(max_monthly_usd=100)})
    (over,) = cost.check(made, guardrails=limited)
    assert (over.rule, over.severity) == ("cost/ceiling", "critical")  # more than twice as much
    assert "would cost 250.00 USD a month; limits.max_monthly_usd" in over.message
    assert cost.check(made, guardrails=GUARDRAILS.model_copy(update={"limits": Limits(max_monthly_usd=250)})) == ()
