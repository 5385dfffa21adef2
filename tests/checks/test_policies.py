"""Every policy that is shipped fires on each resource of its failing example and on none of its passing one."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.checks import checkov
from agent.checks.check import Context
from agent.checks.worker import Worker
from agent.domain import File
from agent.gate.hcl_parse import parse
from agent.tools import Tools
from tests.checks.samples import HERE, UNIT

EXAMPLES = HERE / "policies" / "examples"
POLICIES = sorted(checkov.find_policies(HERE))


@pytest.fixture(scope="module")
def shipped(tools: Tools, checkov_python: str) -> Iterator[Worker]:
    with checkov.worker(tools, python=checkov_python, root=HERE) as started:
        yield started


def hits(rule: str, folder: Path, context: Context) -> tuple[int, int]:
    """How often the rule fired, and how many resources there are."""
    files = [
        File(path=f"{UNIT}/{path.name}", content=path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())
    ]
    fired = Counter(finding.rule for finding in checkov.run(files, context=context).findings)
    kinds = Counter(block.kind for file in files for block in parse(file.content or "").blocks)
    return fired[rule], kinds["resource"]


def test_there_are_policies() -> None:
    assert POLICIES


@pytest.mark.parametrize("rule", POLICIES)
def test_a_policy_fires_where_it_must_and_only_there(
    rule: str, context: Callable[..., Context], shipped: Worker
) -> None:
    fired, resources = hits(rule, EXAMPLES / rule / "fail", context(worker=shipped))
    assert fired == resources > 0
    fired, resources = hits(rule, EXAMPLES / rule / "pass", context(worker=shipped))
    assert fired == 0 < resources


def test_every_example_belongs_to_a_policy() -> None:
    assert {path.name for path in EXAMPLES.glob("CKV*")} == set(POLICIES)
