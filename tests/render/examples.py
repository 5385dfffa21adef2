"""Documents of one ordinary request, as the jobs would hand them on."""

from agent.domain import (
    Action,
    Approval,
    AttributeChange,
    Change,
    ChangeSet,
    CheckRun,
    Cost,
    CostLine,
    File,
    Finding,
    Findings,
    Intent,
    Merge,
    Outcome,
    Override,
    Plan,
    ProbeResult,
    Proposal,
    Question,
    Refusal,
    Request,
    Scope,
    UnitOutcome,
    UnitPlan,
    Verdict,
)
from agent.render.page import Context, Failure

COMMIT = "1f0c4a52bd8f7a0c3f3f4d1f6a1f8f2b9d7e6c5b"
BASE = "0a" * 20
DIGEST = "c0ffee" * 10 + "c0ff"
UNIT = "infra/terraform/dev/checkout-logs"
OTHER = "infra/terraform/dev/billing"
REPOSITORY = "https://github.com/acme/infra"

CONTEXT = Context(repository=REPOSITORY, run=f"{REPOSITORY}/actions/runs/4711")
REQUEST = Request(
    status="accepted",
    trigger="label",
    repository="acme/infra",
    number=12,
    url=f"{REPOSITORY}/issues/12",
    title="A bucket for the logs of checkout",
    body="### What do you need?\n\nA bucket for the logs of checkout.\n\n### Environment\n\ndev",
    fields={"what": "A bucket for the logs of checkout.", "environment": "dev", "parameters": "name: checkout-logs"},
    answers=("name: checkout-logs",),
    requester="dora",
    actor="max",
    sha256=DIGEST,
    base_sha=BASE,
    branch="agent/12-checkout-logs",
    removed=("hidden characters removed: 12",),
)
REFUSED = REQUEST.model_copy(update={"status": "refused", "reasons": ("max has 'read' permission; this needs write",)})
INTENT = Intent(
    summary="Create the private bucket `checkout-logs` in dev.",
    actions=(Action(verb="create", resource="aws_s3_bucket", reason="it does not exist yet"),),
    environment="dev",
    risk="low",
    blueprint="s3-bucket",
    assumptions=("old versions are kept",),
)
ASKED = INTENT.model_copy(
    update={
        "questions": (
            Question(field="name", rule="3 to 63 of a-z, 0-9 and `-`; got `My_Bucket!`", suggestion="my-bucket"),
            Question(field="environment", rule="one of dev, prod"),
        )
    }
)
CHANGE = ChangeSet(
    status="written",
    author="blueprint s3-bucket",
    summary="Create the bucket checkout-logs in dev",
    files=(File(path=f"{UNIT}/main.tf", content='resource "aws_s3_bucket" "this" {}\n'),),
    units=(UNIT,),
    scope=Scope(environment="dev", units=(UNIT,), types={"aws_s3_bucket": ("create", "update")}, max_creates=6),
    rollback="Revert this pull request. The bucket must be **empty** then.",
)
REFUSALS = (
    Refusal(
        rule="preflight/freeze",
        value="prod",
        message="prod is frozen until Mon 2027-01-04 00:00 (UTC): Year's end.; it opens Mon 2027-01-04 00:00 (UTC)",
        who=("erin", "team platform-leads"),
    ),
    Refusal(
        rule="preflight/open-change",
        value="pull request #9",
        message=f"{UNIT} is changed by the open pull request #9; merge or close that one first",
        url=f"{REPOSITORY}/pull/9",
    ),
)
NOT_NOW = CHANGE.model_copy(update={"status": "refused", "files": (), "refusals": REFUSALS})
STEERED = REQUEST.model_copy(
    update={
        "overrides": (
            Override(rule="preflight/freeze", value="prod", reason="the shop is down", by="erin", comment_id=5),
        ),
        "approvals": (Approval(commit=COMMIT, address="aws_db_instance.main", by="erin", comment_id=6),),
    }
)
TAKING_BACK = REQUEST.model_copy(
    update={"trigger": "rollback", "branch": "agent/12-rollback", "title": "Take back pull request 13: A bucket"}
)
TAKEN_BACK = ChangeSet(
    status="written",
    author="rollback:13",
    summary="Take back pull request 13: A bucket",
    files=(File(path=f"{UNIT}/main.tf", content=None),),
    units=(UNIT,),
    rollback="Close this pull request; nothing was changed before its merge.",
)
UNANSWERED = ChangeSet(status="needs-info", author="blueprint s3-bucket")
FINDINGS = Findings(
    findings=(
        Finding(
            source="yamllint",
            rule="line-length",
            severity="low",
            message="line too long (130 > 120)",
            path=f"{UNIT}/probes.yaml",
            line=2,
        ),
        Finding(
            source="checkov",
            rule="CKV_AWS_144",
            severity="high",
            message="Ensure cross-region replication is on",
            path=f"{UNIT}/main.tf",
            line=3,
            help="https://docs.prismacloud.io/en/policy-reference/aws/s3",
        ),
    ),
    checks=(
        CheckRun(check="gate", status="passed", seconds=0.21, files_given=4, files_seen=4),
        CheckRun(check="checkov", status="failed", seconds=4.1, files_given=3, files_seen=3),
        CheckRun(check="terraform", status="error", detail="terraform: not on PATH"),
    ),
)
CLEAN = Findings(checks=(CheckRun(check="gate", status="passed", seconds=0.2, files_given=4, files_seen=4),))
PROPOSAL = Proposal(
    status="proposed",
    branch=REQUEST.branch,
    head_sha=COMMIT,
    base_sha=BASE,
    pull_request=13,
    url=f"{REPOSITORY}/pull/13",
)
CLASH = Proposal(status="refused", reasons=("said by the refusal",), refusals=REFUSALS[1:])
CREATED = Change(
    address="aws_s3_bucket.this",
    type="aws_s3_bucket",
    verbs=("create",),
    fields=("bucket", "force_destroy", "tags"),
    values=(AttributeChange(path="force_destroy", after=("false",)),),
)
SMALL_PLAN = Plan(
    commit=COMMIT,
    units=(
        UnitPlan(
            unit=UNIT,
            target="terraform",
            status="planned",
            changes=(CREATED,),
            unknowns=3,
            digest=DIGEST,
            tool="terraform 1.11.4",
            seconds=6.2,
        ),
    ),
)
COSTED_PLAN = Plan(
    commit=COMMIT,
    units=(
        SMALL_PLAN.units[0].model_copy(
            update={
                "cost": Cost(
                    lines=(
                        CostLine(
                            address="aws_autoscaling_group.this", before=20.664, after=218.46,
                            source="Price list A (2025-03-02); Price list B (2026-02-15)", date="2025-03-02",
                            note="as Linux on demand; for `min_size` = 3",
                        ),
                        CostLine(
                            address="aws_lb.this", before=16.425, after=16.425, source="Price list C (2026-05-01)",
                            date="2026-05-01", note="capacity units and public addresses not included",
                        ),
                        CostLine(
                            address="aws_redshift_cluster.this", before=0.0, after=None,
                            note="not priced after the change: no price of `aws_redshift_cluster`",
                        ),
                        CostLine(
                            address="aws_s3_bucket.this", before=None, after=None,
                            note="usage-based, not priced: storage, requests and transfer",
                        ),
                    ),
                    monthly_before=37.089,
                    monthly_after=234.885,
                    unpriced=1,
                    usage_based=1,
                    source="bundled list prices",
                )
            }
        ),
        UnitPlan(unit=OTHER, target="terraform", status="planned", changes=(CREATED,), digest=DIGEST),
    ),
)  # fmt: skip
PLAN = Plan(
    commit=COMMIT,
    units=(
        UnitPlan(
            unit=UNIT,
            target="terraform",
            status="planned",
            unknowns=3,
            digest=DIGEST,
            tool="terraform 1.11.4",
            seconds=72,
            changes=(
                CREATED,
                Change(address='aws_s3_object.page["index"]', type="aws_s3_object", verbs=("delete",)),
                Change(
                    address="aws_db_instance.main",
                    type="aws_db_instance",
                    verbs=("delete", "create"),
                    sensitive=True,
                    fields=("engine", "engine_version", "multi_az", "password", "scaling"),
                    values=(
                        AttributeChange(path="engine", before=("mysql",), after=("mariadb",)),
                        AttributeChange(path="engine_version", before=("8.0",), unknown=True),
                        AttributeChange(path="multi_az", after=("true",)),
                        AttributeChange(path="scaling.min_capacity", before=("2",), after=("4",), whole=False),
                    ),
                    forced_by=("engine", "storage.id"),
                ),
                Change(address="data.aws_region.here", type="aws_region", verbs=("read",)),
            ),
        ),
        UnitPlan(
            unit=OTHER, target="terraform", status="failed", reason="Error: no such provider\n  on main.tf line 1"
        ),
    ),
    findings=(
        Finding(
            source="scope",
            rule="scope/type",
            severity="critical",
            message="aws_db_instance.main: would replace a aws_db_instance, which was not asked for",
        ),
    ),
)
LOST_PLAN = PLAN.model_copy(
    update={
        "findings": (
            Finding(
                source="scope",
                rule="scope/import",
                severity="critical",
                message="you asked to create aws_s3_bucket; this also takes over aws_iam_user.x, which exists already",
                path=UNIT,
                address="aws_iam_user.x",
            ),
            Finding(
                source="scope",
                rule="scope/stateful-destroy",
                severity="critical",
                message="aws_db_instance.main holds data and would be replaced; that needs its own approval by address",
                path=UNIT,
                address="aws_db_instance.main",
            ),
        ),
        "units": (
            PLAN.units[0].model_copy(
                update={
                    "changes": (
                        PLAN.units[0].changes[2],
                        Change(address="aws_iam_user.x", type="aws_iam_user", verbs=("update",), fields=("(import)",)),
                        Change(
                            address="aws_sqs_queue.new",
                            type="aws_sqs_queue",
                            verbs=("update",),
                            fields=("(moved from aws_sqs_queue.old)",),
                        ),
                    )
                }
            ),
        ),
    }
)
LOST = Verdict(status="blocked", reasons=tuple(f"{one.rule}: {one.message}" for one in LOST_PLAN.findings))
READY = Verdict(status="ready")
BLOCKED = Verdict(status="blocked", reasons=("scope/type: aws_db_instance.main was not asked for",))
MERGE = Merge(
    status="apply", repository="acme/infra", commit=COMMIT, pull_request=13, issue=12, merged_by="erin", units=(UNIT,)
)
OUTCOME = Outcome(
    commit=COMMIT,
    units=(
        UnitOutcome(
            unit=UNIT,
            status="applied",
            changes=(CREATED,),
            digest=DIGEST,
            second_plan_empty=True,
            healthy=True,
            probes=(ProbeResult(probe="the bucket is there", passed=True, detail="200", seconds=0.1),),
            seconds=9.4,
        ),
    ),
)
BAD_OUTCOME = Outcome(
    commit=COMMIT,
    units=(
        OUTCOME.units[0].model_copy(
            update={
                "healthy": False,
                "second_plan_empty": False,
                "probes": (ProbeResult(probe="the bucket is there", passed=False, detail="404"),),
            }
        ),
        UnitOutcome(unit=OTHER, status="failed", reason="Error: creating the role: AccessDenied"),
    ),
)
FAILURE = Failure(job="plan", reason="terraform: ended with code 1", log_url=f"{REPOSITORY}/actions/runs/4711/job/9")
