"""Attack rows that the outside checks answer, by id."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from agent.checks import checkov, yamllint
from agent.checks.check import Context
from agent.checks.run import run_checks
from agent.checks.worker import Worker
from agent.domain import File
from agent.errors import ToolError
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools
from tests.checks.fixtures import checkov_python, context, guardrails, worker
from tests.checks.samples import UNIT

__all__ = ["checkov_python", "context", "guardrails", "worker"]

BUCKET = 'resource "aws_s3_bucket" "this" {\n  bucket = "logs"\n}\n'
Contexts = Callable[..., Context]


def rules(files: list[File], context: Context) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in checkov.run(files, context=context).findings}


def test_S02_configuration_in_the_tree_runs_nothing(context: Contexts, checkov_python: str, tmp_path: Path) -> None:
    """checkov itself imports `evil` here, even when another configuration is named on its command line."""
    sentinel = tmp_path / "sentinel"
    evil = f"open({str(sentinel)!r}, 'w').close()\n"
    settings = "external-checks-dir: [infra/evil]\nskip-check: [CKV2_AWS_6]\n"
    files = [
        File(path=".checkov.yaml", content=settings),
        File(path="infra/.checkov.yaml", content=settings),
        File(path=f"{UNIT}/.checkov.yml", content=settings),
        File(path="infra/evil/__init__.py", content=evil),
        File(path="infra/evil/check.py", content=evil),
        File(path="policies/checkov/mine.yaml", content="metadata: {id: CKV2_EVIL_1}\n"),
        File(path="checkov.py", content=evil),
        File(path=f"{UNIT}/sitecustomize.py", content=evil),
        File(path=f"{UNIT}/main.tf", content=BUCKET),
    ]
    assert ("CKV2_AWS_6", f"{UNIT}/main.tf") in rules(files, context(checkov=checkov_python))
    assert not sentinel.exists()


@pytest.mark.parametrize("prefix", ["checkov", "bridgecrew", "cortex"])
@pytest.mark.parametrize("rule", ["CKV2_AWS_6", "CKV_AWS_21"])
def test_S03_inline_skips_count_for_nothing(context: Contexts, worker: Worker, prefix: str, rule: str) -> None:
    skipping = BUCKET.replace("{\n", f"{{\n  #{prefix}:skip={rule}:legacy\n", 1)
    assert (rule, f"{UNIT}/main.tf") in rules([File(path=f"{UNIT}/main.tf", content=skipping)], context(worker=worker))


def test_S03_a_skip_at_a_modules_call_counts_for_nothing(context: Contexts, worker: Worker) -> None:
    module = "infra/terraform/modules/bucket/main.tf"
    files = [
        File(
            path=f"{UNIT}/main.tf",
            content='module "b" {\n  #checkov:skip=CKV2_AWS_6:legacy\n  source = "../../modules/bucket"\n}\n',
        ),
        File(path=module, content=BUCKET),
    ]
    assert ("CKV2_AWS_6", module) in rules(files, context(worker=worker))


@pytest.mark.parametrize(
    "text",
    [
        "# yamllint disable\na: 1\na: 2\n",
        "# yamllint disable-file\na: 1\na: 2\n",
        "# yamllint disable rule:key-duplicates\na: 1\na: 2\n",
        "a: 1\n# yamllint disable-line rule:key-duplicates\na: 2\n",
        "a: 1\na: 2  # yamllint disable-line\n",
    ],
)
def test_S04_yamllint_cannot_be_switched_off(context: Contexts, text: str) -> None:
    files = [
        File(path=".yamllint", content="ignore: ['*']\nrules: {}\n"),
        File(path="infra/terraform/dev/logs/probes.yaml", content=text),
    ]
    assert "key-duplicates" in {finding.rule for finding in yamllint.run(files, context=context()).findings}


def test_S10_a_tf_json_file_is_not_passed_over(context: Contexts, worker: Worker) -> None:
    text = '{"resource": {"aws_security_group": {"x": {"ingress": [{"from_port": 22, "to_port": 22, "protocol": "tcp",'
    text += ' "cidr_blocks": ["0.0.0.0/0"]}]}}}}'
    files = [File(path=f"{UNIT}/main.tf.json", content=text)]
    with pytest.raises(ToolError, match=r"main\.tf\.json"):
        checkov.run(files, context=context(worker=worker))


UNREADABLE = {
    "a construct that checkov cannot read": 'resource "aws_s3_bucket" "this" {\n  bucket = "a" ? "b"\n}\n',
    "not closed": 'resource "aws_s3_bucket" "this" {\n',
    "deep": "locals {\n  x = " + "[" * 3000 + "]" * 3000 + "\n}\n",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_S11_a_file_that_the_scanner_cannot_read_blocks(
    tools: Tools, settings: Settings, guardrails: Guardrails, worker: Worker, tmp_path: Path, text: str
) -> None:
    files = [File(path=f"{UNIT}/fine.tf", content=BUCKET), File(path=f"{UNIT}/main.tf", content=text)]
    findings = run_checks(
        files, units=[UNIT], settings=settings, guardrails=guardrails, tools=tools, root=tmp_path,
        checkov_python="none", today=date(2026, 5, 1), worker=worker, checks={"checkov": checkov},
    )  # fmt: skip
    assert findings.checks[0].status == "error"
    assert findings.findings[0].severity == "critical"
    assert f"{UNIT}/main.tf" in findings.findings[0].message


HIDDEN = {
    "two blocks on one line": 'locals {}\nresource "aws_s3_bucket" "a" {}\n',
    "heredoc": 'locals {\n  x = <<EOT\n}\nEOT\n}\nresource "aws_s3_bucket" "a" {}\n',
    "comment in the header": 'resource /* x */ "aws_s3_bucket" /* } */ "a" {\n}\n',
    "unquoted labels": "resource aws_s3_bucket a {\n}\n",
    "template": 'locals {\n  x = "${"}"}"\n}\nresource "aws_s3_bucket" "a" {}\n',
    "byte order mark": '\ufeffresource "aws_s3_bucket" "a" {}\n',
    "carriage returns": 'resource "aws_s3_bucket" "a" {\r\n}\r\n',
    "braces in a comment": '/* resource { */ resource "aws_s3_bucket" "a" {}\n# }\n',
    "for_each": 'resource "aws_s3_bucket" "a" {\n  for_each = toset([])\n}\n',
    "count": 'resource "aws_s3_bucket" "a" {\n  count = 0\n}\n',
    "dynamic": 'resource "aws_s3_bucket" "a" {\n  dynamic "grant" {\n    for_each = []\n    content {}\n  }\n}\n',
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN)
def test_S11_a_bucket_that_terraform_sees_is_seen_or_blocks(context: Contexts, worker: Worker, text: str) -> None:
    try:
        found = {rule for rule, _ in rules([File(path=f"{UNIT}/main.tf", content=text)], context(worker=worker))}
    except ToolError:
        return
    assert "CKV2_AWS_6" in found
