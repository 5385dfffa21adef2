"""Real Terraform on a local AWS: a plan tells what the code alone does not, and the case's policy judges it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.domain import ChangeSet, File
from agent.evals.case import load_cases
from agent.evals.examination import examine
from agent.evals.ground import Ground
from agent.evals.judge import judge
from agent.evals.policy import judged_by
from agent.sandbox.cloud import serving
from tests.evals.conftest import PROJECT

UNIT = "infra/terraform/dev/sessions"
MAIN = """variable "key" {
  description = "Name of the key."
  type        = string
  default     = "session"
}

resource "aws_dynamodb_table" "sessions" {
  name         = "dev-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = var.key

  attribute {
    name = var.key
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}
"""


@pytest.mark.slow
def test_a_plan_tells_what_only_it_can_and_the_policy_judges_it(place: Ground, provider_mirror: Path) -> None:
    case = next(one for one in load_cases(PROJECT / "evals" / "requests.yaml") if one.id == "tf-new-table")
    files = (File(path=f"{UNIT}/main.tf", content=MAIN),)
    change = ChangeSet(status="written", author="model:x", units=(UNIT,), files=files)

    def hash_key(raw: dict[str, object]) -> bool | None:
        made = said.model_copy(update={"raw": raw})
        found = judge(case, change, None, made, base=place.base, guardrails=place.guardrails)
        return next(one.passed for one in found if one.check == "attributes")

    with serving(place.settings, environ=os.environ) as cloud:
        said = examine(case, change, replace(place, cloud=cloud, stood={}))
    assert not said.unable
    assert said.plan is not None
    assert [one.status for one in said.plan.units] == ["planned"]
    assert said.rego == ()
    assert hash_key(said.raw) is True
    assert hash_key({}) is None, "the code alone names a variable"
    without = json.dumps(said.raw[UNIT]).replace('"ttl": [{"attribute_name": "expires", "enabled": true}]', '"ttl": []')
    assert judged_by(case.rego, [("plan.json", without)], tools=place.tools) == (
        "aws_dynamodb_table.sessions: rows do not expire",
    )
