"""What the house allows and knows, and that the policies which judge a change cannot be read by any tool."""

from collections.abc import Callable
from pathlib import Path

import git
import pytest

from agent.errors import UserError
from agent.gate import RULES
from agent.guardrails import Guardrails
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import answer
from agent.settings import load_settings
from tests.models.tools.conftest import FILES, PROJECT, Ask, build


def test_guardrails_are_what_is_allowed_and_no_more(ask: Ask, house: Guardrails) -> None:
    said = ask("guardrails")
    for line in (
        "environment dev:\n  region eu-central-1 (may be us-east-1)",
        "  tags by default: Team=platform",
        "environment staging:\n  not in .github/infra-agent.yml",
        "providers: hashicorp/aws",
        "resource types: aws_*, except aws_iam_user",
    ):
        assert line in said
    assert "aws_dynamodb_table" in said
    # Who may approve, lift a refusal, or how often is asked: not for an author.
    for word in ("platform-leads", "preflight/", "tokens", "per_person"):
        assert word not in said
    assert ask("guardrails", type="aws_sqs_queue") == "aws_sqs_queue may be written"
    assert "not allowed" in ask("guardrails", type="aws_iam_user")
    assert "one change may create 50" in ask("guardrails", environment="prod")
    with pytest.raises(UserError, match="no such environment; there are dev, staging, prod"):
        ask("guardrails", environment="moon")


def test_waivers_say_what_where_and_until_when(ask: Ask) -> None:
    assert ask("waivers").splitlines() == [
        "CKV_AWS_18 at infra/terraform/dev/* until 2027-01-01: No log bucket in dev.",
        "CKV_AWS_2 at infra/terraform/prod/* until 2026-01-01 (over): Behind another one.",
    ]
    assert "CKV_AWS_18" in ask("waivers", path="infra/terraform/dev/queue/main.tf")
    assert ask("waivers", path="infra/ansible/web/playbook.yml") == "nothing is waived there"


def test_golden_paths_are_listed_and_shown(ask: Ask) -> None:
    assert "s3-bucket (terraform): " in ask("list-blueprints")
    shown = ask("show-blueprint", name="s3-bucket")
    assert "aws_s3_bucket: create" in shown
    assert "name: string, required" in shown
    assert "--- main.tf" not in shown
    assert "--- main.tf" in ask("show-blueprint", name="s3-bucket", templates=True)
    with pytest.raises(UserError, match="no such golden path; there are dynamodb-table"):
        ask("show-blueprint", name="none")


def test_notes_are_listed_found_and_read(ask: Ask) -> None:
    assert ask("notes").splitlines() == [
        "knowledge/network.md: Network",
        "knowledge/queues.md: Queues of the order team",
    ]
    assert ask("notes", text="subnets and their cut").splitlines() == ["knowledge/network.md: Network"]
    assert "Orders are kept for four days." in ask("notes", path="knowledge/queues.md")
    with pytest.raises(UserError, match="no such note"):
        ask("notes", path="infra/terraform/dev/queue/main.tf")


def test_rules_of_the_gate_are_listed_and_explained(ask: Ask) -> None:
    listed = ask("gate-rules")
    assert len(listed.splitlines()) == len(RULES)
    assert "Blocked, for example:" in ask("gate-rules", rule="terraform/data-source")
    assert ask("gate-rules", text="no rule holds this") == "no rule fits"
    with pytest.raises(UserError, match="no rule of the gate"):
        ask("gate-rules", rule="CKV_AWS_18")


def test_prices_have_a_region_a_source_and_a_date(ask: Ask, small: git.Repo, make_place: Callable[..., Place]) -> None:
    assert "aws_iam_role has no charge of its own" in ask("prices", name="aws_iam_role")
    assert "public_ipv4.hour: 0.005 USD in all (" in ask("prices", name="public_ipv4")
    known = make_place(small, settings=load_settings(PROJECT))
    assert "t3.micro: 0.0104 USD an hour in us-east-1" in answer(TOOLS["prices"], known, {"name": "t3.micro"})
    assert "no price of z9.none in eu-central-1" in ask("prices", name="z9.none")
    with pytest.raises(UserError, match="no such environment"):
        ask("prices", name="x", environment="moon")


def test_no_tool_shows_what_judges_a_change(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    """Every text argument of every tool is asked for the policies, by path and by what stands in them."""
    mark = "deny_canary_of_the_judge"
    judged = {
        "policies/rego/deny.rego": f"package {mark}\n",
        "policies/checkov/x.yaml": f"{mark}: 1\n",
        "policies/severity.yml": f"version: 1\n# {mark}\n",
        ".github/infra-agent.yml": f"# {mark}\n",
        ".github/workflows/agent.yml": f"# {mark}\n",
    }
    repo = build(tmp_path / "checkout", [("x", {**FILES, **judged})])
    place = make_place(repo, pythons={})
    for tool in TOOLS.values():
        fields = tool.parameters.model_fields
        for path in ("policies/rego/deny.rego", "policies/severity.yml", "policies", ".github/infra-agent.yml"):
            needed = {key: path for key, field in fields.items() if field.is_required()}
            for field in [key for key, field in fields.items() if field.annotation is str]:
                try:
                    said = answer(tool, place, {**needed, field: path})
                except UserError as error:
                    said = str(error)
                assert mark not in said, tool.name
    repo.close()
