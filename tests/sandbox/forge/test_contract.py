"""Everything the forge answers and sends, held against GitHub's own descriptions."""

import json
from typing import Any

import github
import pytest
from github import InputGitTreeElement

from agent import events
from tests.sandbox.contract import descriptions
from tests.sandbox.forge.world import NAME, World

# PyGithub asks for a commit's statuses where GitHub still answers and no longer says so.
UNDOCUMENTED = f"/repos/{NAME}/statuses/"


def drive(world: World) -> None:
    """Use every endpoint at least once."""
    ann, rob = world.repo("ann"), world.repo("rob")
    api = world.api(world.tokens["ann"])
    api.get_user().login, api.get_user("rob").name  # reading completes the object
    api.get_rate_limit()
    ann.get_collaborator_permission("mia"), ann.get_collaborator_role_name("tess")
    list(ann.get_collaborators())
    ann.has_in_collaborators("rob")
    _issues(world, ann)
    _git(ann)
    _pulls(world, ann, rob)
    _checks(world, ann)
    ann.create_variable("REGION", "eu")
    list(ann.get_variables())
    ann.get_variable("REGION").edit("us")
    ann.delete_variable("REGION")
    ann.create_repository_dispatch("apply", {"unit": "a"})
    _settings(world)
    list(api.search_issues(f"repo:{NAME} is:issue label:bug in:title please"))


def _issues(world: World, ann: Any) -> None:
    ann.create_label("bug", "ff0000", "broken")
    ann.get_label("bug").edit("bug", "00ff00", "still broken")
    issue = world.repo("eve").create_issue("please", body="text")
    issue = ann.get_issue(issue.number)
    issue.add_to_labels("bug", "other")
    issue.set_labels("bug")
    issue.add_to_assignees("rob")
    issue.remove_from_assignees("rob")
    comment = issue.create_comment("hello")
    comment.edit("hello again")
    reaction = comment.create_reaction("eyes")
    list(comment.get_reactions())
    comment.delete_reaction(reaction.id)
    issue.create_reaction("rocket")
    list(issue.get_reactions())
    list(issue.get_comments())
    list(ann.get_issues_comments())
    issue.get_comment(comment.id)
    list(issue.get_labels()), list(ann.get_labels()), list(issue.get_events()), list(ann.get_issues(state="all"))
    comment.delete()
    issue.edit(title="pretty please", body="more")
    issue.edit(state="closed", state_reason="not_planned")
    issue.edit(state="open")
    issue.remove_from_labels("bug")


def _git(ann: Any) -> None:
    main = ann.get_branch("main").commit.sha
    blob = ann.create_git_blob("b", "utf-8")
    ann.get_git_blob(blob.sha)
    element = InputGitTreeElement("infra/new.tf", "100644", "blob", sha=blob.sha)
    tree = ann.create_git_tree([element], ann.get_git_tree(main))
    ann.get_git_tree(tree.sha, recursive=True)
    commit = ann.create_git_commit("via api", tree, [ann.get_git_commit(main)])
    ref = ann.create_git_ref("refs/heads/api", main)
    ref.edit(commit.sha)
    ann.get_git_ref("heads/api")
    tag = ann.create_git_tag("lock", "a document", main, "commit")
    ann.get_git_tag(tag.sha)
    ann.create_git_ref("refs/infra-agent/locks/unit", tag.sha)
    list(ann.get_git_matching_refs("infra-agent/locks/"))
    ann.get_git_ref("infra-agent/locks/unit").delete()
    list(ann.get_git_matching_refs("heads"))
    ann.get_contents("README.md")
    ann.get_contents("infra")
    made = ann.create_file("docs/x.md", "add x", "x", branch="api")
    ann.update_file("docs/x.md", "edit x", "y", made["content"].sha, branch="api")
    ann.delete_file("docs/x.md", "drop x", ann.get_contents("docs/x.md", ref="api").sha, branch="api")
    ann.compare("main", "api")
    list(ann.get_branches()), list(ann.get_commits())
    ann.get_commit(commit.sha)


def _pulls(world: World, ann: Any, rob: Any) -> None:
    pull = rob.create_pull(base="main", head="api", title="Change", body="text", draft=False)
    mine = ann.get_pull(pull.number)
    inline = {"path": "infra/new.tf", "line": 1, "body": "why"}
    mine.create_review(event="REQUEST_CHANGES", body="no", comments=[inline])
    review = mine.create_review(event="APPROVE")
    mine.get_review(review.id).dismiss("changed my mind")
    list(mine.get_reviews()), list(mine.get_review_comments()), list(mine.get_single_review_comments(review.id))
    comment = mine.create_review_comment("again", ann.get_commit(mine.head.sha), "infra/new.tf", line=1)
    mine.create_review_comment_reply(comment.id, "so")
    comment.edit("again!")
    comment.create_reaction("heart")
    comment.delete()
    mine.create_issue_comment("on the pull request")
    mine.add_to_labels("bug")
    mine.edit(title="Better", body="Fixes #1")
    list(mine.get_files()), list(mine.get_commits()), list(ann.get_pulls())
    mine.is_merged()
    _checks(world, ann, mine.head.sha)
    mine.edit(state="closed")
    mine.edit(state="open")
    mine.merge(sha=mine.head.sha)
    mine.is_merged()
    list(ann.get_commit(world.forge.resolve(NAME, "main")).get_pulls())
    ann.get_git_ref("heads/api").delete()
    for query in ({}, {"ref": "refs/heads/api", "per_page": "1"}, {"activity_type": "pr_merge", "time_period": "day"}):
        answer = world.raw("GET", f"/repos/{NAME}/activity", token=world.tokens["ann"], params=query)
        assert answer.status_code == 200
        assert answer.json(), query


RULESET = {
    "name": "main",
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": True,
                "required_status_checks": [{"context": "agent/gate", "integration_id": 15368}],
            },
        },
    ],
}


def _settings(world: World) -> None:
    """What an administrator sets and `doctor` reads."""
    ann = world.repo("ann")
    main = ann.get_branch("main")
    main.edit_protection(strict=True, contexts=["agent/gate"], enforce_admins=True, required_approving_review_count=1)
    main.get_protection()
    ann.get_branch("main"), list(ann.get_branches())
    main.remove_protection()

    def call(method: str, path: str, body: object = None) -> Any:
        answer = world.raw(method, f"/repos/{NAME}{path}", token=world.tokens["ann"], json=body)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json() if answer.content else None

    number = call("POST", "/rulesets", RULESET)["id"]
    call("PUT", f"/rulesets/{number}", {"enforcement": "active"})
    for path in ("/rulesets", f"/rulesets/{number}", "/rules/branches/main"):
        call("GET", path)
    call("DELETE", f"/rulesets/{number}")
    reviewer = {"type": "User", "id": world.forge.account("mia").id}
    policy = {"protected_branches": False, "custom_branch_policies": True}
    body = {"wait_timer": 5, "prevent_self_review": True, "reviewers": [reviewer], "deployment_branch_policy": policy}
    call("PUT", "/environments/apply", body)
    call("POST", "/environments/apply/deployment-branch-policies", {"name": "main"})
    call("POST", "/environments/apply/variables", {"name": "REGION", "value": "eu"})
    for end in ("", "/apply", "/apply/deployment-branch-policies", "/apply/variables"):
        call("GET", f"/environments{end}")
    call("DELETE", "/environments/apply")
    for path, value in (("", {"enabled": True, "allowed_actions": "selected"}), ("/workflow", {})):
        call("PUT", f"/actions/permissions{path}", value)
        call("GET", f"/actions/permissions{path}")


def _checks(world: World, ann: Any, sha: str = "") -> None:
    sha = sha or world.forge.resolve(NAME, "main")
    robot = world.job_repo(checks="write", statuses="write", contents="read")
    annotation = {"path": "infra/a.tf", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
    run = robot.create_check_run("agent/gate", sha, status="in_progress", external_id="x")
    run.edit(conclusion="failure", output={"title": "t", "summary": "s", "text": "l", "annotations": [annotation]})
    robot.get_check_run(run.id)
    list(run.get_annotations())
    list(ann.get_commit(sha).get_check_runs())
    ann.get_commit(sha).create_status("success", "https://example.com", "fine", "ci")
    list(ann.get_commit(sha).get_statuses())
    ann.get_commit(sha).get_combined_status()


@pytest.fixture
def driven(world: World) -> World:
    descriptions.install()
    drive(world)
    return world


def test_answers_and_payloads_are_github_s(driven: World) -> None:
    """One run for both: driving takes longer than validating."""
    api = descriptions.api()
    wrong = [
        problem
        for answer in driven.answers
        if answer.status < 400 and not (answer.method == "GET" and answer.path.startswith(UNDOCUMENTED))
        for problem in api.problems(answer.method, answer.path, answer.status, answer.body)
    ]
    hooks = descriptions.webhooks()
    wrong += [problem for event in driven.events for problem in hooks.problems(event.name, event.payload)]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert len({(answer.method, answer.path) for answer in driven.answers}) > 80
    names = {event.name for event in driven.events}
    assert names >= {
        "issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment", "push",
        "check_run", "status", "repository_dispatch",
    }  # fmt: skip


def test_a_wrong_answer_is_seen(driven: World) -> None:
    api, hooks = descriptions.api(), descriptions.webhooks()
    answer = next(one for one in driven.answers if one.path == f"/repos/{NAME}/issues/1" and one.method == "GET")
    assert not api.problems("GET", answer.path, 200, answer.body)
    assert api.problems("GET", answer.path, 200, {**answer.body, "number": "1"})
    assert api.problems("GET", "/repos/a/b/nothing", 200, {})
    payload = driven.last("issues", "labeled").payload
    assert hooks.problems("issues", {**payload, "issue": {}})


def test_pygithub_raises_its_own_not_found(world: World) -> None:
    with pytest.raises(github.UnknownObjectException):
        world.repo("ann").get_issue(99)


def test_github_s_own_example_events_are_all_read() -> None:
    folder = descriptions.install() / "node_modules/@octokit/webhooks-examples/api.github.com"
    examples = {entry["name"]: entry["examples"] for entry in json.loads((folder / "index.json").read_text())}
    seen = set()
    for name in ("issues", "issue_comment", "pull_request", "push"):
        assert examples[name]
        for payload in examples[name]:
            seen.add(type(events.parse(name, payload)).__name__)
    assert seen >= {"IssueLabelled", "IssueComment", "PullRequestChanged"}
