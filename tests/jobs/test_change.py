"""From a written change to a sealed pull request and its merge: once only, and nothing but what was sealed."""

import time
from dataclasses import replace

import pytest
from github.ContentFile import ContentFile

from agent import gate
from agent.documents import Documents, write
from agent.domain import ChangeSet, CheckRun, Findings, Intent, Merge, Plan, Proposal, Run, Seal, UnitPlan, Verdict
from agent.guardrails import Freeze, load_guardrails
from agent.jobs import publish, report, resolve
from agent.sandbox.forge import Event
from agent.verdict import REQUIRED_CHECKS
from tests.jobs.conftest import PROJECT, REPOSITORY, Desk
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


def resolved(desk: Desk, event: Event | None = None) -> Merge:
    event = event or desk.last("push")
    root = desk.clone(depth=2)
    return resolve.run(
        event.name,
        event.payload,
        root=root,
        settings=desk.settings,
        guardrails=desk.guardrails,
        clock=lambda: desk.now,
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


def test_G15_F20_a_branch_that_moved_meanwhile_is_never_overwritten(desk: Desk) -> None:
    documents = written(desk)
    desk.person("casey").create_git_ref("refs/heads/agent/1", desk.forge.resolve(REPOSITORY, "main"))
    by_hand = desk.person("casey").create_file("infra/x.md", "mine", "x\n", branch="agent/1")["commit"].sha
    desk.propose(documents)
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
    assert isinstance(found, ContentFile)
    stricter = "# stricter\n" + found.decoded_content.decode()
    desk.person("morgan").update_file(found.path, "stricter", stricter, found.sha)
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
    after, push = desk.documents(), desk.last("push")
    write(after.folder / "merge.json", resolved(desk, push))
    made = report.run(
        after, connection=desk.connection(), context=desk.context, results={"resolve": "success"},
        event_name=push.name, payload=push.payload, this_run=Run(id="1"),
    )  # fmt: skip
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


# --- what the breaker found ----------------------------------------------------------------------------------------


def test_a_seal_that_was_written_after_the_merge_does_not_count(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    desk.person("morgan").get_pull(pull_number(documents)).merge(merge_method="squash")
    time.sleep(1.1)  # GitHub's times are whole seconds
    desk.publish(documents)
    assert "no seal" in resolved(desk).reasons[0]


def test_G16_a_run_of_an_older_merge_does_not_undo_a_later_one(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    push = desk.last("push")
    assert resolved(desk).status == "apply"
    desk.person("morgan").create_file(f"{UNIT}/later.tf", "later", "# later\n")
    merge = resolved(desk, push)
    assert merge.status == "stopped"
    assert "that merge's own run applies it" in merge.reasons[0]


def test_what_people_pushed_is_not_sealed_unexamined(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    desk.person("casey").create_file(f"{UNIT}/extra.tf", "extra", "# extra\n", branch="agent/1")
    desk.propose(documents)
    planned(documents)
    judged = desk.publish(documents)[0]
    assert isinstance(judged, Verdict)
    assert judged.status == "needs work"
    assert f"{UNIT}/extra.tf" in judged.reasons[-1]
    assert documents.get(Seal) is None


def test_the_edits_of_people_are_never_undone(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    path = f"{UNIT}/README.md"
    found = desk.person("casey").get_contents(path, ref="agent/1")
    assert isinstance(found, ContentFile)
    desk.person("casey").update_file(path, "mine", "# mine\n", found.sha, branch="agent/1")
    made = desk.propose(documents)[0]
    assert isinstance(made, Proposal)
    assert (made.status, f"people changed {path}" in made.reasons[0]) == ("refused", True)


def test_a_unit_that_is_renamed_leaves_nothing_behind(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    desk.person("casey").get_issue(1).create_comment("/agent revise name: other")
    again = desk.documents()
    desk.intake(again, desk.last("issue_comment"))
    desk.author(again)
    write(again.folder / "findings.json", CLEAN)
    desk.propose(again)
    paths = {file.filename for file in desk.person("morgan").get_pull(pull_number(again)).get_files()}
    assert {path.split("/")[3] for path in paths} == {"other"}


def test_a_branch_that_somebody_prepared_is_not_carried_along(desk: Desk) -> None:
    documents = written(desk)
    main = desk.forge.resolve(REPOSITORY, "main")
    desk.person("casey").create_git_ref("refs/heads/agent/1", main)
    desk.person("casey").create_file("policies/rego/mine.rego", "mine", "package main\n", branch="agent/1")
    made = desk.propose(documents)[0]
    assert isinstance(made, Proposal)
    assert (made.status, "policies/rego/mine.rego" in made.reasons[0]) == ("refused", True)


def test_a_pull_request_shows_the_gate_what_judges_it_too(desk: Desk) -> None:
    main = desk.forge.resolve(REPOSITORY, "main")
    desk.person("casey").create_git_ref("refs/heads/both", main)
    desk.person("casey").create_file(f"{UNIT}/main.tf", "x", "# x\n", branch="both")
    desk.person("casey").create_file("agent/jobs/resolve.py", "x", "# x\n", branch="both")
    desk.person("casey").create_pull(base="main", head="both", title="both", body="")
    documents = desk.documents()
    desk.intake(documents, desk.last("pull_request"))
    files = documents.need(ChangeSet).files
    assert {file.path for file in files} == {f"{UNIT}/main.tf", "agent/jobs/resolve.py"}
    refused = gate.examine(files, guardrails=load_guardrails(PROJECT))
    assert "agent/jobs/resolve.py" in {finding.path for finding in refused}


def test_a_pull_request_that_holds_nothing_for_us_is_not_held_up_by_required_checks(desk: Desk) -> None:
    main = desk.forge.resolve(REPOSITORY, "main")
    desk.person("casey").create_git_ref("refs/heads/text", main)
    desk.person("casey").create_file("TEXT.md", "x", "# x\n", branch="text")
    pull = desk.person("casey").create_pull(base="main", head="text", title="text", body="")
    documents = desk.documents()
    assert desk.intake(documents, desk.last("pull_request")).route == "pass"
    desk.publish(documents)
    head = desk.person("casey").get_commit(desk.forge.resolve(REPOSITORY, "text"))
    runs = {run.name: run.conclusion for run in head.get_check_runs()}
    assert runs == dict.fromkeys(("agent/gate", "agent/checks", "agent/plan", "agent/review"), "success")
    assert list(desk.person("casey").get_issue(pull.number).get_comments()) == []
    # No seal comes with it: should it grow a unit that nobody planned, a merge of it is not applied.
    assert all(not run.output.text for run in head.get_check_runs())


def test_a_pull_request_into_another_branch_is_not_judged(desk: Desk) -> None:
    main = desk.forge.resolve(REPOSITORY, "main")
    for branch in ("release", "mine"):
        desk.person("casey").create_git_ref(f"refs/heads/{branch}", main)
    desk.person("casey").create_file(f"{UNIT}/main.tf", "x", "# x\n", branch="mine")
    desk.person("casey").create_pull(base="release", head="mine", title="t", body="")
    request = desk.intake(desk.documents(), desk.last("pull_request"))
    assert (request.status, "only what goes to main is judged" in request.reasons[0]) == ("ignored", True)


def test_a_seal_with_a_telling_name_is_read_back_as_it_was(desk: Desk) -> None:
    documents = written(desk, parameters="name: auth-token")
    desk.propose(documents)
    planned(documents)
    desk.publish(documents)
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    assert resolved(desk).status == "apply"


def test_what_may_not_be_sealed_is_not_ready_and_says_what_to_do(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    connection = replace(desk.connection(), seals=False)
    made = publish.run(
        documents, root=desk.clone(), settings=desk.settings, guardrails=desk.guardrails, connection=connection,
        remote=desk.remote(), context=desk.context, results={}, default_branch="main",
    )  # fmt: skip
    (judged,) = made
    assert isinstance(judged, Verdict)
    assert (judged.status, "comment `/agent plan`" in judged.reasons[0]) == ("needs work", True)
    assert any("no run of a pull request has" in body for body in desk.status(pull_number(documents)))


def test_a_closed_request_keeps_its_status(desk: Desk) -> None:
    ready(desk)
    desk.person("morgan").get_issue(1).edit(state="closed")
    before = desk.status(1)[0]
    desk.person("casey").get_issue(1).create_comment("/agent revise name: late")
    again = desk.documents()
    desk.intake(again, desk.last("issue_comment"))
    desk.steer(again)
    comments = desk.status(1)
    assert comments[0] == before
    assert "is closed; open it again" in comments[1]
    assert [label.name for label in desk.person("morgan").get_issue(1).labels] == ["agent:ready"]


def test_a_request_that_changed_after_its_label_is_refused(desk: Desk) -> None:
    issue = file(desk, form())
    event = desk.last("issues")
    issue.edit(body=form(environment="prod"))
    request = desk.intake(desk.documents(), event)
    assert (request.status, "was changed after it was labelled" in request.reasons[-1]) == ("refused", True)


def test_form_and_parameters_that_disagree_are_asked_about(desk: Desk) -> None:
    file(desk, form(parameters="name: reports\nenvironment: prod"))
    documents = desk.documents()
    desk.intake(documents, desk.last("issues"))
    intent = desk.author(documents)[1]
    assert isinstance(intent, Intent)
    assert [question.field for question in intent.questions] == ["environment"]
    desk.person("casey").get_issue(1).create_comment("/agent revise environment: dev")
    again = desk.documents()
    desk.intake(again, desk.last("issue_comment"))
    change = desk.author(again)[0]
    assert isinstance(change, ChangeSet)
    assert change.units == (UNIT,)


def test_a_freeze_at_the_merge_stops_it(desk: Desk) -> None:
    documents = ready(desk)
    desk.person("morgan").get_pull(pull_number(documents)).merge()
    freeze = Freeze.model_validate({"starts": "2026-01-01", "ends": "2026-01-03", "reason": "the turn of the year"})
    desk.guardrails = desk.guardrails.model_copy(update={"freezes": (freeze,)})
    merge = resolved(desk)
    assert merge.status == "stopped"
    assert "the turn of the year" in merge.reasons[0]
