"""Rego policies: each agrees with its examples, and what cannot be relied on is never a pass."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.checks import rego
from agent.checks.check import CheckResult, Context
from agent.checks.rego_policies import EXAMPLES, MANIFEST, PLAN, POLICIES, find_policies
from agent.checks.rego_worker import clauses
from agent.checks.severity import Severities
from agent.domain import File
from agent.errors import ToolError, UserError
from agent.tools import Tools
from tests.checks.samples import HERE

SHIPPED = find_policies(HERE)
NONE = Severities(version=1)
UNIT = "infra/terraform/dev/app"
POLICY = """\
package main

import rego.v1

deny contains msg if {
	input.kind == "Bad"
	msg := sprintf("%s is bad", [input.metadata.name])
}
"""
BAD = "kind: Bad\nmetadata: {name: x}\n"
GOOD = "kind: Good\nmetadata: {name: x}\n"
PATH = "infra/kubernetes/dev/app/app.yaml"


def layout(
    root: Path, policy: str = POLICY, *, fail: str = BAD, good: str = GOOD, more: dict[str, str] | None = None
) -> Path:
    files = {
        f"{POLICIES}/bad.rego": policy,
        f"{EXAMPLES}/bad/fail/a.yaml": fail,
        f"{EXAMPLES}/bad/pass/a.yaml": good,
        **(more or {}),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def judge(root: Path, tools: Tools, *texts: str, timeout: float = 30, memory: int = rego.MEMORY_BYTES) -> CheckResult:
    return rego.evaluate(
        [(f"{number}.yaml", MANIFEST, text) for number, text in enumerate(texts)],
        policies=find_policies(root),
        severities=NONE,
        tools=tools,
        timeout=timeout,
        memory=memory,
    )


def test_every_shipped_policy_agrees_with_its_examples(tools: Tools) -> None:
    assert len(SHIPPED.policies) >= 6
    rego.evaluate([], policies=SHIPPED, severities=NONE, tools=tools, timeout=60)


def test_every_example_belongs_to_a_policy() -> None:
    stems = {policy.path.stem for policy in SHIPPED.policies}
    assert {
        path.name for path in (HERE / EXAMPLES).iterdir() if not path.name.startswith(("CKV", "guardrails"))
    } == stems


@pytest.mark.parametrize("policy", SHIPPED.policies, ids=lambda policy: policy.id)
def test_a_rule_that_never_fires_is_refused(policy: Any, tools: Tools, tmp_path: Path) -> None:
    """Each rule of each policy, made never-firing, one by one."""
    source = policy.path.read_text(encoding="utf-8")
    for line, (start, end) in clauses(source).items():
        broken = source[start:end].replace(" if {", " if {\n\tinput.never_there", 1)
        assert broken != source[start:end]
        mutant = tmp_path / policy.path.name
        mutant.write_text(source[:start] + broken + source[end:], encoding="utf-8")
        with pytest.raises(
            ToolError, match=rf"{policy.path.name} (its rule at line {line} fires on none|does not fire)"
        ):
            rego.evaluate(
                [],
                policies=replace(SHIPPED, policies=(replace(policy, path=mutant),)),
                severities=NONE,
                tools=tools,
                timeout=60,
            )


@pytest.mark.parametrize("policy", SHIPPED.policies, ids=lambda policy: policy.id)
def test_a_rule_that_always_fires_is_refused(policy: Any, tools: Tools, tmp_path: Path) -> None:
    mutant = tmp_path / policy.path.name
    text = policy.path.read_text(encoding="utf-8") + '\ndeny contains "always" if true\n'
    mutant.write_text(text, encoding="utf-8")
    policies = replace(SHIPPED, policies=(replace(policy, path=mutant),))
    with pytest.raises(ToolError, match="fires on its passing example"):
        rego.evaluate([], policies=policies, severities=NONE, tools=tools, timeout=60)


def test_what_is_bad_is_found_in_every_document(tools: Tools, tmp_path: Path) -> None:
    """S16: later documents and items of a List count."""
    text = f"{GOOD}---\n{BAD}---\nkind: List\nitems:\n  - kind: Good\n  - kind: Bad\n    metadata: {{name: inner}}\n"
    result = judge(layout(tmp_path), tools, text, GOOD)
    assert [(item.message, item.path, item.line) for item in result.findings] == [
        ("x is bad", "0.yaml", 4),
        ("inner is bad", "0.yaml", 10),
    ]
    assert {item.rule for item in result.findings} == {"bad"}
    assert {item.severity for item in result.findings} == {"high"}
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("failed", 2, 2)


@pytest.mark.parametrize("name", ['a"b', 'a\\"},"deny":[],"x":{"', "a\\b", "é\u2028", '["k"]', "a\nb"])
def test_a_name_cannot_break_out_of_the_answer(name: str, tools: Tools, tmp_path: Path) -> None:
    text = json.dumps({"kind": "Bad", "metadata": {"name": name}})
    result = judge(layout(tmp_path), tools, text)
    assert [item.message for item in result.findings] == [f"{name} is bad"]


def test_warnings_names_ids_and_exceptions(tools: Tools, tmp_path: Path) -> None:
    policy = """\
# METADATA
# title: Bad things
# custom: {id: ORG_1, severity: critical, input: kubernetes}
package main

deny[msg] { input.kind == "Bad"; msg := "old form" }

warn contains "careful" if input.kind == "Bad"

violation_named contains {"msg": "named", "id": "ORG_2"} if input.kind == "Bad"

deny_lifted contains "lifted" if input.kind == "Bad"

exception contains ["lifted"] if input.metadata.name == "let"
"""
    result = judge(layout(tmp_path, policy), tools, BAD, BAD.replace("x", "let"))
    found = {(item.path, item.rule, item.severity, item.message) for item in result.findings}
    assert found == {
        *((path, "ORG_1", "critical", "old form") for path in ("0.yaml", "1.yaml")),
        *((path, "ORG_1", "low", "careful") for path in ("0.yaml", "1.yaml")),
        *((path, "ORG_2", "critical", "named") for path in ("0.yaml", "1.yaml")),
        ("0.yaml", "ORG_1/lifted", "critical", "lifted"),
        ("1.yaml", "ORG_1/lifted", "info", "(excepted by a policy) lifted"),
    }


def test_libraries_and_data_are_there(tools: Tools, tmp_path: Path) -> None:
    policy = POLICY.replace('input.kind == "Bad"', "data.lib.k.bad(input.kind)")
    more = {
        f"{POLICIES}/lib/k.rego": "package lib.k\n\nimport rego.v1\n\nbad(kind) if kind in data.bad_kinds\n",
        f"{POLICIES}/data/kinds.yaml": "bad_kinds: [Bad]\n",
    }
    assert len(judge(layout(tmp_path, policy, more=more), tools, BAD).findings) == 1
    again = {**more, f"{POLICIES}/data/more.json": '{"bad_kinds": []}'}
    with pytest.raises(ToolError, match="holds bad_kinds, which another data file holds as well"):
        judge(layout(tmp_path, policy, more=again), tools, BAD)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("time.nosuch(1)", "calls something that does not exist here"),
        ('http.send({"method": "get", "url": "http://localhost"})', "(ended in an error|does not exist here)"),
        ("1 / 0 == 1", "ended in an error"),
        ('to_number("x") == 1', "ended in an error"),
        ("]", "does not fire"),
        ("syntax error here {{", "cannot be read"),
    ],
)
def test_a_policy_that_errs_is_refused(body: str, said: str, tools: Tools, tmp_path: Path) -> None:
    root = layout(tmp_path, POLICY.replace('input.kind == "Bad"', f'input.kind == "Bad"\n\t{body}'))
    with pytest.raises(ToolError, match=rf"policies/rego/bad\.rego .*{said}"):
        judge(root, tools, GOOD)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("package main\n\nimport rego.v1\n\nallow := true\n", "has no rule|does not fire"),
        ('package main\n\nimport rego.v1\n\ndeny := "x" if input.kind == "Bad"\n', "must be a set of messages"),
        ('package main\n\nimport rego.v1\n\ndeny contains 3 if input.kind == "Bad"\n', "must give texts"),
    ],
)
def test_a_policy_of_another_shape_is_refused(policy: str, said: str, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=said):
        judge(layout(tmp_path, policy), tools, GOOD)


def test_a_policy_without_examples_is_refused(tmp_path: Path) -> None:
    root = layout(tmp_path)
    shutil.rmtree(root / EXAMPLES / "bad" / "fail")
    with pytest.raises(UserError, match=r"policies/rego/bad\.rego: needs an example in policies/examples/bad/fail"):
        find_policies(root)


def test_a_policy_that_hangs_is_no_pass(tools: Tools, tmp_path: Path) -> None:
    slow = POLICY.replace(
        'input.kind == "Bad"',
        'input.kind == "Bad"\n\tx := numbers.range(1, 3000)\n\tcount([1 | some a in x; some b in x; a * b == 7]) > 1',
    )
    with pytest.raises(ToolError, match=r"regopy: no end after 1 s, stopped \(policy bad\)"):
        judge(layout(tmp_path, slow), tools, GOOD, timeout=1)


def test_a_policy_that_eats_memory_is_ended_and_no_pass(tools: Tools, tmp_path: Path) -> None:
    """In the same room, a policy that does not gets its answer; what the starting process holds does not count."""
    room = 160 * 1024 * 1024
    ballast = b"x" * (2 * room)
    assert judge(layout(tmp_path / "small"), tools, GOOD, memory=room).run.status == "passed"
    assert len(ballast) > room
    greedy = POLICY.replace('input.kind == "Bad"', 'input.kind == "Bad"\n\tcount(numbers.range(1, 3000000)) > 1')
    with pytest.raises(ToolError, match=r"regopy: ended with code 3 \(policy bad\)") as caught:
        judge(layout(tmp_path / "large", greedy), tools, GOOD, memory=room)
    assert f"over {room} bytes of memory" in caught.value.log


@pytest.mark.parametrize("text", ["a: [", "a: 2026-01-01\nb: !!binary aGk=\n", "kind: !!python/object:os.system {}\n"])
def test_a_manifest_that_cannot_be_read_is_no_pass(text: str, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"ended with code 1 \(reading 0\.yaml\)"):
        judge(layout(tmp_path), tools, text)


def test_policies_come_from_the_trusted_checkout_only(context: Callable[..., Context], tmp_path: Path) -> None:
    """A change that brings a policy, an exception or an example of its own changes nothing."""
    root = layout(tmp_path)
    exception = 'package main\n\nimport rego.v1\n\nexception contains [""] if true\n'
    files = [
        File(path=PATH, content=BAD),
        File(path=f"{POLICIES}/own.rego", content=exception),
        File(path=f"infra/kubernetes/dev/app/{POLICIES}/bad.rego", content=exception),
    ]
    result = rego.run(files, context=replace(context(), root=root))
    assert [(item.rule, item.path) for item in result.findings] == [("bad", PATH)]
    assert rego.run(files, context=replace(context(), root=tmp_path / "empty")).run.status == "passed"


def plan(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((HERE / EXAMPLES / name).read_text(encoding="utf-8"))
    return value


@pytest.mark.parametrize("name", ["actions", "principals", "federation", "public-identities"])
def test_T24_iam_escalation(name: str, tools: Tools) -> None:
    result = rego.evaluate_plan(plan(f"iam-wildcards/fail/{name}.json"), unit=UNIT, root=HERE, tools=tools)
    assert {(item.rule, item.severity, item.path) for item in result.findings} == {("iam-wildcards", "high", UNIT)}


def test_each_public_identity_provider_needs_a_condition(tools: Tools) -> None:
    given = plan("iam-wildcards/fail/public-identities.json")
    result = rego.evaluate_plan(given, unit=UNIT, root=HERE, tools=tools)
    named = {item.message.split(":")[0] for item in result.findings}
    assert named == {change["address"] for change in given["resource_changes"]}


def test_T25_unknown_when_planned(tools: Tools) -> None:
    result = rego.evaluate_plan(plan("known-when-planned/fail/late.json"), unit=UNIT, root=HERE, tools=tools)
    assert len([item for item in result.findings if item.rule == "known-when-planned"]) == 2


def test_a_plan_without_policies_passes_and_one_with_a_broken_policy_does_not(tools: Tools, tmp_path: Path) -> None:
    assert rego.evaluate_plan({}, unit=UNIT, root=tmp_path, tools=tools).run.status == "passed"
    root = layout(tmp_path, POLICY.replace("msg :=", "]"))
    result = rego.evaluate_plan({}, unit=UNIT, root=root, tools=tools)
    assert result.run.status == "error"
    assert [(item.rule, item.severity, item.path) for item in result.findings] == [
        ("rego/could-not-run", "critical", UNIT)
    ]


def test_a_secret_in_the_state_does_not_reach_a_policy(tools: Tools, tmp_path: Path) -> None:
    policy = POLICY.replace('input.kind == "Bad"', "input.prior_state").replace(
        "input.metadata.name", "input.prior_state"
    )
    root = layout(tmp_path, policy, fail="prior_state: x\n")
    assert rego.evaluate_plan({"prior_state": "x"}, unit=UNIT, root=root, tools=tools).findings == ()


def test_kinds_of_the_shipped_policies() -> None:
    assert {policy.kinds for policy in SHIPPED.policies} == {(PLAN,), (MANIFEST,)}
