"""What people read after a merge that was not applied, and the command with which they go on."""

from collections.abc import Callable

import pytest

from agent.domain import Approver, Merge, Outcome, Planned, UnitOutcome
from agent.render import outputs
from agent.render.applied import applied_section, next_steps
from agent.render.page import Failure
from tests.render import examples as x

MOVED = UnitOutcome(
    unit=x.UNIT,
    status="stopped",
    reason="the plan is not the approved one",
    digest=x.DIGEST,
    moved=(
        "aws_s3_bucket.this: now replace, approved was create",
        "aws_s3_bucket_versioning.this: create with another versioning_configuration",
    ),
    record=(
        Planned(
            address="aws_s3_bucket.this", type="aws_s3_bucket", verbs=("replace",), mark="0", fields={"bucket": "1"}
        ),
        Planned(address="aws_s3_bucket_versioning.this", type="aws_s3_bucket_versioning", verbs=("create",), mark="1"),
        Planned(address="(what stays as it is)", type="", verbs=("no-op",), mark="2"),
    ),
    seconds=7.2,
)  # fmt: skip
OUTCOME = Outcome(commit=x.COMMIT, units=(MOVED,))
APPROVED = x.MERGE.model_copy(
    update={
        "asked_by": "max",
        "approvers": (Approver(login="erin", how="merge"), Approver(login="kim", how="review")),
    }
)
STOPPED = x.MERGE.model_copy(update={"status": "stopped", "reasons": ("dev is frozen until Monday",)})
DEAD = Failure(job="resolve", reason="the job did not end well", log_url=f"{x.REPOSITORY}/actions/runs/4711")
CASES: dict[str, Callable[[], str]] = {
    "applied-moved": lambda: applied_section(x.CONTEXT, OUTCOME, merge=APPROVED),
    "applied-stopped": lambda: applied_section(x.CONTEXT, None, merge=STOPPED),
    "applied-dead": lambda: applied_section(x.CONTEXT, None, merge=x.MERGE, failure=DEAD),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_people_read(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.md", CASES[name]())


def commands(merge: Merge | None, outcome: Outcome | None, failure: Failure | None = None) -> list[str]:
    return [step["command"] for step in next_steps(merge, outcome, failure)]


def test_every_end_has_its_way_on() -> None:
    assert commands(x.MERGE, x.OUTCOME) == []
    assert commands(x.MERGE, OUTCOME) == [f"/agent approve {x.COMMIT}", "/agent retry"]
    assert commands(x.MERGE, x.BAD_OUTCOME) == ["/agent retry", "/agent rollback"]
    assert commands(STOPPED, None) == ["/agent retry"]
    assert commands(None, None, DEAD) == ["/agent retry"]


def test_a_check_run_of_what_was_not_applied_fails() -> None:
    for outcome, failure in ((OUTCOME, None), (None, None), (None, DEAD), (x.OUTCOME, DEAD), (x.BAD_OUTCOME, None)):
        assert outputs.apply_output(x.CONTEXT, outcome, merge=x.MERGE, failure=failure).conclusion == "failure"
    assert outputs.apply_output(x.CONTEXT, x.OUTCOME, merge=x.MERGE).conclusion == "success"


def test_when_an_apply_died_nobody_says_that_nothing_was_applied() -> None:
    for job, said in (("resolve", "Nothing was applied"), ("lock", "Nothing was applied"), ("apply", "not known")):
        failure = DEAD.model_copy(update={"job": job})
        assert said in applied_section(x.CONTEXT, None, merge=x.MERGE, failure=failure)
        assert said in outputs.apply_output(x.CONTEXT, None, merge=x.MERGE, failure=failure).title


def test_what_moved_cannot_write_markdown() -> None:
    evil = "x: ![a](https://evil.example) @octocat <img src=x> Fixes #1\n/agent approve"
    moved = MOVED.model_copy(update={"moved": (evil,), "record": ()})
    text = applied_section(x.CONTEXT, Outcome(commit=x.COMMIT, units=(moved,)))
    assert "](https://evil.example)" not in text
    assert "<img" not in text
    assert "\n/agent approve" not in text
