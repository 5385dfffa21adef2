"""A fork's pull request: it is of the repository that the fork comes from, and its head is elsewhere."""

import github
import pytest

from agent.sandbox.forge import Forge
from tests.sandbox.contract import descriptions
from tests.sandbox.forge.world import NAME, World


def forked(world: World) -> github.Repository.Repository:
    fork = world.repo("eve").create_fork()
    fork.create_git_ref("refs/heads/change", fork.get_branch("main").commit.sha)
    fork.create_file("infra/c.tf", "c", "c", branch="change")
    return fork


def test_a_pull_request_of_a_fork(world: World) -> None:
    fork = forked(world)
    assert (fork.full_name, fork.fork, fork.parent.full_name) == ("eve/infra", True, NAME)
    assert [one.full_name for one in world.repo("ann").get_forks()] == ["eve/infra"]
    pull = world.repo("eve").create_pull(base="main", head="eve:change", title="t", body="")
    event = world.last("pull_request", "opened")
    assert (event.repo, event.payload["pull_request"]["head"]["repo"]["full_name"]) == (NAME, "eve/infra")
    assert (event.ref, event.payload["pull_request"]["head"]["repo"]["fork"]) == (
        f"refs/pull/{pull.number}/merge",
        True,
    )
    assert not descriptions.webhooks().problems("pull_request", event.payload)
    seen = world.repo("ann").get_pull(pull.number)
    assert (seen.head.label, seen.head.repo.full_name, seen.base.repo.full_name) == ("eve:change", "eve/infra", NAME)
    assert [file.filename for file in seen.get_files()] == ["infra/c.tf"]
    assert [one.number for one in world.repo("ann").get_pulls(head="eve:change")] == [1]
    assert list(world.repo("ann").get_pulls(head="acme:change")) == []
    with pytest.raises(github.GithubException) as caught:
        world.repo("eve").create_pull(base="main", head="eve:change", title="again", body="")
    assert "already exists for eve:change" in caught.value.data["errors"][0]["message"]


def test_a_push_to_the_fork_moves_the_head(world: World) -> None:
    fork = forked(world)
    number = world.repo("eve").create_pull(base="main", head="eve:change", title="t", body="").number
    sha = fork.create_file("infra/d.tf", "d", "d", branch="change")["commit"].sha
    assert world.last("pull_request", "synchronize").payload["after"] == sha
    assert world.forge.resolve(NAME, f"refs/pull/{number}/head") == sha
    with pytest.raises(github.GithubException) as caught:
        world.repo("eve").get_pull(number).merge()  # reads, and no more
    assert caught.value.status == 403
    merged = world.repo("ann").get_pull(number)
    merged.merge()
    assert world.forge.read_file(NAME, "main", "infra/d.tf") == b"d"
    assert "from eve/change" in world.repo("ann").get_commit("main").commit.message


def test_a_branch_of_the_same_name_here_is_another(world: World) -> None:
    forked(world)
    number = world.repo("eve").create_pull(base="main", head="eve:change", title="t", body="").number
    rob = world.repo("rob")
    rob.create_git_ref("refs/heads/change", rob.get_branch("main").commit.sha)
    head = world.repo("ann").get_pull(number).head.sha
    rob.create_file("infra/e.tf", "e", "e", branch="change")
    assert world.repo("ann").get_pull(number).head.sha == head
    with pytest.raises(github.GithubException) as caught:
        world.repo("eve").create_pull(base="main", head="rob:change", title="t", body="")
    assert caught.value.status == 422


def test_a_deleted_branch_closes_it_and_a_restart_keeps_it(world: World) -> None:
    fork = forked(world)
    number = world.repo("eve").create_pull(base="main", head="eve:change", title="t", body="").number
    again = Forge(world.forge.root)
    again.resume()
    assert world.repo("ann").get_pull(number).state == "open"
    fork.get_git_ref("heads/change").delete()
    assert world.repo("ann").get_pull(number).state == "closed"
    with pytest.raises(github.GithubException) as caught:
        world.repo("ann").get_pull(number).edit(state="open")
    assert caught.value.status == 422
    again.close()


def test_the_answers_are_github_s(world: World) -> None:
    forked(world)
    world.repo("eve").create_pull(base="main", head="eve:change", title="t", body="")
    list(world.repo("ann").get_pulls())
    assert world.api(world.tokens["ann"]).get_repo("eve/infra").fork is True
    api = descriptions.api()
    assert not [
        problem
        for answer in world.answers
        if answer.status < 400
        for problem in api.problems(answer.method, answer.path, answer.status, answer.body)
    ]
