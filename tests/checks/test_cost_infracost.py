"""infracost's protocol, spoken by a fake: its answer is taken over, and whatever is no answer is never zero."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.checks import cost, cost_infracost
from agent.domain import Cost
from agent.errors import ToolError
from agent.tools import Tools
from tests.checks.plan_json import REGION, change, plan

PLAN = plan(
    [
        change("aws_instance.kept", {"instance_type": "m5.large"}, {"instance_type": "m5.large"}),
        change("aws_instance.new", None, {"instance_type": "m5.xlarge"}),
        change("aws_instance.gone", {"instance_type": "m5.large"}, None),
        change("aws_lambda_function.f", None, {}),
        change("aws_iam_role.r", None, {}),
    ]
)


def part(**monthly: str | None) -> dict[str, Any]:
    resources = [{"name": name.replace("__", "."), "monthlyCost": amount} for name, amount in monthly.items()]
    return {"resources": resources, "totalMonthlyCost": str(sum(float(amount or 0) for amount in monthly.values()))}


def answer(**changed: Any) -> dict[str, Any]:
    """As `infracost breakdown --format json` of version 0.10 writes it."""
    project = {
        "name": "plan.json",
        "metadata": {"path": "plan.json", "type": "terraform_plan_json"},
        "pastBreakdown": part(aws_instance__kept="70.08", aws_instance__gone="70.08"),
        "breakdown": part(aws_instance__kept="70.08", aws_instance__new="140.16", aws_lambda_function__f=None),
        "summary": {"totalDetectedResources": 4, "noPriceResourceCounts": {"aws_iam_role": 1}},
    }
    whole = {
        "version": "0.2",
        "currency": "USD",
        "projects": [project],
        "totalMonthlyCost": "210.24",
        "timeGenerated": "2026-11-20T10:11:12.5Z",
    }
    for key, value in changed.items():
        (whole if key in whole else project)[key] = value
    return whole


@pytest.fixture
def infracost(tools: Tools, tmp_path: Path) -> Callable[[str], Tools]:
    """Tools that find a program `infracost` with this body (Python) first on their PATH."""

    def make(body: str) -> Tools:
        path = tmp_path / "bin" / "infracost"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/usr/bin/env python3\nimport json, os, sys\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return replace(tools, extra_path=(str(path.parent),))

    return make


def saying(whole: object) -> str:
    return f"sys.stdout.write({json.dumps(whole)!r})"


def ask(tools: Tools, **pricing: str) -> Cost:
    return cost.estimate(PLAN, region=REGION, tools=tools, pricing=pricing, timeout=20)


def test_its_prices_are_taken_before_and_after(infracost: Callable[[str], Tools]) -> None:
    found = ask(infracost(saying(answer())))
    assert (found.monthly_before, found.monthly_after) == (140.16, 210.24)
    assert (found.usage_based, found.unpriced, found.source) == (1, 0, "infracost")
    assert [(line.address, line.before, line.after) for line in found.lines] == [
        ("aws_instance.gone", 70.08, 0.0),
        ("aws_instance.kept", 70.08, 70.08),
        ("aws_instance.new", 0.0, 140.16),
        ("aws_lambda_function.f", 0.0, None),
    ]
    assert {line.date for line in found.lines} == {"2026-11-20"}


def test_it_is_called_on_the_plan_with_its_key_and_no_cloud_credential(
    infracost: Callable[[str], Tools], tmp_path: Path
) -> None:
    body = f"""
plan = json.load(open(sys.argv[3]))
json.dump([sys.argv[1:], dict(os.environ), len(plan["resource_changes"])], open({str(tmp_path / "seen")!r}, "w"))
{saying(answer())}"""
    tools = infracost(body)
    secrets = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "GH_TOKEN": "t", "INFRACOST_API_KEY": "no"}
    own = {"INFRACOST_API_KEY": "ico-1", "INFRACOST_PRICING_API_ENDPOINT": "http://127.0.0.1:9", "OTHER": "x"}
    ask(replace(tools, environment={**tools.environment, **secrets}), **own)
    argv, names, count = json.loads((tmp_path / "seen").read_text())
    assert argv[:5] == ["breakdown", "--path", "plan.json", "--format", "json"]
    assert count == len(PLAN["resource_changes"])
    assert names["INFRACOST_API_KEY"] == "ico-1"
    assert names["INFRACOST_PRICING_API_ENDPOINT"] == "http://127.0.0.1:9"
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GH_TOKEN", "OTHER"} & set(names)


def test_without_it_the_bundled_table_is_taken(tools: Tools) -> None:
    without = replace(tools, environment={"PATH": "/nonexistent"})
    assert ask(without).source == "bundled list prices"


def test_what_it_does_not_support_or_leaves_out_is_unpriced(infracost: Callable[[str], Tools]) -> None:
    found = ask(infracost(saying(answer(summary={"unsupportedResourceCounts": {"aws_new_thing": 2}}))))
    assert found.unpriced == 2
    found = ask(infracost(saying(answer(breakdown=part(aws_instance__kept="70.08")))))
    assert found.unpriced == 1
    line = next(line for line in found.lines if line.address == "aws_instance.new")
    assert (line.after, line.note) == (None, "not in infracost's answer")


GARBAGE: list[tuple[str, str]] = [
    ("", "no breakdown"),
    ("sys.stdout.write('Error: no API key')", "no breakdown"),
    ("sys.exit(1)", "code 1"),
    ("import time; time.sleep(60)", "no end after"),
    (saying([]), "no breakdown"),
    (saying({}), "no breakdown"),
    (saying(answer(projects=[])), "0 projects"),
    (saying(answer(projects=[{}])), "no breakdown"),
    (saying(answer(currency="EUR")), "EUR"),
    (saying(answer(metadata={"errors": [{"message": "bad plan"}]})), "bad plan"),
    (saying(answer(pastBreakdown=part(), breakdown=part(), summary={})), "saw none of 5"),
    (saying(answer(breakdown={"resources": None, "totalMonthlyCost": "0"})), "no breakdown"),
    (saying(answer(breakdown={**part(aws_instance__new="140.16"), "totalMonthlyCost": "0"})), "total is 0"),
    (saying(answer(breakdown=part(aws_instance__new="nan"))), "no breakdown"),
    (saying(answer(breakdown=part(aws_instance__new="-5"))), "no breakdown"),
    (saying(answer(breakdown={"resources": [{"name": "a", "monthlyCost": 5}], "totalMonthlyCost": "5"})), "a text"),
    (
        saying(answer(breakdown={"resources": [{"name": "a", "monthlyCost": "1"}] * 2, "totalMonthlyCost": "2"})),
        "twice",
    ),
    (saying(answer(summary={"unsupportedResourceCounts": {"a": "many"}})), "no breakdown"),
]


@pytest.mark.parametrize(("body", "reason"), GARBAGE)
def test_garbage_is_could_not_run_and_never_zero(infracost: Callable[[str], Tools], body: str, reason: str) -> None:
    with pytest.raises(ToolError, match=reason):
        cost_infracost.breakdown(PLAN, tools=infracost(body), pricing={}, timeout=1 if "sleep" in body else 30)


def test_the_plan_is_not_left_lying_about(infracost: Callable[[str], Tools], tmp_path: Path) -> None:
    ask(infracost(f"open({str(tmp_path / 'where')!r}, 'w').write(os.getcwd())\n{saying(answer())}"))
    where = (tmp_path / "where").read_text()
    assert where
    assert not os.path.exists(where)  # noqa: PTH110
