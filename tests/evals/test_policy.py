"""Policies of other people's datasets, in both generations of Rego: what must be true, and what denies."""

import json
import os

import pytest

from agent.errors import ToolError, UserError
from agent.evals.policy import asking, judged_by, unreadable
from agent.tools import Tools, allowed

OLD = """package terraform.validation
default is_configuration_valid = false
default helps = false
is_configuration_valid { input.bucket == "a" }
"""
NEW = """package any.name
import rego.v1
default has_name := false
has_name if { input.bucket }
default has_key := false
has_key if { input.key }
"""


def said(policy: str, value: object) -> tuple[str, ...]:
    return judged_by(policy, [("plan.json", json.dumps(value))], tools=Tools(environment=allowed(os.environ)))


def test_a_rule_that_must_be_true_is_judged_both_ways() -> None:
    assert said(OLD, {"bucket": "a"}) == ()
    assert said(OLD, {"bucket": "b"}) == ("is_configuration_valid is not true",)
    assert said(NEW, {"bucket": "b", "key": 1}) == ()
    assert said(NEW, {"bucket": "b"}) == ("has_key is not true",)


def test_deny_counts_and_a_policy_that_ends_in_an_error_is_no_pass() -> None:
    deny = 'package main\nimport rego.v1\ndeny contains msg if { input.a == 1; msg := "a" }\n'
    assert said(deny, {"a": 1}) == ("a",)
    assert said(deny, {"a": 2}) == ()
    with pytest.raises(ToolError, match="policy"):
        said('package main\nimport rego.v1\ndeny contains msg if { http.send({}).x; msg := "a" }\n', {})
    with pytest.raises(ToolError, match="cannot be read"):
        said("package main\ndeny[msg] { ((( }\n", {})


@pytest.mark.parametrize("policy", ["", "deny[x] { x }", "package main\n", "package main\nx = 1\n"])
def test_a_policy_that_says_nothing_is_refused(policy: str) -> None:
    with pytest.raises(UserError, match="policy"):
        asking(policy)


def test_of_many_policies_each_says_why_it_cannot_be_read() -> None:
    tools = Tools(environment=allowed(os.environ))
    whys = unreadable(["package main\n", NEW, "package a\ndeny[m] { ((( }", OLD], tools=tools)
    assert [why.partition(":")[0] for why in whys] == [
        "the case's policy says nothing", "", "the case's policy cannot be read", "",
    ]  # fmt: skip
    assert unreadable([], tools=tools) == ()
