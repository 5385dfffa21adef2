"""Earlier requests as the history tells them; changes, facts, drift, plans and failures as a job knows them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import git
import pytest

from agent import scope
from agent.domain import (
    Change,
    ChangeSet,
    Cost,
    Finding,
    OpenChange,
    Outcome,
    Plan,
    ProbeResult,
    Reference,
    Request,
    Scope,
    UnitOutcome,
    UnitPlan,
)
from agent.errors import UserError
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import answer
from agent.render.comments import commit_message
from tests.models.tools.conftest import FILES, QUEUE, Ask, build

COMMIT = "c" * 40


def merged(number: int, summary: str, *, unit: str, kind: str) -> str:
    """The message that the pipeline gives a change's commit."""
    request = Request(
        status="accepted", trigger="label", repository="a/b", number=number, url="", title="x", body="",
        requester="ann", actor="ann", sha256="0" * 64, base_sha=COMMIT, branch=f"agent/{number}",
    )  # fmt: skip
    change = ChangeSet(status="written", author="blueprint:x", summary=summary)
    asked = Scope(environment=unit.split("/")[2], units=(unit,), types={kind: ("create",)}, max_creates=1)
    return f"{commit_message(request=request, change=change)}\n{scope.trailer(asked)}\n"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[git.Repo]:
    bucket = merged(8, "Create the bucket reports", unit="infra/terraform/prod/reports", kind="aws_s3_bucket")
    # GitHub names the pull request behind the title of a squash, and in the commit of a merge.
    bucket = bucket.replace("reports\n", "reports (#21)\n", 1)
    table = merged(6, "Create the table sessions", unit="infra/terraform/dev/sessions", kind="aws_dynamodb_table")
    commits = [
        ("First", FILES),
        (merged(7, "Create the queue orders", unit=QUEUE, kind="aws_sqs_queue"), {"a": "1"}),
        (bucket, {"a": "2"}),
        (table, {"a": "5"}),
        ("Merge pull request #19 from acme/agent/6\n\nCreate the table sessions", {"a": "6"}),
        ("Take back pull request 19: Create the table sessions", {"a": "7"}),
        ("Take back pull request 21: Create the bucket reports", {"a": "3"}),
        ("A person's own\n\nRequest 9 by nobody, written by hand.\nInfra-Agent-Scope: {}", {"a": "4"}),
    ]
    repo = build(tmp_path_factory.mktemp("past") / "checkout", commits)
    yield repo
    repo.close()


def test_earlier_requests_are_found_with_how_they_ended(
    past: git.Repo, make_place: Callable[..., Place], ask: Ask
) -> None:
    place = make_place(past)
    found = answer(TOOLS["similar-requests"], place, {"text": "a queue for orders"})
    assert found.startswith("request 7, 2026-09-22, Create the queue orders: infra/terraform/dev/queue: aws_sqs_queue;")
    assert found.endswith("written by blueprint:x; merged")
    newest = answer(TOOLS["similar-requests"], place, {}).splitlines()
    assert [row.split(",")[0] for row in newest] == ["request 6", "request 8", "request 7"]
    assert ["taken back by " in row for row in newest] == [True, True, False]
    assert "none of the 3 requests" in answer(TOOLS["similar-requests"], place, {"text": "zebra"})
    assert "no merged request is known" in ask("similar-requests", text="queue")


def test_failures_are_told_with_what_was_taken_back(past: git.Repo, make_place: Callable[..., Place], ask: Ask) -> None:
    outcome = Outcome(
        commit=COMMIT,
        units=(
            UnitOutcome(unit=QUEUE, status="failed", reason="quota reached"),
            UnitOutcome(unit="infra/terraform/dev/reader", status="applied", healthy=True),
            UnitOutcome(
                unit="infra/terraform/prod/store", status="applied", healthy=False,
                probes=(ProbeResult(probe="answers", passed=False),),
            ),
        ),
    )  # fmt: skip
    place = make_place(past, outcomes=(outcome,))
    rows = answer(TOOLS["recent-failures"], place, {}).splitlines()
    assert rows[:2] == [
        f"{QUEUE}: failed: quota reached (of the merge ccccccc)",
        "infra/terraform/prod/store: applied and not healthy: answers (of the merge ccccccc)",
    ]
    assert [row.split(",")[0] for row in rows[2:]] == ["request 6", "request 8"]
    assert len(answer(TOOLS["recent-failures"], place, {"unit": QUEUE}).splitlines()) == 1
    assert "no outcome of an apply is known in this job" in ask("recent-failures")


def test_what_is_not_known_is_not_called_nothing(small: git.Repo, make_place: Callable[..., Place], ask: Ask) -> None:
    assert "open pull requests are not known in this job" in ask("open-changes")
    assert "locks are not known" in ask("open-changes")
    nothing = answer(TOOLS["open-changes"], make_place(small, open_changes=(), locks={}), {})
    assert nothing == "no other pull request of the agent is open"
    change = OpenChange(number=12, url="https://x", units=(QUEUE,))
    place = make_place(small, open_changes=(change,), locks={QUEUE: "ann applies #3 there"})
    assert answer(TOOLS["open-changes"], place, {}) == f"#12: {QUEUE}\nlocked: {QUEUE}: ann applies #3 there"


def test_facts_stand_beside_what_the_code_holds(small: git.Repo, make_place: Callable[..., Place], ask: Ask) -> None:
    assert ask("facts", environment="prod") == "prod: code (what runs is not known in this job)\n  aws_s3_bucket: 1"
    place = make_place(small, facts={"prod": {"aws_s3_bucket": 3, "aws_eip": 1}})
    assert answer(TOOLS["facts"], place, {"environment": "prod"}).splitlines() == [
        "prod: code / running",
        "  aws_eip: 0 / 1",
        "  aws_s3_bucket: 1 / 3",
    ]
    with pytest.raises(UserError, match="no such environment"):
        ask("facts", environment="moon")


def test_drift_has_three_answers(small: git.Repo, make_place: Callable[..., Place], ask: Ask) -> None:
    assert ask("drift") == "nobody has looked for drift in this job"
    changed = Change(address="aws_sqs_queue.this", type="aws_sqs_queue", verbs=("update",), fields=("delay_seconds",))
    read = Change(address="data.x.y", type="x", verbs=("read",))
    plan = Plan(
        units=(
            UnitPlan(unit="a", target="terraform", status="planned", changes=(read,)),
            UnitPlan(unit="b", target="terraform", status="planned", changes=(changed,)),
            UnitPlan(unit="c", target="terraform", status="failed", reason="no credentials"),
        )
    )
    place = make_place(small, drift=plan)
    assert answer(TOOLS["drift"], place, {}).splitlines() == [
        "a: in sync",
        "b: drifted",
        "  update aws_sqs_queue.this: delay_seconds",
        "c: could not be looked at: no credentials",
    ]
    with pytest.raises(UserError, match="not in it; there are a, b, c"):
        answer(TOOLS["drift"], place, {"unit": "d"})


def test_a_plan_shows_what_is_lost_first(small: git.Repo, make_place: Callable[..., Place], ask: Ask) -> None:
    assert ask("show-plan") == "there is no plan in this job"
    made = Change(address="aws_a.a", type="aws_a", verbs=("create",))
    lost = Change(address="aws_z.z", type="aws_z", verbs=("delete",), sensitive=True)
    plan = Plan(
        units=(
            UnitPlan(
                unit=QUEUE, target="terraform", status="planned", changes=(made, lost), unknowns=2,
                references=(Reference(address="aws_a.a", to="aws_z.z"),),
                cost=Cost(monthly_before=1, monthly_after=2.5, unpriced=1),
            ),
        ),
        findings=(Finding(source="scope", rule="scope/x", severity="low", message="not asked", address="aws_a.a"),),
    )  # fmt: skip
    assert answer(TOOLS["show-plan"], make_place(small, plan=plan), {}).splitlines() == [
        f"{QUEUE} (terraform): planned",
        "  delete aws_z.z (sensitive)",
        "  create aws_a.a",
        "  2 attributes are known only after the apply",
        "  aws_a.a refers to aws_z.z",
        "  known monthly cost: at least 1.00 before, at least 2.50 USD after; 1 resources without a price",
        "finding scope/x aws_a.a: not asked",
    ]


def test_a_message_cannot_forge_a_plan_of_the_house(past: git.Repo, make_place: Callable[..., Place]) -> None:
    """A line in the middle of a message that reads like the pipeline's own counts for nothing it does not hold."""
    assert "request 9" not in answer(TOOLS["similar-requests"], make_place(past), {})


def test_the_history_of_another_folder_is_not_read(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    repo = build(tmp_path / "checkout", [("First", FILES)])
    place = make_place(repo, commit="0" * 40)
    with pytest.raises(UserError, match="similar-requests could not answer: git log"):
        answer(TOOLS["similar-requests"], place, {})
    repo.close()
