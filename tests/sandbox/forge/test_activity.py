"""Who moved a branch: every way of moving one is written down, kept, and told in pages."""

from typing import Any

import pytest
from github import InputGitTreeElement

from agent.sandbox.forge import Forge
from tests.sandbox.forge.world import NAME, World, run_git


def told(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.raw("GET", f"/repos/{NAME}/activity", token=world.job(contents="read"), params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def moves(world: World, branch: str) -> list[tuple[str, str]]:
    """(type, who) of what happened to a branch, oldest first."""
    return [(one["activity_type"], one["actor"]["login"]) for one in told(world, ref=branch, direction="asc")]


def test_every_move_of_a_branch_is_told_with_who_made_it_and_is_kept(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    first = world.push_file(clone, "mine", "x", "1\n")
    second = world.push_file(clone, "mine", "x", "2\n")
    run_git(clone, "push", "--quiet", "--force", "origin", f"{first}:refs/heads/mine")
    ann = world.repo("ann")
    ann.create_file("y", "y", "y\n", branch="mine")
    tree = ann.create_git_tree([InputGitTreeElement("z", "100644", "blob", content="z")], ann.get_git_tree("mine"))
    head = ann.get_branch("mine").commit.sha
    third = ann.create_git_commit("z", tree, [ann.get_git_commit(head)]).sha
    ann.get_git_ref("heads/mine").edit(third)
    world.repo("mia").create_git_ref("refs/heads/other", third)
    ann.create_git_ref("refs/tags/v1", third)
    pull = world.repo("rob").create_pull(base="main", head="mine", title="t", body="")
    world.repo("mia").get_pull(pull.number).merge()
    ann.get_git_ref("heads/mine").delete()

    assert moves(world, "mine") == [
        ("branch_creation", "rob"), ("push", "rob"), ("force_push", "rob"), ("push", "ann"), ("push", "ann"),
        ("branch_deletion", "ann"),
    ]  # fmt: skip
    assert moves(world, "refs/heads/other") == [("branch_creation", "mia")]
    assert moves(world, "main") == [("pr_merge", "mia")]
    assert [(one["before"], one["after"]) for one in told(world, ref="mine")][-3:] == [
        (second, first), (first, second), ("0" * 40, first),
    ]  # fmt: skip
    assert {one["ref"] for one in told(world)} == {"refs/heads/mine", "refs/heads/other", "refs/heads/main"}
    again = Forge(world.folder / "forge")
    assert len(again.db.all("SELECT * FROM activities")) == 8
    again.close()


def test_pages_are_told_by_a_cursor_and_filters_are_checked(world: World) -> None:
    ann = world.repo("ann")
    main = world.forge.resolve(NAME, "main")
    for number in range(5):
        ann.create_git_ref(f"refs/heads/b{number}", main)
    every = [one["id"] for one in told(world)]
    token, path = world.job(contents="read"), f"/repos/{NAME}/activity?per_page=2"
    pages = []
    for _ in range(4):
        answer = world.raw("GET", path, token=token)
        pages.append([one["id"] for one in answer.json()])
        if "next" not in answer.links:
            break
        path = answer.links["next"]["url"].removeprefix(world.forge.api)
    assert pages == [every[:2], every[2:4], every[4:]]
    back = answer.links["prev"]["url"].removeprefix(world.forge.api)
    assert [one["id"] for one in world.raw("GET", back, token=token).json()] == every[2:4]
    assert told(world, actor="rob") == []
    assert told(world, activity_type="push", time_period="day") == []
    for wrong in ({"activity_type": "x"}, {"time_period": "x"}, {"direction": "x"}, {"after": "x"}):
        assert world.raw("GET", f"/repos/{NAME}/activity", token=token, params=wrong).status_code == 422, wrong


@pytest.mark.parametrize("permissions", [{"issues": "write"}, {}])
def test_a_job_s_token_needs_contents(world: World, permissions: dict[str, str]) -> None:
    answer = world.raw("GET", f"/repos/{NAME}/activity", token=world.job(**permissions))
    assert answer.status_code == 403
