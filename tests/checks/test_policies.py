"""Every policy that is shipped fires on each resource of its failing example and on none of its passing one."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from agent.checks import checkov, checkov_start
from agent.checks.check import Context
from agent.checks.worker import Worker
from agent.domain import File
from agent.gate.hcl_parse import parse
from agent.tools import Tools
from tests.checks.samples import HERE, UNIT

EXAMPLES = HERE / "policies" / "examples"
POLICIES = checkov_start.find_policies(HERE)


@pytest.fixture(scope="module")
def shipped(tools: Tools, checkov_python: str) -> Iterator[Worker]:
    with checkov_start.worker(tools, python=checkov_python, root=HERE) as started:
        yield started


HOMES = {"ansible": "infra/ansible/web/tasks", "kubernetes": "infra/kubernetes/dev/shop", "terraform": UNIT}


def resources(file: File) -> int:
    """How many there are in an example: blocks, documents, or tasks."""
    text = file.content or ""
    if file.path.endswith(".tf"):
        return sum(1 for block in parse(text).blocks if block.kind == "resource")
    return len(
        re.findall(r"^- name:" if file.path.startswith("infra/ansible/") else r"^apiVersion:", text, re.MULTILINE)
    )


def hits(rule: str, side: str, context: Context) -> tuple[int, int]:
    """How often the rule fired on the examples of all its frameworks, and how many resources there are."""
    files = [
        File(path=f"{HOMES[framework]}/{path.name}", content=path.read_text(encoding="utf-8"))
        for framework in POLICIES[rule].frameworks
        for path in sorted((EXAMPLES / rule / side).iterdir())
        if (path.suffix == ".tf") == (framework == "terraform")
    ]
    fired = Counter(finding.rule for finding in checkov.run(files, context=context).findings)
    return fired[rule], sum(map(resources, files))


def test_there_are_policies_for_each_framework() -> None:
    assert {framework for policy in POLICIES.values() for framework in policy.frameworks} == set(HOMES)


@pytest.mark.parametrize("rule", sorted(POLICIES))
def test_a_policy_fires_where_it_must_and_only_there(
    rule: str, context: Callable[..., Context], shipped: Worker
) -> None:
    fired, given = hits(rule, "fail", context(worker=shipped, root=HERE))
    assert fired == given > 0
    fired, given = hits(rule, "pass", context(worker=shipped, root=HERE))
    assert fired == 0 < given


def test_every_example_belongs_to_a_policy() -> None:
    assert {path.name for path in EXAMPLES.glob("CKV*")} == set(POLICIES)
