"""A pull request with 300 findings and a plan of 2 MB is read as easily as a small one, and made in no time."""

import re
import time

from agent.domain import Change, CheckRun, Finding, Findings, Plan, Reference, UnitPlan, Verdict
from agent.render import comments, outputs
from agent.render.limits import LIMIT, size
from agent.render.stages import Progress
from agent.verdict import judge
from tests.render import examples as x
from tests.render.test_poison import GITHUB

RULES = (
    ("checkov", "CKV_AWS_145", "high", "Ensure that S3 buckets are encrypted with KMS by default"),
    ("checkov", "CKV_AWS_18", "medium", "Ensure the S3 bucket has access logging enabled"),
    ("checkov", "CKV_AWS_144", "low", "Ensure that S3 bucket has cross-region replication enabled"),
    ("yamllint", "line-length", "low", "line too long ({n} > 120 characters)"),
    ("gate", "content/secret", "critical", "an AWS access key in the text"),
)
FINDINGS = Findings(
    findings=tuple(
        Finding(
            source=source, rule=rule, severity=severity, message=message.format(n=121 + number),
            path=f"infra/terraform/dev/shop-{number % 9}/main.tf", line=3 + number,
            help="https://docs.prismacloud.io/en/policy-reference/aws/s3",
        )
        for number in range(300)
        for source, rule, severity, message in (RULES[number % len(RULES) if number % 50 else 4],)
    ),
    checks=tuple(
        CheckRun(check=name, status="failed" if name in ("gate", "checkov") else "passed", seconds=0.4,
                 files_given=27, files_seen=27)
        for name in ("gate", "ansible-lint", "checkov", "kubernetes", "secrets", "rego", "terraform", "yamllint")
    ),
)  # fmt: skip
KINDS = ("aws_s3_bucket", "aws_iam_role", "aws_security_group", "aws_lambda_function", "aws_cloudwatch_metric_alarm")
FIELDS = ("bucket", "force_destroy", "object_lock_enabled", "policy", "region", "tags", "tags_all", "timeouts")


def _unit(number: int, resources: int) -> UnitPlan:
    changes = tuple(
        Change(
            address=f'module.stores["{index % 7}"].{KINDS[index % len(KINDS)]}.part_{index}["eu-central-1/{index:04}"]',
            type=KINDS[index % len(KINDS)],
            verbs=("delete",) if index % 17 == 3 else ("delete", "create") if index % 29 == 5
            else ("update",) if index % 4 == 1 else ("create",),
            sensitive=index % 11 == 0,
            fields=FIELDS,
        )
        for index in range(resources)
    )  # fmt: skip
    references = tuple(
        Reference(address=f"module.stores.{KINDS[1]}.part_{n + 1}", to=f"module.stores.{KINDS[0]}.part_{n}")
        for n in range(0, 60, 5)
    )
    return UnitPlan(
        unit=f"infra/terraform/dev/shop-{number}", target="terraform", status="planned", changes=changes,
        references=references, unknowns=resources * 3, digest=x.DIGEST, tool="terraform 1.11.4", seconds=42,
    )  # fmt: skip


PLAN = Plan(
    commit=x.COMMIT,
    units=(
        *(_unit(number, 900) for number in range(9)),
        UnitPlan(unit="infra/terraform/dev/broken", target="terraform", status="failed", reason="Error: no provider"),
    ),
)  # fmt: skip


def _verdict() -> Verdict:
    return judge(change=x.CHANGE, findings=FINDINGS, proposal=x.PROPOSAL, plan=PLAN)


def _visible(body: str) -> str:
    """What is seen before anything is unfolded."""
    return re.sub(r"<details>.*?</details>", "", body, flags=re.DOTALL)


def test_the_plan_is_as_large_as_it_says() -> None:
    assert len(PLAN.model_dump_json()) > 2_000_000


def test_every_text_of_it_is_made_in_less_than_two_seconds() -> None:
    started = time.process_time()
    verdict = _verdict()
    comments.checks_section(x.CONTEXT, FINDINGS, commit=x.COMMIT)
    comments.plan_section(x.CONTEXT, PLAN, commit=x.COMMIT)
    comments.verdict_section(x.CONTEXT, verdict, commit=x.COMMIT, findings=FINDINGS, plan=PLAN)
    comments.status(x.CONTEXT, request=x.REQUEST, intent=x.INTENT, change=x.CHANGE, findings=FINDINGS,
                    proposal=x.PROPOSAL, plan=PLAN, verdict=verdict)  # fmt: skip
    outputs.checks_output(x.CONTEXT, FINDINGS, commit=x.COMMIT)
    assert time.process_time() - started < 2


def test_findings_are_told_by_rule_the_gravest_first() -> None:
    body = comments.checks_section(x.CONTEXT, FINDINGS, commit=x.COMMIT)
    assert size(body) <= LIMIT
    seen = _visible(body)
    assert len(seen.splitlines()) < 40
    rows = [line for line in seen.splitlines() if re.match(r"\| (?:🛑|🔴|🟠|🟡)", line)]
    assert len(rows) == 5
    assert "content/secret" in rows[0]
    assert "CKV_AWS_145" in rows[1]
    assert re.search(r"\| 6\d \|", rows[0])
    assert "and 6" in rows[0]
    assert "(and others)" in rows[4] or "(and others)" in rows[3]
    assert "The gravest 150 of 300 findings, one by one" in body
    assert GITHUB.render(body).count("<table>") == 3


def test_every_finding_stands_beside_its_line() -> None:
    output = outputs.checks_output(x.CONTEXT, FINDINGS, commit=x.COMMIT)
    assert len(output.findings) == 300
    assert [one.severity for one in output.findings] == sorted(
        (one.severity for one in output.findings), key=["critical", "high", "medium", "low"].index
    )
    assert size(output.summary) <= LIMIT


def test_T31_deletes_come_first_and_what_has_no_room_is_counted() -> None:
    body = comments.plan_section(x.CONTEXT, PLAN, commit=x.COMMIT)
    assert size(body) <= LIMIT
    lines = body.splitlines()
    assert lines[1].startswith("### ❌ Plan: 477 to delete, 270 to replace, ")
    first = [line for line in lines if line.startswith("- **")]
    assert len([line for line in first if line.startswith("- **delete")]) == 20
    assert "- **and more: delete aws_lambda_function" in body
    assert "- **and more: replace " in body
    assert (
        lines.index(first[0])
        < lines.index("#### `infra/terraform/dev/broken`")
        < lines.index("#### `infra/terraform/dev/shop-0`")
    )
    assert "that this page has no room for; the document `plan.json` of the run lists each:" in body
    assert body.rstrip().endswith("</sub>")
    assert GITHUB.render(body).count("<details") == GITHUB.render(body).count("</details>")


def test_reasons_are_told_by_rule() -> None:
    body = comments.verdict_section(x.CONTEXT, _verdict(), commit=x.COMMIT, findings=FINDINGS, plan=PLAN)
    assert size(body) <= 6_000
    assert body.count("content/secret") == 1


def test_the_status_comment_stays_short() -> None:
    body = comments.status(x.CONTEXT, **dict(Progress(findings=FINDINGS, plan=PLAN, verdict=_verdict(),
                           request=x.REQUEST, intent=x.INTENT, change=x.CHANGE, proposal=x.PROPOSAL)))  # fmt: skip
    assert size(body) < 8_000
