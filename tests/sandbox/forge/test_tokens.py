"""Who may do what: people by their role, jobs by their token's grants."""

import github
import pytest

from tests.sandbox.forge.world import NAME, World, run_git

REPO = f"/repos/{NAME}"


@pytest.mark.parametrize(
    ("login", "permission", "role"),
    [
        ("ann", "admin", "admin"),
        ("mia", "write", "maintain"),
        ("rob", "write", "write"),
        ("tess", "read", "triage"),
        ("eve", "read", "read"),
    ],
)
def test_permission_of_a_collaborator(world: World, login: str, permission: str, role: str) -> None:
    repo = world.repo("ann")
    assert repo.get_collaborator_permission(login) == permission
    assert repo.get_collaborator_role_name(login) == role


def test_permission_of_nobody(world: World) -> None:
    for login, message in (("ghost", "Not Found"), ("github-actions[bot]", "github-actions[bot] is not a user")):
        with pytest.raises(github.GithubException) as caught:
            world.repo("ann").get_collaborator_permission(login)
        assert (caught.value.status, caught.value.data["message"]) == (404, message)


def test_a_hidden_repository_is_not_there(world: World) -> None:
    world.forge.set_permission(NAME, "eve", "none")
    answer = world.raw("GET", REPO, token=world.tokens["eve"])
    assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "body", "needs"),
    [
        ("GET", "/issues/1", None, {"issues": "read"}),
        ("POST", "/issues/1/comments", {"body": "x"}, {"issues": "write"}),
        ("POST", "/issues/1/comments", {"body": "x"}, {"pull-requests": "write"}),
        ("POST", "/issues/1/labels", {"labels": ["a"]}, {"issues": "write"}),
        ("POST", "/issues/1/reactions", {"content": "eyes"}, {"issues": "write"}),
        ("PATCH", "/issues/1", {"state": "closed"}, {"issues": "write"}),
        ("GET", "/pulls", None, {"pull-requests": "read"}),
        ("GET", "/contents/README.md", None, {"contents": "read"}),
        ("GET", "/git/ref/heads/main", None, {"contents": "read"}),
        ("POST", "/git/blobs", {"content": "x"}, {"contents": "write"}),
        ("POST", "/dispatches", {"event_type": "x"}, {"contents": "write"}),
        ("GET", "/commits/main/check-runs", None, {"checks": "read"}),
        ("GET", "/commits/main/status", None, {"statuses": "read"}),
    ],
)
def test_a_job_s_token_holds_only_its_grants(
    world: World, method: str, path: str, body: dict[str, object] | None, needs: dict[str, str]
) -> None:
    world.repo("ann").create_issue("t")
    forge = world.forge
    (name, level), weaker = next(iter(needs.items())), {"write": "read", "read": "none"}
    everything_else = {
        other: "write"
        for other in ("contents", "issues", "pull-requests", "checks", "statuses", "actions")
        if other != name and not ("labels" in path or "comments" in path or method == "PATCH")
    }
    poor = forge.issue_job_token(NAME, {**everything_else, name: weaker[level]}, run_id=1, job="j")
    refused = world.raw(method, REPO + path, token=poor, json=body)
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    rich = forge.issue_job_token(NAME, needs, run_id=1, job="j")
    assert world.raw(method, REPO + path, token=rich, json=body).status_code < 300


def test_a_job_s_token_reads_metadata_only_without_grants(world: World) -> None:
    token = world.job()
    assert world.raw("GET", REPO, token=token).status_code == 200
    assert world.raw("GET", f"{REPO}/collaborators/ann/permission", token=token).json()["permission"] == "admin"
    assert world.raw("GET", "/user", token=token).status_code == 403
    assert world.raw("GET", f"{REPO}/actions/variables", token=world.job(actions="write")).status_code == 403


def test_a_job_s_token_is_of_one_repository(world: World) -> None:
    world.forge.create_repository("acme", "other", seed={"a": b""})
    token = world.job(issues="write")
    assert world.raw("POST", "/repos/acme/other/issues", token=token, json={"title": "t"}).status_code == 403


def test_events_of_a_job_s_token_are_marked(world: World) -> None:
    issue = world.job_repo(issues="write").create_issue("t")
    assert (issue.user.login, issue.user.type, issue.user.id) == ("github-actions[bot]", "Bot", 41898282)
    assert world.events[-1].by_job_token is True
    world.api(world.tokens["robot[bot]"]).get_repo(NAME).create_issue("u")
    assert (world.events[-1].actor, world.events[-1].by_job_token) == ("robot[bot]", False)


def test_a_level_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="issues must be read, write or none"):
        world.job(issues="admin")


def test_a_revoked_or_unknown_token_is_401(world: World) -> None:
    token = world.job(issues="read")
    world.forge.revoke_token(token)
    for bad in (token, "ghp_nonsense"):
        answer = world.raw("GET", REPO, token=bad)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_without_a_token_one_reads_and_nothing_else(world: World) -> None:
    assert world.raw("GET", REPO).status_code == 200
    answer = world.raw("POST", f"{REPO}/issues", json={"title": "t"})
    assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")


def test_only_an_app_writes_check_runs(world: World) -> None:
    sha = world.forge.resolve(NAME, "main")
    with pytest.raises(github.GithubException) as caught:
        world.repo("ann").create_check_run("agent/gate", sha)
    assert (caught.value.status, caught.value.data["message"]) == (403, "You must authenticate via a GitHub App.")
    run = world.job_repo(checks="write").create_check_run("agent/gate", sha, conclusion="success")
    assert (run.app.id, run.app.slug, run.status) == (15368, "github-actions", "completed")
    bot = world.api(world.tokens["robot[bot]"]).get_repo(NAME).create_check_run("agent/gate", sha)
    assert bot.app.slug == "robot"
    with pytest.raises(github.GithubException) as caught:
        world.job_repo(checks="write").get_check_run(bot.id).edit(conclusion="success")
    assert caught.value.status == 403


@pytest.mark.parametrize("way", ["push", "contents", "ref"])
def test_a_job_s_token_brings_no_workflow_file(world: World, way: str) -> None:
    path = ".github/workflows/evil.yml"
    if way == "push":
        clone = world.clone(world.job(contents="write"))
        (clone / path).write_text("on: push\n")
        run_git(clone, "add", "-A")
        run_git(clone, "commit", "--quiet", "-m", "evil")
        error = run_git(clone, "push", "origin", "HEAD:refs/heads/evil", ok=False)
        assert "refusing to allow a GitHub App to create or update workflow" in error
    elif way == "contents":
        with pytest.raises(github.GithubException) as caught:
            world.job_repo(contents="write").create_file(path, "evil", "on: push\n", branch="main")
        assert caught.value.status == 403
    else:
        repo = world.job_repo(contents="write")
        main = repo.get_branch("main").commit.sha
        element = github.InputGitTreeElement(path, "100644", "blob", content="on: push\n")
        tree = repo.create_git_tree([element], repo.get_git_tree(main))
        commit = repo.create_git_commit("evil", tree, [repo.get_git_commit(main)])
        with pytest.raises(github.GithubException) as caught:
            repo.create_git_ref("refs/heads/evil", commit.sha)
        assert caught.value.status == 403
    with pytest.raises(KeyError):
        world.forge.resolve(NAME, "refs/heads/evil")
