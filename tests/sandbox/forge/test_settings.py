"""What an administrator sets: protection, rulesets, environments, what workflows may do; and refs of our own."""

from typing import Any

import github
import pytest
import requests

from tests.sandbox.forge.test_contract import RULESET
from tests.sandbox.forge.world import NAME, World

CHECKS = {"strict": False, "contexts": ["agent/gate"]}
REVIEWS = {"required_approving_review_count": 2, "dismiss_stale_reviews": True}
PROTECTION = {
    "required_status_checks": CHECKS,
    "enforce_admins": None,
    "required_pull_request_reviews": REVIEWS,
    "restrictions": None,
}


def ask(world: World, method: str, path: str, body: object = None, *, login: str = "ann") -> requests.Response:
    return world.raw(method, f"/repos/{NAME}{path}", token=world.tokens[login], json=body)


def test_a_branch_is_protected_and_freed(world: World) -> None:
    path = "/branches/main/protection"
    unprotected = ask(world, "GET", path)
    assert (unprotected.status_code, unprotected.json()["message"]) == (404, "Branch not protected")
    missing = {key: value for key, value in PROTECTION.items() if key != "restrictions"}
    assert ask(world, "PUT", path, missing).status_code == 422
    assert ask(world, "PUT", path, PROTECTION).status_code == 200
    shape = ask(world, "GET", path).json()
    assert shape["required_status_checks"]["checks"] == [{"context": "agent/gate", "app_id": None}]
    assert shape["required_pull_request_reviews"]["required_approving_review_count"] == 2
    assert (shape["enforce_admins"]["enabled"], shape["allow_force_pushes"]["enabled"]) == (False, False)
    assert world.repo("eve").get_branch("main").protected is True
    for login in ("rob", "mia"):  # no administrator
        assert ask(world, "GET", path, login=login).status_code == 403
    assert world.raw("GET", f"/repos/{NAME}{path}", token=world.job(contents="write")).status_code == 403
    assert ask(world, "DELETE", path).status_code == 204
    assert ask(world, "GET", "/branches/nope/protection").json()["message"] == "Branch not found"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ["deletion", "required_status_checks"]),
        ({"enforcement": "evaluate"}, []),
        ({"conditions": {"ref_name": {"include": ["refs/heads/rel*"], "exclude": []}}}, []),
        ({"conditions": {"ref_name": {"include": ["~ALL"], "exclude": ["refs/heads/main"]}}}, []),
        ({"conditions": {"ref_name": {"include": ["refs/heads/m*"]}}}, ["deletion", "required_status_checks"]),
    ],
)
def test_the_rules_of_a_branch_come_from_active_rulesets(
    world: World, change: dict[str, Any], found: list[str]
) -> None:
    made = ask(world, "POST", "/rulesets", {**RULESET, "bypass_actors": [], **change}).json()
    assert [rule["type"] for rule in ask(world, "GET", "/rules/branches/main", login="eve").json()] == found
    assert "bypass_actors" in ask(world, "GET", f"/rulesets/{made['id']}").json()
    assert "bypass_actors" not in ask(world, "GET", f"/rulesets/{made['id']}", login="eve").json()
    assert "rules" not in ask(world, "GET", "/rulesets").json()[0]
    assert ask(world, "POST", "/rulesets", RULESET).status_code == 422  # the name is taken


def test_an_environment_tells_its_rules(world: World) -> None:
    assert ask(world, "GET", "/environments/apply").status_code == 404
    both = {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": True}}
    assert ask(world, "PUT", "/environments/apply", both).status_code == 422
    assert ask(world, "PUT", "/environments/apply", {}).json()["protection_rules"] == []
    assert ask(world, "POST", "/environments/apply/deployment-branch-policies", {"name": "main"}).status_code == 404
    policy = {"protected_branches": False, "custom_branch_policies": True}
    reviewers = [{"type": "User", "id": world.forge.account("mia").id}]
    body = {"reviewers": reviewers, "deployment_branch_policy": policy}
    rules = ask(world, "PUT", "/environments/apply", body).json()["protection_rules"]
    assert [rule["type"] for rule in rules] == ["required_reviewers", "branch_policy"]
    assert rules[0]["reviewers"][0]["reviewer"]["login"] == "mia"
    ask(world, "POST", "/environments/apply/deployment-branch-policies", {"name": "main"})
    found = ask(world, "GET", "/environments/apply/deployment-branch-policies").json()
    assert [one["name"] for one in found["branch_policies"]] == ["main"]
    assert ask(world, "GET", "/environments").json()["total_count"] == 1
    assert ask(world, "GET", "/actions/permissions").json()["enabled"] is True


def test_without_the_switch_a_job_opens_no_pull_request(world: World) -> None:
    off = {"can_approve_pull_request_reviews": False}
    assert ask(world, "PUT", "/actions/permissions/workflow", off).status_code == 204
    ann = world.repo("ann")
    ann.create_git_ref("refs/heads/new", ann.get_branch("main").commit.sha)
    ann.create_file("infra/b.tf", "b", "b", branch="new")
    job = world.job_repo(contents="write", **{"pull-requests": "write"})
    with pytest.raises(github.GithubException) as caught:
        job.create_pull(base="main", head="new", title="t", body="")
    assert caught.value.status == 403
    assert "not permitted to create or approve pull requests" in caught.value.data["message"]
    assert ann.create_pull(base="main", head="new", title="t", body="").number == 1


def test_a_ref_of_our_own_points_at_a_document(world: World) -> None:
    job = world.job_repo(contents="write")
    tag = job.create_git_tag("lock", "who: casey\nwhy: apply", world.forge.resolve(NAME, "main"), "commit")
    ref = "refs/infra-agent/locks/prod"
    job.create_git_ref(ref, tag.sha)
    with pytest.raises(github.GithubException) as caught:
        job.create_git_ref(ref, world.forge.resolve(NAME, "main"))
    assert (caught.value.status, caught.value.data["message"]) == (422, "Reference already exists")
    (held,) = job.get_git_matching_refs("infra-agent/locks/")
    assert (held.ref, held.object.type, held.object.sha) == (ref, "tag", tag.sha)
    assert job.get_git_tag(tag.sha).message == "who: casey\nwhy: apply"
    assert not any(event.name == "push" for event in world.events)
    with pytest.raises(github.GithubException) as caught:
        job.create_git_ref("refs/heads/lock", tag.sha)  # a branch is of commits
    assert caught.value.status == 422
    job.get_git_ref("infra-agent/locks/prod").delete()
    assert list(job.get_git_matching_refs("infra-agent/")) == []
