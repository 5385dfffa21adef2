"""Units and modules: what they hold, need and take, as the code says it."""

import pytest

from agent.errors import UserError
from tests.models.tools.conftest import MODULE, QUEUE, READER, Ask


def test_units_of_every_target_are_listed(ask: Ask) -> None:
    listed = ask("list-units")
    assert listed.splitlines() == [
        "5 of 5 units",
        "infra/ansible/web  ansible",
        "infra/kubernetes/dev/shop  kubernetes",
        f"{QUEUE}  terraform  aws_s3_bucket 1, aws_sqs_queue 1",
        f"{READER}  terraform  aws_iam_role 1",
        "infra/terraform/prod/store  terraform  aws_s3_bucket 1",
    ]
    assert ask("list-units", environment="prod").splitlines()[1:] == [listed.splitlines()[-1]]
    assert ask("list-units", target="ansible").startswith("1 of 5")
    assert ask("list-units", text="SQS").splitlines()[1].startswith(QUEUE)


def test_a_unit_is_shown_with_what_it_declares(ask: Ask) -> None:
    shown = ask("show-unit", unit="dev/queue")
    for line in (
        "delay (variables.tf:1); number, default 5; Seconds before a message is seen.",
        "labels (variables.tf:7); object({ team = string }), required",
        "url (outputs.tf:1); Where to send to.",
        'files (main.tf:6); source "../../modules/bucket"',
        "aws_sqs_queue.this (main.tf:2)",
    ):
        assert line in shown
    assert f"needs: {QUEUE}" in ask("show-unit", unit=READER)
    assert "web" in ask("show-unit", unit="infra/ansible/web")
    assert "Deployment" in ask("show-unit", unit="dev/shop")
    with pytest.raises(UserError, match="no such unit"):
        ask("show-unit", unit="dev/none")


def test_what_a_unit_needs_and_who_needs_it(ask: Ask) -> None:
    of_reader = ask("topology", unit=READER)
    assert f"1. {READER} -> {QUEUE}: the aws_sqs_queue whose name is orders-queue" in of_reader
    assert "is needed by:\n  nothing" in of_reader
    of_queue = ask("topology", unit=QUEUE)
    assert f"1. {QUEUE} <- {READER}: the aws_sqs_queue whose name is orders-queue" in of_queue
    assert f"uses modules:\n  {MODULE}" in of_queue
    with pytest.raises(UserError, match="only Terraform units"):
        ask("topology", unit="infra/ansible/web")


def test_a_module_says_what_it_takes_and_who_uses_it(ask: Ask) -> None:
    assert ask("module-interface") == MODULE
    shown = ask("module-interface", module="bucket")
    assert f"used by: {QUEUE}\n" in shown
    assert "name (main.tf:1); string, required; Name of the bucket." in shown
    assert "aws_s3_bucket.this (main.tf:6)" in shown
    with pytest.raises(UserError, match="no such module"):
        ask("module-interface", module="../dev/queue")
