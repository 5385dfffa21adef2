"""The forge as a whole: restarts, writers at once, its log of calls, ordered failures, check runs."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import github
import pytest
import requests

from agent.sandbox.forge import Forge, git, serve
from tests.sandbox.forge.world import NAME, SEED, World, run_git

Note = dict[str, str | int]


def test_state_survives_a_restart(tmp_path: Path) -> None:
    first = Forge(tmp_path)
    token = first.create_user("ann")
    first.create_repository("ann", "infra", seed=SEED)
    first.set_variable("ann/infra", "region", "eu")
    server = serve(first)
    api = World(first, server, tmp_path, {}).api(token)
    api.get_repo("ann/infra").create_issue("t").create_comment("c")
    main = first.resolve("ann/infra", "main")
    calls = first.api_calls()
    server.stop()
    first.close()

    second = Forge(tmp_path)
    server = serve(second)
    api = World(second, server, tmp_path, {}).api(token)
    issue = api.get_repo("ann/infra").get_issue(1)
    assert [comment.body for comment in issue.get_comments()] == ["c"]
    assert issue.html_url.startswith(second.url)
    assert api.get_repo("ann/infra").create_issue("u").number == 2
    assert second.resolve("ann/infra", "main") == main
    assert second.variables("ann/infra") == {"REGION": "eu"}
    assert second.api_calls()[: len(calls)] == calls
    server.stop()
    second.close()


def test_a_kill_between_git_and_the_database_is_mended(world: World) -> None:
    """A process that died after git had moved and before the database knew: the pull request catches up."""
    clone = world.clone(world.tokens["rob"])
    world.push_file(clone, "one", "x", "x\n")
    run_git(clone, "checkout", "--quiet", "main")
    world.push_file(clone, "two", "y", "y\n")
    repo = world.repo("rob")
    one = repo.create_pull(base="main", head="one", title="1", body="")
    two = repo.create_pull(base="main", head="two", title="2", body="")
    where = world.forge.git_dir(world.forge.repo_row(NAME))
    moved = git.write_commit(
        where,
        tree=git.git(where, "rev-parse", "one^{tree}"),
        parents=(one.head.sha,),
        author=git.Person("x", "x@example.com", "2026-01-01T00:00:00Z"),
        committer=git.Person("x", "x@example.com", "2026-01-01T00:00:00Z"),
        message="more\n",
    )
    git.update_ref(where, "refs/heads/one", moved, one.head.sha)
    git.update_ref(where, "refs/heads/main", two.head.sha, world.forge.resolve(NAME, "main"))
    again = Forge(world.folder / "forge")
    row = again.pull_row(again.repo_row(NAME), one.number)
    assert (row["head_sha"], row["state"]) == (moved, "open")
    row = again.pull_row(again.repo_row(NAME), two.number)
    assert (row["merged_at"] is not None, row["merge_sha"], row["state"]) == (True, two.head.sha, "closed")
    again.close()


def test_writers_at_once(world: World) -> None:
    """Numbers stay unique, no comment is lost, and of many moves of one ref each builds on the last."""
    repo, main = world.repo("ann"), world.forge.resolve(NAME, "main")
    repo.create_git_ref("refs/heads/race", main)

    def work(number: int) -> int:
        mine = world.repo("ann" if number % 2 else "rob")
        made = mine.create_issue(f"t{number}")
        made.create_comment("c")
        mine.create_file(f"f{number}", "m", "x", branch="race")
        return made.number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(work, range(16)))
    assert sorted(numbers) == list(range(1, 17))
    assert sum(issue.comments for issue in repo.get_issues()) == 16
    assert len(world.forge.list_files(NAME, "race", "f")) == 16
    assert len([event for event in world.events if event.name == "push"]) == 17


def test_only_one_of_two_merges_wins(world: World) -> None:
    world.push_file(world.clone(world.tokens["rob"]), "change", "x", "x\n")
    number = world.repo("rob").create_pull(base="main", head="change", title="t", body="").number

    def merge(login: str) -> int:
        path = f"/repos/{NAME}/pulls/{number}/merge"
        return world.raw("PUT", path, token=world.tokens[login], json={}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(merge, ("ann", "rob"))) == [200, 405]
    assert world.names().count("pull_request.closed") == 1


def test_the_log_of_calls(world: World) -> None:
    began = time.time()
    world.job_repo(issues="write").create_issue("t")
    world.raw("GET", "/nowhere")
    world.raw("GET", f"/repos/{NAME}", token="ghp_bad")
    calls = world.forge.api_calls()[-3:]
    assert [(c.method, c.path, c.status, c.actor, c.run_id) for c in calls] == [
        ("POST", f"/repos/{NAME}/issues", 201, "github-actions[bot]", 7),
        ("GET", "/nowhere", 404, "", None),
        ("GET", f"/repos/{NAME}", 401, "", None),
    ]
    assert began <= calls[0].at <= time.time()


def test_rate_limit_headers_count_down(world: World) -> None:
    one = world.raw("GET", "/rate_limit", token=world.tokens["ann"])
    two = world.raw("GET", "/rate_limit", token=world.tokens["ann"])
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (one, two)]
    assert left[0] - left[1] == 1
    assert int(one.headers["X-RateLimit-Reset"]) > time.time()


def test_ordered_failures(world: World) -> None:
    world.forge.fail_next("GET", r"/rate_limit$", 500, times=2)
    assert [world.raw("GET", "/rate_limit").status_code for _ in range(3)] == [500, 500, 200]
    world.forge.fail_next("GET", r"/issues$", 502)
    assert list(world.repo("ann").get_issues()) == []  # PyGithub tries a read again
    world.forge.fail_next("POST", r"/issues$", 403, {"Retry-After": "3"})
    answer = world.raw("POST", f"/repos/{NAME}/issues", token=world.tokens["ann"], json={"title": "t"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (403, "3")
    assert "secondary rate limit" in answer.json()["message"]
    assert world.events == []


@pytest.mark.parametrize(("way", "made"), [("cut", 0), ("cut after", 1)])
def test_a_cut_connection(world: World, way: str, made: int) -> None:
    world.forge.fail_next("POST", r"/issues$", way)  # type: ignore[arg-type]  # the literals of the table above
    with pytest.raises(requests.ConnectionError):
        world.raw("POST", f"/repos/{NAME}/issues", token=world.tokens["ann"], json={"title": "t"})
    assert len(list(world.repo("ann").get_issues())) == made


def test_check_runs(world: World) -> None:
    sha = world.forge.resolve(NAME, "main")
    robot = world.job_repo(checks="write")
    old = robot.create_check_run("agent/gate", sha, conclusion="failure")
    note: dict[str, str | int] = {
        "path": "a",
        "start_line": 1,
        "end_line": 2,
        "annotation_level": "warning",
        "message": "m",
    }
    output: dict[str, str | list[dict[str, str | int]]] = {
        "title": "t",
        "summary": "s",
        "text": "the seal",
        "annotations": [note] * 50,
    }
    new = robot.create_check_run("agent/gate", sha, status="in_progress", external_id="id", output=output)
    new.edit(status="completed", conclusion="success", output={"title": "t", "summary": "s", "annotations": [note]})
    assert len(list(new.get_annotations())) == 51
    commit = world.repo("ann").get_commit(sha)
    assert [run.id for run in commit.get_check_runs(check_name="agent/gate")] == [new.id]
    assert [run.id for run in commit.get_check_runs(filter="all")] == [new.id, old.id]
    run = next(iter(commit.get_check_runs()))
    assert (run.conclusion, run.external_id, run.output.text) == ("success", "id", "the seal")
    with pytest.raises(github.GithubException) as caught:
        new.edit(output={"title": "t", "summary": "s", "annotations": [note] * 51})
    assert caught.value.status == 422
    with pytest.raises(github.GithubException) as caught:
        robot.create_check_run("x", sha, status="completed")
    assert caught.value.data["errors"][0]["field"] == "conclusion"
    with pytest.raises(github.GithubException) as caught:
        robot.create_check_run("x", "0" * 40)
    assert caught.value.data["message"] == f"No commit found for SHA: {'0' * 40}"


def test_statuses(world: World) -> None:
    commit = world.repo("rob").get_commit(world.forge.resolve(NAME, "main"))
    assert commit.get_combined_status().state == "pending"
    commit.create_status("failure", context="a")
    commit.create_status("success", context="a")
    commit.create_status("success", context="b")
    assert (commit.get_combined_status().state, commit.get_combined_status().total_count) == ("success", 2)
    assert [status.state for status in commit.get_statuses()] == ["success", "success", "failure"]


def test_a_dispatch_from_a_job(world: World) -> None:
    world.job_repo(contents="write").create_repository_dispatch("apply", {"unit": "x"})
    event = world.last("repository_dispatch", "apply")
    assert event.payload["client_payload"] == {"unit": "x"}
    assert event.by_job_token is True
    assert event.ref == "refs/heads/main"


def test_an_error_rolls_everything_back(world: World) -> None:
    with pytest.raises(RuntimeError), world.forge.db.write():  # noqa: PT012  # the two belong together
        world.forge.db.run("UPDATE repositories SET last_number = 99")
        world.forge.db.after_commit(lambda: world.events.clear())
        raise RuntimeError
    assert world.repo("ann").create_issue("t").number == 1
