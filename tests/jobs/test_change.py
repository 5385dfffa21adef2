"""From a written change to a sealed pull request and its merge: once only, and nothing but what was sealed."""

from datetime import UTC, datetime

import pytest

from agent.documents import Documents, write
from agent.domain import ChangeSet, CheckRun, File, Findings, Merge, Plan, Proposal, Seal, UnitPlan, Verdict
from agent.errors import ToolError
from agent.jobs import report, resolve
from agent.repo import Remote, commit_files, open_repo, push
from agent.verdict import REQUIRED_CHECKS
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.test_request import file, form

UNIT = "infra/terraform/dev/reports"
CLEAN = Findings(checks=tuple(CheckRun(check=name, status="passed") for name in REQUIRED_CHECKS))


def written(desk: Desk, **more: str) -> Documents:
    """Documents of a request up to its findings."""
    file(desk, form(**more))
    documents = desk.documents()
    desk.intake(documents, desk.last("issues"))
    desk.author(documents)
    write(documents.folder / "findings.json", CLEAN)
    return documents


def planned(documents: Documents, *, digest: str = "d" * 64) -> Plan:
    change, proposal = documents.need(ChangeSet), documents.need(Proposal)
    units = tuple(
        UnitPlan(unit=unit, target="terraform", status="planned", digest=digest, tool="terraform 1.11.4")
        for unit in change.units
    )
    plan = Plan(commit=proposal.head_sha, units=units)
    write(documents.folder / "plan.json", plan)
    return plan


def ready(desk: Desk) -> Documents:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    judged = desk.publish(documents)[0]
    assert judged == Verdict(status="ready")
    return documents


def resolved(desk: Desk) -> Merge:
    event = desk.last("push")
    root = desk.clone(depth=2)
    return resolve.run(
        event.name,
        event.payload,
        root=root,
        connection=desk.connection(**{"contents": "read", "issues": "read", "pull-requests": "read", "checks": "read"}),
        remote=desk.remote(),
    )


def pull_number(documents: Documents) -> int:
    number = documents.need(Proposal).pull_request
    assert number is not None
    return number


# --- once only ---------------------------------------------------------------------------------------------------


def test_proposing_and_publishing_again_changes_nothing(desk: Desk) -> None:
    documents = ready(desk)
    before = snapshot(desk)
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    after = snapshot(desk)
    # A check run is a statement of one run: each run posts its own. Everything else stands once.
    assert after == before


def snapshot(desk: Desk) -> dict[str, object]:
    repo = desk.person("morgan")
    issues = list(repo.get_issues(state="all"))
    return {
        "branches": [(branch.name, branch.commit.sha) for branch in repo.get_branches()],
        "pulls": [(pull.number, pull.title, pull.body, pull.head.sha) for pull in repo.get_pulls(state="all")],
        "comments": [(issue.number, [comment.body for comment in issue.get_comments()]) for issue in issues],
        "labels": [
            (issue.number, sorted(label.name for label in issue.labels)) for issue in repo.get_issues(state="all")
        ],
    }


@pytest.mark.slow
@pytest.mark.parametrize(("method", "status"), [("POST", "cut"), ("POST", "cut after"), ("POST", 502), ("PUT", 500)])
def test_a_fault_at_any_write_is_mended_by_running_again(desk: Desk, method: str, status: str | int) -> None:
    documents, root = written(desk), desk.clone()
    for _ in range(12):
        desk.forge.fail_next(method, r"/api/v3/.*", status, times=1)
        try:
            desk.propose(documents, root)
            planned(documents)
            desk.publish(documents, root)
        except ToolError:
            continue
        finally:
            desk.forge.faults.waiting.clear()
    desk.propose(documents, root)
    planned(documents)
    desk.publish(documents, root)
    found = snapshot(desk)
    assert len(found["pulls"]) == 1  # type: ignore[arg-type]
    assert desk.branches() == ["agent/1", "main"]
    assert {number: len(bodies) for number, bodies in found["comments"]} == {1: 1, 2: 3}  # type: ignore[attr-defined]
    assert found["labels"] == [(2, []), (1, ["agent:ready"])]


def test_G15_F20_a_branch_that_moved_meanwhile_is_never_overwritten(desk: Desk) -> None:
    documents = written(desk)
    root = desk.clone()
    theirs = desk.clone()
    repo = open_repo(theirs)
    by_hand = commit_files(
        repo, repo.head.commit.hexsha, [File(path="infra/x.md", content="x")], message="mine", when=datetime.now(UTC)
    )

    remote = Remote(url=f"{desk.server.url}/{REPOSITORY}.git", token=desk.tokens["casey"])
    push(repo, remote, commit=by_hand, branch="agent/1", expected=None)
    desk.propose(documents, root)
    head = desk.person("morgan").get_branch("agent/1").commit
    assert head.sha == documents.need(Proposal).head_sha
    assert [parent.sha for parent in head.parents] == [by_hand]


# --- nothing but what was sealed -----------------------------------------------------------------------------------


def test_a_sealed_merge_is_applied(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("morgan").get_pull(pull_number(documents)).merge(sha=documents.need(Proposal).head_sha or "")
    merge = resolved(desk)
    assert (merge.status, merge.units, merge.issue, merge.merged_by) == ("apply", (UNIT,), 1, "morgan")


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_P07_squash_and_rebase_have_the_same_tree(desk: Desk, method: str) -> None:
    documents = ready(desk)
    desk.person("morgan").get_pull(pull_number(documents)).merge(merge_method=method)
    assert resolved(desk).status == "apply"


def test_P01_P02_a_push_after_the_seal_is_not_applied(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("casey").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert "was never ready: it has no seal" in merge.reasons[0]


def test_P08_a_merge_by_the_bot_is_not_applied(desk: Desk) -> None:
    documents = ready(desk)
    desk.connection().repository.get_pull(pull_number(documents)).merge()
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert "a person with write permission has to merge" in merge.reasons[0]


def test_O12_P04_a_seal_that_somebody_else_wrote_does_not_count(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    sealed = documents.need(Seal)
    head = desk.person("casey").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")["commit"].sha
    forged = sealed.model_copy(update={"head_sha": head}).model_dump_json()
    token = desk.forge.create_user("forger[bot]", kind="Bot")
    desk.forge.set_permission(REPOSITORY, "forger[bot]", "write")
    desk.tokens["forger[bot]"] = token
    desk.person("forger[bot]").create_check_run(
        "agent/plan",
        head,
        status="completed",
        conclusion="success",
        output={"title": "t", "summary": "s", "text": forged},
    )
    desk.person("morgan").get_issue(pull_number(documents)).create_comment(f"<!-- infra-agent:plan -->\n{forged}")
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert "no seal" in merge.reasons[0]


def test_a_policy_that_moved_stops_the_merge(desk: Desk) -> None:
    documents = ready(desk)
    found = desk.person("morgan").get_contents("policies/guardrails.yml")
    desk.person("morgan").update_file(
        found.path, "stricter", "# stricter\n" + found.decoded_content.decode(), found.sha
    )  # type: ignore[union-attr]
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert any(reason.startswith("the policy is") for reason in merge.reasons)


def test_another_merge_beside_it_does_not_stop_it(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("morgan").create_file("infra/terraform/dev/other/README.md", "other", "# other\n")
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    assert resolved(desk).status == "apply"


def test_P09_a_direct_push_is_stopped(desk: Desk) -> None:
    desk.person("morgan").create_file("infra/terraform/dev/x/main.tf", "x", "# x\n")
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert "no merged pull request" in merge.reasons[0]


def test_a_stopped_merge_is_said_where_people_look(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("casey").create_file(f"{UNIT}/more.tf", "more", "# more\n", branch="agent/1")
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    after = desk.documents()
    write(after.folder / "merge.json", resolved(desk))
    made = report.run(after, connection=desk.connection(), context=desk.context, results={"resolve": "success"})
    assert made.status.endswith("on a new pull request of it")
    assert any("was never ready" in body for body in desk.status(pull_number(documents)))
    issue = desk.person("morgan").get_issue(1)
    assert (issue.state, [label.name for label in issue.labels]) == ("open", ["agent:failed"])


def test_what_the_gate_refuses_is_never_written(desk: Desk) -> None:
    documents = written(desk)
    change = documents.need(ChangeSet)
    evil = change.files[0].model_copy(update={"path": f"{UNIT}/evil.tf", "content": 'data "external" "x" {}\n'})
    write(documents.folder / "change.json", change.model_copy(update={"files": (*change.files, evil)}))
    made = desk.propose(documents)[0]
    assert isinstance(made, Proposal)
    assert made.status == "refused"
    assert desk.branches() == ["main"]
