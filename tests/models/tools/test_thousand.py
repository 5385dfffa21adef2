"""A repository of 1,000 units: every tool stays under its ceiling, and answers within a second once it is warm."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import git
import pytest

from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import answer, tokens_of
from tests.models.tools.conftest import FILES, build

UNITS = 1_000
# Of CPU time: a warm tool starts no child, and other programs on the machine do not count.
SECONDS = 1.0
LAST = f"infra/terraform/dev/unit-{UNITS - 1}"
# check-draft runs Terraform itself, which no cache makes faster: it has a test of its own.
ASKED: dict[str, dict[str, Any]] = {
    "list-files": {"folder": "infra", "pattern": "*.tf"},
    "read-file": {"path": f"{LAST}/main.tf"},
    "search-files": {"text": "name"},
    "list-units": {},
    "show-unit": {"unit": LAST},
    "topology": {"unit": "infra/terraform/dev/unit-0", "depth": 4},
    "module-interface": {"module": "bucket"},
    "resource-schema": {"type": "aws_wafv2_web_acl", "depth": 8},
    "search-resources": {"text": "queue", "most": 50},
    "ansible-module": {"module": "ansible.builtin.user", "examples": True},
    "search-ansible-modules": {"text": "file", "most": 50},
    "kubernetes-kind": {"kind": "Pod", "depth": 6},
    "search-kubernetes-kinds": {"text": "pod", "most": 50},
    "guardrails": {},
    "waivers": {},
    "list-blueprints": {},
    "show-blueprint": {"name": "web-service", "templates": True},
    "notes": {"text": "note"},
    "gate-rules": {},
    "prices": {"name": "e"},
    "similar-requests": {"text": "queue", "most": 50},
    "recent-failures": {},
    "open-changes": {},
    "facts": {},
    "drift": {},
    "show-plan": {},
}


def _files() -> Iterator[tuple[str, str]]:
    """Each unit has a queue, sends to the one before it, and uses the module."""
    for number in range(UNITS):
        unit = f"infra/terraform/dev/unit-{number}"
        before = f'data "aws_sqs_queue" "before" {{\n  name = "orders-{number - 1}"\n}}\n' if number else ""
        module = 'module "files" {\n  source = "../../modules/bucket"\n  name = "files"\n}\n' if number % 3 == 0 else ""
        yield f"{unit}/main.tf", f'resource "aws_sqs_queue" "this" {{\n  name = "orders-{number}"\n}}\n{before}{module}'
        yield f"{unit}/outputs.tf", 'output "url" {\n  value = aws_sqs_queue.this.url\n}\n'
        yield f"{unit}/variables.tf", 'variable "name" {\n  type        = string\n  description = "Name."\n}\n'
        yield f"{unit}/README.md", f"# Unit {number}\n\nOrders wait here.\n"
        yield f"knowledge/note-{number}.md", f"# Note {number}\n\nUnit {number} is looked after by team {number % 7}.\n"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[git.Repo]:
    repo = build(tmp_path_factory.mktemp("large") / "checkout", [("First", {**FILES, **dict(_files())})])
    yield repo
    repo.close()


def test_every_tool_is_bounded_and_fast_in_a_large_repository(
    large: git.Repo, make_place: Callable[..., Place], provider_mirror: object
) -> None:
    assert set(ASKED) == set(TOOLS) - {"check-draft"}
    place = make_place(large)
    total = 0
    for name, arguments in ASKED.items():
        if TOOLS[name].parameters.__module__.endswith(("ansible", "kubernetes")) and not all(place.pythons.values()):
            continue
        first = answer(TOOLS[name], place, arguments)
        began = time.process_time()
        again = answer(TOOLS[name], place, arguments)
        assert time.process_time() - began < SECONDS, name
        assert again == first
        assert tokens_of(first) <= TOOLS[name].tokens, name
        total += tokens_of(first)
    # All tools asked once, for the longest that they have: what a role's limits leave room for many times.
    assert total < 70_000
    listed = answer(TOOLS["list-units"], place, {})
    assert "1005 of 1005 units" in listed
    assert "ask again with skip_lines=" in listed
    chain = answer(TOOLS["topology"], place, {"unit": "infra/terraform/dev/unit-500", "depth": 2})
    assert "infra/terraform/dev/unit-501 <- infra/terraform/dev/unit-502" in chain
