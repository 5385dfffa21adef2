"""A good answer is judged good, and each way in which one can be bad is judged bad, by the check whose task it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agent.domain import Change, ChangeSet, File, Finding, ModelCall, Plan, Refusal, Scope, UnitPlan
from agent.evals.case import Case
from agent.evals.examination import examine
from agent.evals.ground import Ground
from agent.evals.judge import Said, ending, judge, passed
from agent.tools import Tools

ALARMS = "infra/terraform/dev/alerts"
MAIN = f"{ALARMS}/main.tf"
CASE = Case.model_validate(
    {
        "id": "threshold",
        "title": "Less nervous",
        "prompt": "90, not 80",
        "kind": "edit",
        "expect": {
            "units": [ALARMS],
            "resources": {"aws_cloudwatch_metric_alarm": 1},
            "none": ["aws_iam_*"],
            "attributes": [{"type": "aws_cloudwatch_metric_alarm", "path": "threshold", "equals": 90}],
            "lines": {MAIN: ["threshold += 80"]},
            "somewhere": ["threshold"],
            "nowhere": ["nosec"],
        },
    }
)
USER = 'resource "aws_iam_user" "x" {\n  name = "x"\n}\n'


def changed(texts: Mapping[str, str | None], **more: Any) -> ChangeSet:
    files = tuple(File(path=path, content=text) for path, text in texts.items())
    return ChangeSet.model_validate(
        {"status": "written", "author": "model:x", "units": (ALARMS,), "files": files} | more
    )


def wrong(case: Case, change: ChangeSet, place: Ground, said: Said | None = None) -> dict[str, str]:
    found = judge(case, change, None, said or Said(), base=place.base, guardrails=place.guardrails)
    assert passed(found) == all(one.passed is not False for one in found)
    return {one.check: one.why for one in found if one.passed is False}


def good(place: Ground) -> str:
    return place.base[MAIN].replace("= 80", "= 90")


def test_a_good_answer_passes_every_check(place: Ground) -> None:
    found = judge(CASE, changed({MAIN: good(place)}), None, Said(), base=place.base, guardrails=place.guardrails)
    assert {one.check: one.passed for one in found} == dict.fromkeys(
        ("ending", "parses", "units", "resources", "added", "somewhere", "nowhere", "lines", "attributes"), True
    )


def test_each_bad_answer_fails_the_check_whose_task_it_is(place: Ground) -> None:
    right = good(place)
    bad: dict[str, Mapping[str, str | None]] = {
        "attributes": {MAIN: right.replace("= 90", "= 95")},
        "parses": {MAIN: right + "}"},
        "added": {MAIN: right, f"{ALARMS}/more.tf": USER},
        "nowhere": {MAIN: right + "# nosec\n"},
        "lines": {MAIN: right.replace("# Two of three periods", "# Some periods")},
        "units": {MAIN: right, "infra/terraform/dev/other/main.tf": ""},
        "resources": {
            MAIN: right.replace('"aws_cloudwatch_metric_alarm" "cpu"', '"aws_cloudwatch_composite_alarm" "cpu"')
        },
        "somewhere": {MAIN: right.replace("threshold", "treshold")},
    }
    for check, texts in bad.items():
        assert check in wrong(CASE, changed(texts), place), check
    assert list(wrong(CASE, changed(bad["attributes"]), place)) == ["attributes"]
    assert list(wrong(CASE, changed(bad["added"]), place)) == ["added"]
    assert list(wrong(CASE, changed(bad["lines"]), place)) == ["lines"]


def test_a_file_that_stands_and_was_not_to_change_is_noticed_whole_or_deleted(place: Ground) -> None:
    other = f"{ALARMS}/outputs.tf"
    for text in (place.base[other] + "\n", None):
        found = wrong(CASE, changed({MAIN: good(place), other: text}), place)
        assert found == {"lines": f"{other} was changed"}
    assert "lines" in wrong(CASE, changed({MAIN: None}), place)
    loose = CASE.model_copy(update={"expect": CASE.expect.model_copy(update={"lines": None})})
    assert not wrong(loose, changed({MAIN: good(place), other: place.base[other] + "\n"}), place)


def test_an_answer_that_ends_otherwise_fails_and_is_judged_no_further(place: Ground) -> None:
    asked = ChangeSet(status="needs-info", author="strategist")
    assert wrong(CASE, asked, place) == {"ending": "it ended as asked, expected was written"}
    wants = CASE.model_copy(update={"expect": CASE.expect.model_copy(update={"endings": ("asked",)})})
    assert not wrong(wants, asked, place)
    assert list(wrong(wants, changed({MAIN: good(place)}), place)) == ["ending"]


@pytest.mark.parametrize(
    ("rule", "outcome", "said"),
    [
        ("preflight/type", "ok", "refused"),
        ("author/no-draft", "ok", "stopped"),
        ("author/no-answer", "unavailable", "no answer"),
        ("author/no-answer", "refused", "refused"),
    ],
)
def test_a_model_that_gave_no_answer_refused_nothing(rule: str, outcome: str, said: str) -> None:
    call = ModelCall.model_validate({"role": "author-terraform", "model": "a:b", "prompt": "0", "outcome": outcome})
    refusal = Refusal(rule=rule, value="", message="")
    assert ending(ChangeSet(status="refused", author="x", refusals=(refusal,), calls=(call,))) == said


@pytest.mark.parametrize("status", ["unfinished", "nothing"])
def test_what_is_not_finished_is_what_no_case_expects(status: str) -> None:
    assert ending(ChangeSet.model_validate({"status": status, "author": "x"})) == status


def test_what_a_tool_says_counts_and_what_none_said_does_not(place: Ground) -> None:
    change = changed({MAIN: good(place)})
    finding = Finding(source="terraform", rule="validate/x", severity="high", message="", path=MAIN, line=3)
    note = finding.model_copy(update={"severity": "info"})
    assert wrong(CASE, change, place, Said(validate_=(finding,))) == {"validate": f"{MAIN}:3: validate/x"}
    assert not wrong(CASE, change, place, Said(validate_=(note,), gate=()))
    assert wrong(CASE, change, place, Said(rego=("no",))) == {"rego": "no"}
    failed = Plan(units=(UnitPlan(unit=ALARMS, target="terraform", status="failed", reason="no such argument"),))
    assert "plan" in wrong(CASE, change, place, Said(plan=failed))
    found = judge(CASE, change, None, Said(unable={"plan": "gone"}), base=place.base, guardrails=place.guardrails)
    assert [(one.check, one.passed) for one in found if one.passed is None] == [("plan", None)]


def test_a_plan_beyond_its_scope_fails(place: Ground) -> None:
    scope = Scope(environment="dev", units=(ALARMS,), types={"aws_cloudwatch_metric_alarm": ("update",)})
    change = changed({MAIN: good(place)}, scope=scope)

    def plan(*verbs: str) -> Plan:
        one = Change.model_validate(
            {"address": "aws_cloudwatch_metric_alarm.cpu", "type": "aws_cloudwatch_metric_alarm", "verbs": verbs}
        )
        return Plan(units=(UnitPlan(unit=ALARMS, target="terraform", status="planned", changes=(one,)),))

    assert not wrong(CASE, change, place, Said(plan=plan("update")))
    assert list(wrong(CASE, change, place, Said(plan=plan("delete")))) == ["scope"]


def test_an_attribute_that_only_a_plan_tells_is_not_judged_without_one(place: Ground) -> None:
    unit = "infra/terraform/dev/archive"
    days = "rule.noncurrent_version_expiration.noncurrent_days"
    wanted = {"type": "aws_s3_bucket_lifecycle_configuration", "path": days, "equals": 90}
    case = Case.model_validate(
        {"id": "x", "title": "x", "prompt": "x", "expect": {"attributes": [wanted], "lines": None, "units": [unit]}}
    )
    path = f"{unit}/variables.tf"
    change = ChangeSet(
        status="written", author="m", units=(unit,), files=(File(path=path, content=place.base[path] + "\n"),)
    )

    def judged(raw: dict[str, Any]) -> bool | None:
        found = judge(case, change, None, Said(raw=raw), base=place.base, guardrails=place.guardrails)
        return next(one.passed for one in found if one.check == "attributes")

    def planned(days: int) -> dict[str, Any]:
        rule = [{"noncurrent_version_expiration": [{"noncurrent_days": days}]}]
        made = {"mode": "managed", "type": wanted["type"], "name": "letters", "address": "a", "values": {"rule": rule}}
        return {unit: {"planned_values": {"root_module": {"resources": [made]}}}}

    assert judged({}) is None
    assert judged(planned(90)) is True
    assert judged(planned(30)) is False


def test_the_gate_judges_before_any_tool_sees_a_file(place: Ground) -> None:
    script = (
        place.base[MAIN] + 'resource "null_resource" "x" {\n  provisioner "local-exec" {\n    command = "id"\n  }\n}\n'
    )
    said = examine(CASE, changed({MAIN: script}), place)
    assert said.gate
    assert (said.validate_, said.plan, said.rego) == (None, None, None)
    # Where a tool was asked, one that is not there would be named.
    blind = replace(place, validate=True, cloud={}, tools=Tools(environment={"PATH": "/nowhere"}), stood={})
    assert examine(CASE, changed({MAIN: script}), blind).unable == {}
    assert examine(CASE, changed({MAIN: good(place)}), blind).unable.keys() == {"validate", "plan"}
    clean = examine(CASE, changed({MAIN: good(place)}), place)
    assert clean.gate == ()
    assert not clean.unable


def test_a_policy_that_has_no_plan_to_judge_is_not_judged(place: Ground) -> None:
    case = CASE.model_copy(update={"rego": 'package main\ndeny[m] { false; m := "" }'})
    said = examine(case, changed({MAIN: good(place)}), place)
    assert said.rego is None
    assert "there is none" in said.unable["rego"]
