"""The corpus, zone `apply`, and races between people and the pipeline: nothing that nobody approved is ever applied."""

import shutil
import time

import pytest
from github.ContentFile import ContentFile
from github.GitRef import GitRef
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest

from agent import gate
from agent.documents import write
from agent.errors import UserError
from agent.github import write as github
from agent.jobs.parts.vote import PLAN_CHECK
from agent.sandbox.forge import Event
from tests.jobs.conftest import REPOSITORY, Desk
from tests.jobs.merging import UNIT, asked, checkout, dispatched, merged, open_pull, put_seal, resolved, sealed_pull
from tests.jobs.test_change import planned, pull_number, written

MORE = f"{UNIT}/more.tf"


def push_more(desk: Desk, *, by: str = "casey", branch: str = "agent/1", content: str = "# more\n") -> str:
    """A person's commit on the branch."""
    made = desk.person(by).create_file(MORE, "more", content, branch=branch)
    return str(made["commit"].sha)


def ref(desk: Desk, name: str) -> GitRef:
    return next(one for one in desk.person("morgan").get_git_matching_refs(name) if one.ref == f"refs/{name}")


def stopped(desk: Desk, event: Event, number: int, said: str) -> None:
    """Neither the push nor a retry of it, nor the same run once more, applies anything."""
    for one in (event, dispatched(number), event):
        merge = resolved(desk, one)
        assert (merge.status, merge.allowed) == ("stopped", ())
        assert said in " ".join(merge.reasons)


# --- pushes --------------------------------------------------------------------------------------------------------


def test_P01_a_push_while_it_is_planned_leaves_no_seal_for_either_commit(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    sealed, pushed = desk.person("casey").get_branch("agent/1").commit.sha, push_more(desk)
    (judged,) = desk.publish(documents)
    assert "the branch moved" in judged.model_dump_json()
    number = pull_number(documents)
    for commit in (sealed, pushed):
        checks = desk.person("morgan").get_commit(commit).get_check_runs(check_name=PLAN_CHECK)
        assert [check.conclusion for check in checks if check.conclusion == "success"] == []
    stopped(desk, merged(desk, desk.person("morgan").get_pull(number)), number, "has no seal")


def test_P01_an_approval_ends_with_the_next_push(desk: Desk) -> None:
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission(REPOSITORY, "erin", "write")
    asked(desk, 2)
    pull = sealed_pull(desk)
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {pull.head.sha}")
    desk.person("erin").get_pull(2).create_review(event="APPROVE")
    push_more(desk)
    put_seal(desk, desk.person("casey").get_pull(2))
    stopped(desk, merged(desk, pull), 2, "so far morgan. ")


def test_P02_a_seal_that_comes_after_the_merge_approves_nothing_on_a_retry_either(desk: Desk) -> None:
    documents = written(desk)
    desk.propose(documents)
    planned(documents)
    number = pull_number(documents)
    push = merged(desk, desk.person("morgan").get_pull(number))
    time.sleep(1.1)  # GitHub's times are whole seconds
    desk.publish(documents)
    stopped(desk, push, number, "has no seal")


def test_P02_back_on_an_older_sealed_head_the_approvals_of_the_newer_one_do_not_count(desk: Desk) -> None:
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission(REPOSITORY, "erin", "write")
    asked(desk, 2)
    pull = sealed_pull(desk)
    older = pull.head.sha
    newer = push_more(desk)
    put_seal(desk, desk.person("casey").get_pull(2))
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {newer}")
    desk.person("casey").get_git_matching_refs("heads/agent/1")[0].edit(older, force=True)
    push = merged(desk, pull)
    assert desk.person("morgan").get_pull(2).head.sha == older
    stopped(desk, push, 2, f"/agent approve {older}")
    desk.person("erin").get_issue(2).create_comment(f"/agent approve {older}")
    assert resolved(desk, push).status == "apply", "what stands there was sealed, and is approved by name now"


def test_P02_a_branch_that_is_deleted_at_the_merge_changes_nothing(desk: Desk) -> None:
    pull = sealed_pull(desk)
    push = merged(desk, pull)
    ref(desk, "heads/agent/1").delete()
    for event in (push, dispatched(pull.number)):
        merge = resolved(desk, event)
        assert (merge.status, merge.units, merge.issue) == ("apply", (UNIT,), 1)


# --- merges that are none -------------------------------------------------------------------------------------------


def by_hand(desk: Desk, pull: PullRequest, files: dict[str, str]) -> Event:
    """A merge commit made on a laptop, with `files` edited in it: GitHub counts the pull request as merged by it."""
    person = desk.person("morgan")
    main = desk.forge.resolve(REPOSITORY, "main")
    base = person.get_git_commit(pull.head.sha).tree
    tree = person.create_git_tree(
        [InputGitTreeElement(path, "100644", "blob", text) for path, text in files.items()], base
    )
    commit = person.create_git_commit("Merge", tree, [person.get_git_commit(one) for one in (main, pull.head.sha)])
    ref(desk, "heads/main").edit(commit.sha)
    assert person.get_pull(pull.number).merge_commit_sha == commit.sha
    return desk.last("push")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{UNIT}/main.tf", f"tree of {UNIT} is"),
        (f"{UNIT}/beside.tf", f"tree of {UNIT} is"),
        ("infra/terraform/modules/common/main.tf", "tree of infra/terraform/modules is"),
        ("infra/terraform/prod/beside/main.tf", "infra/terraform/prod/beside was never planned"),
        ("policies/guardrails.yml", "the policy is"),
        (".github/workflows/apply.yml", "the policy is"),
    ],
)
def test_P07_a_merge_that_brings_more_than_was_sealed_is_not_applied(desk: Desk, path: str, said: str) -> None:
    pull = sealed_pull(desk)
    merge = resolved(desk, by_hand(desk, pull, {path: "# edited\n"}))
    assert merge.status == "stopped"
    assert said in " ".join(merge.reasons)


def test_P07_a_merge_by_hand_of_exactly_what_was_sealed_is_applied(desk: Desk) -> None:
    pull = sealed_pull(desk)
    assert resolved(desk, by_hand(desk, pull, {"docs/notes.md": "beside\n"})).status == "apply"


@pytest.mark.parametrize("folder", [UNIT, "infra/terraform/modules/common"])
def test_P01_a_base_that_moved_under_the_plan(desk: Desk, folder: str) -> None:
    pull = sealed_pull(desk)
    desk.person("morgan").create_file(f"{folder}/base.tf", "moved", "# moved\n")
    stopped(desk, merged(desk, pull), pull.number, "sealed was")


def test_P09_a_pull_request_that_was_turned_to_another_branch_or_back(desk: Desk) -> None:
    desk.person("casey").create_git_ref("refs/heads/release", desk.forge.resolve(REPOSITORY, "main"))
    pull = sealed_pull(desk)
    pull.edit(base="release")
    desk.person("morgan").get_pull(pull.number).merge()
    release = desk.last("push")
    with pytest.raises(UserError, match="only a push to the default branch"):
        resolved(desk, release)
    assert "was merged into release" in resolved(desk, dispatched(pull.number)).reasons[0]


def test_P10_a_tag_with_the_name_of_the_branch(desk: Desk) -> None:
    pull = sealed_pull(desk)
    desk.person("casey").create_git_ref("refs/tags/main", pull.head.sha)
    tag = desk.last("push")
    assert tag.payload["ref"] == "refs/tags/main"
    with pytest.raises(UserError, match="only a push to the default branch"):
        resolved(desk, tag)
    assert resolved(desk, merged(desk, pull)).status == "apply"
    assert desk.forge.resolve(REPOSITORY, "refs/heads/main") != pull.head.sha


@pytest.mark.parametrize("name", ["refs/a/refs/heads/main", "refs/heads/refs/heads/main", "refs/tags/refs/heads/main"])
def test_G16_a_ref_that_ends_like_the_branch_does_not_hide_a_later_merge(desk: Desk, name: str) -> None:
    """`git ls-remote` takes a name for the end of a ref's: others must not answer for the default branch."""
    push = merged(desk, sealed_pull(desk))
    desk.person("casey").create_git_ref(name, desk.forge.resolve(REPOSITORY, "refs/heads/main"))
    desk.person("morgan").create_file(f"{UNIT}/later.tf", "later", "# later\n", branch="main")
    stopped(desk, push, 2, "that merge's own run applies it")


def test_G16_a_revert_of_a_revert_does_not_bring_the_first_approval_back(desk: Desk) -> None:
    pull = sealed_pull(desk)
    push = merged(desk, pull)
    revert = open_pull(desk, branch="revert-2-agent/1", files={f"{UNIT}/main.tf": None})
    merged(desk, revert)
    again = open_pull(desk, branch="revert-3", files={f"{UNIT}/main.tf": "# new\n"})
    latest = merged(desk, again)
    stopped(desk, latest, again.number, "has no seal")
    stopped(desk, push, 2, "was changed again since")


# --- forged --------------------------------------------------------------------------------------------------------


def test_P04_a_commit_status_is_no_check_run_of_ours(desk: Desk) -> None:
    pull = open_pull(desk)
    desk.person("casey").get_commit(pull.head.sha).create_status("success", context=PLAN_CHECK, description="ready")
    stopped(desk, merged(desk, pull), pull.number, "has no seal")


def test_P04_a_check_run_of_another_app_neither_seals_nor_hides_a_seal(desk: Desk) -> None:
    pull = sealed_pull(desk)
    desk.tokens["forger[bot]"] = desk.forge.create_user("forger[bot]", kind="Bot")
    desk.forge.set_permission(REPOSITORY, "forger[bot]", "write")
    other = desk.person("forger[bot]")
    text = put_seal(desk, pull, request_number=1).model_copy(update={"head_sha": pull.head.sha, "risk": "high"})
    other.create_check_run(
        PLAN_CHECK, pull.head.sha, status="completed", conclusion="success",
        output={"title": "t", "summary": "s", "text": text.model_dump_json()},
    )  # fmt: skip
    merge = resolved(desk, merged(desk, pull))
    assert merge.seal is not None
    assert (merge.status, merge.seal.risk) == ("apply", "low")


def test_P04_a_newer_plan_that_failed_takes_the_seal_away(desk: Desk) -> None:
    pull = sealed_pull(desk)
    github.check_run(
        desk.connection(), name=PLAN_CHECK, commit=pull.head.sha, conclusion="failure", title="t", summary="s"
    )  # fmt: skip
    stopped(desk, merged(desk, pull), pull.number, "has no seal")


def test_P01_a_branch_of_the_agents_name_that_a_person_made(desk: Desk) -> None:
    """Its author asked for it, whoever wrote issue 1: neither of them approves it."""
    desk.tokens["erin"] = desk.forge.create_user("erin")
    desk.forge.set_permission(REPOSITORY, "erin", "write")
    asked(desk, 1)
    desk.person("casey").create_issue("A bucket", "please")
    pull = open_pull(desk, by="erin")
    put_seal(desk, pull, request_number=pull.number)
    for login in ("erin", "casey"):
        desk.person(login).get_issue(pull.number).create_comment(f"/agent approve {pull.head.sha}")
    stopped(desk, merged(desk, pull, by="erin"), pull.number, "so far nobody")


# --- old runs --------------------------------------------------------------------------------------------------------


def test_G16_a_run_of_before_a_rule_was_made_does_not_judge(desk: Desk) -> None:
    """A run that is started again stands on its old commit, old guardrails included."""
    push = merged(desk, sealed_pull(desk))
    checkout(desk)
    assert resolved(desk, push).status == "apply"
    found = desk.person("morgan").get_contents("policies/guardrails.yml")
    assert isinstance(found, ContentFile)
    stricter = "# a freeze\n" + found.decoded_content.decode()
    desk.person("morgan").update_file(found.path, "freeze", stricter, found.sha)
    stopped(desk, push, 2, "comment `/agent retry` for a run under today's")
    shutil.rmtree(checkout(desk))
    assert resolved(desk, dispatched(2)).status == "apply", "what a run on the newest commit judges, it judges"


# --- what the text of a plan does not show ---------------------------------------------------------------------------


def test_T07_a_provisioner_is_found_in_the_plan_and_said_where_people_look(desk: Desk) -> None:
    """The same tree with and without `local-exec`: the text of both plans is the same, their JSON is not."""
    tree = {"address": "terraform_data.a", "mode": "managed", "type": "terraform_data", "name": "a", "expressions": {}}
    evil = {**tree, "provisioners": [{"type": "local-exec", "expressions": {"command": {"constant_value": "id"}}}]}
    nested = {"root_module": {"module_calls": {"m": {"module": {"resources": [evil]}}}}}
    found = [
        gate.examine_plan(
            {"format_version": "1.2", "configuration": one, "resource_changes": []}, guardrails=desk.guardrails
        )
        for one in ({"root_module": {"resources": [tree]}}, {"root_module": {"resources": [evil]}}, nested)
    ]
    assert [[item.rule for item in one] for one in found] == [[], ["plan/provisioner"], ["plan/provisioner"]]
    documents = written(desk)
    desk.propose(documents)
    plan = planned(documents)
    write(documents.folder / "plan.json", plan.model_copy(update={"findings": found[1]}))
    desk.publish(documents)
    body = next(text for text in desk.status(pull_number(documents)) if text.startswith("<!-- infra-agent:plan"))
    assert "terraform_data.a has a provisioner" in body
    push = merged(desk, desk.person("morgan").get_pull(pull_number(documents)))
    stopped(desk, push, pull_number(documents), "has no seal")
