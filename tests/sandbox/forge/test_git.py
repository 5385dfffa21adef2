"""Real git against the forge, and git's objects over REST."""

import github
import pytest

from tests.sandbox.forge.world import NAME, World, run_git


def test_clone_fetch_push(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    assert (clone / "infra/a.tf").read_text() == "one\ntwo\nthree\n"
    before = world.forge.resolve(NAME, "main")
    sha = world.push_file(clone, "main", "infra/a.tf", "one\n")
    assert world.forge.resolve(NAME, "main") == sha
    assert world.forge.read_file(NAME, "main", "infra/a.tf") == b"one\n"
    event = world.last("push")
    assert (event.ref, event.sha, event.actor) == ("refs/heads/main", sha, "rob")
    assert (event.payload["before"], event.payload["after"]) == (before, sha)
    (commit,) = event.payload["commits"]
    assert (commit["modified"], commit["added"], commit["message"]) == (["infra/a.tf"], [], "change")
    other = world.clone(world.tokens["eve"], "other")
    assert run_git(other, "rev-parse", "HEAD").strip() == sha


def test_a_bearer_header_and_a_big_gzipped_fetch(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    for number in range(40):
        run_git(clone, "tag", f"v{number}")
    world.push_file(clone, "main", "big.bin", "0123456789abcdef\n" * 200_000)
    run_git(clone, "push", "--quiet", "--tags", "origin")
    header = f"http.extraHeader=Authorization: Bearer {world.tokens['ann']}"
    run_git(world.folder, "-c", header, "clone", "--quiet", world.git_url(None), "bearer")
    assert (world.folder / "bearer/big.bin").stat().st_size == 17 * 200_000
    sha = world.forge.resolve(NAME, "main")
    (world.folder / "shallow").mkdir()
    run_git(world.folder / "shallow", "init", "--quiet")
    run_git(world.folder / "shallow", "fetch", "--quiet", "--depth=1", world.git_url(None), sha)
    assert run_git(world.folder / "shallow", "rev-parse", "FETCH_HEAD").strip() == sha


@pytest.mark.parametrize("who", ["reader", "nobody", "weak job", "wrong token"])
def test_a_push_needs_write(world: World, who: str) -> None:
    clone = world.clone(world.tokens["rob"])
    token = {"reader": world.tokens["eve"], "weak job": world.job(contents="read"), "wrong token": "ghp_x"}.get(who)
    run_git(clone, "commit", "--quiet", "--allow-empty", "-m", "x")
    before = world.forge.resolve(NAME, "main")
    run_git(clone, "push", world.git_url(token), "main", ok=False)
    assert world.forge.resolve(NAME, "main") == before
    assert world.events == []


def test_a_job_s_token_pushes_with_contents_write_and_clones_with_read(world: World) -> None:
    clone = world.clone(world.job(contents="write"))
    world.push_file(clone, "agent/1", "infra/b.tf", "b\n")
    assert world.last("push").by_job_token is True
    assert world.last("push").actor == "github-actions[bot]"
    run_git(world.folder, "clone", "--quiet", world.git_url(world.job(contents="read")), "reads")
    header = f"http.extraHeader=Authorization: Bearer {world.job(issues='write')}"
    run_git(world.folder, "-c", header, "clone", "--quiet", world.git_url(None), "blind", ok=False)


def test_a_push_that_is_behind_is_refused(world: World) -> None:
    one, two = world.clone(world.tokens["rob"], "one"), world.clone(world.tokens["ann"], "two")
    world.push_file(one, "main", "a", "1\n")
    (two / "b").write_text("2\n")
    run_git(two, "add", "-A")
    run_git(two, "commit", "--quiet", "-m", "two")
    assert "rejected" in run_git(two, "push", "origin", "main", ok=False)


def test_pull_refs_are_not_pushed_to(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    run_git(clone, "commit", "--quiet", "--allow-empty", "-m", "x")
    run_git(clone, "push", "origin", "HEAD:refs/pull/1/head", ok=False)


def test_refs_by_rest(world: World) -> None:
    repo, main = world.repo("rob"), world.forge.resolve(NAME, "main")
    ref = repo.create_git_ref("refs/heads/b", main)
    for body, message in (("refs/heads/b", "Reference already exists"), ("b", "Reference name must start with")):
        with pytest.raises(github.GithubException) as caught:
            repo.create_git_ref(body, main)
        assert caught.value.status == 422
        assert message in caught.value.data["message"]
    made = repo.create_file("x", "m", "x", branch="b")["commit"].sha
    with pytest.raises(github.GithubException) as caught:
        repo.get_git_ref("heads/main").edit(main[::-1])
    assert caught.value.data["message"] == "Object does not exist"
    repo.get_git_ref("heads/main").edit(made)
    with pytest.raises(github.GithubException) as caught:
        repo.get_git_ref("heads/b").edit(main)
    assert caught.value.data["message"] == "Update is not a fast forward"
    repo.get_git_ref("heads/b").edit(main, force=True)
    assert world.last("push").payload["forced"] is True
    ref.delete()
    assert world.last("push").payload["deleted"] is True
    with pytest.raises(github.UnknownObjectException):
        repo.get_git_ref("heads/b")


def test_contents_by_rest(world: World) -> None:
    repo = world.repo("rob")
    assert repo.get_contents("README.md").decoded_content == b"# infra\n"  # type: ignore[union-attr]  # one file
    assert sorted(item.path for item in repo.get_contents("")) == [".github", "README.md", "infra"]  # type: ignore[union-attr]
    made = repo.create_file("docs/a b.md", "m", "é\n", branch="main")
    assert world.forge.read_file(NAME, "main", "docs/a b.md") == "é\n".encode()
    with pytest.raises(github.GithubException) as caught:
        repo.update_file("docs/a b.md", "m", "x", sha="0" * 40)
    assert caught.value.status == 409
    repo.update_file("docs/a b.md", "m", "x", sha=made["content"].sha)
    for path in ("../x", ".git/config", "a//b"):
        answer = world.raw(
            "PUT", f"/repos/{NAME}/contents/{path.replace('..', '%2E%2E')}", token=world.tokens["rob"],
            json={"message": "m", "content": "eA=="},
        )  # fmt: skip
        assert answer.status_code in (404, 422)


def test_compare(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    world.push_file(clone, "change/one", "infra/b.tf", "b\n")
    run_git(clone, "checkout", "--quiet", "main")
    world.push_file(clone, "main", "c", "c\n")
    found = world.repo("eve").compare("main", "change/one")
    assert (found.status, found.ahead_by, found.behind_by) == ("diverged", 1, 1)
    assert [file.filename for file in found.files] == ["infra/b.tf"]
    with pytest.raises(github.UnknownObjectException):
        world.repo("eve").compare("main", "nowhere")


def test_a_rename_and_a_binary_file(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    run_git(clone, "mv", "infra/a.tf", "infra/z.tf")
    (clone / "x.bin").write_bytes(bytes(range(256)))
    sha = world.push_file(clone, "main", "infra/n.tf", "n\n")
    files = {file.filename: file for file in world.repo("eve").get_commit(sha).files}
    assert (files["infra/z.tf"].status, files["infra/z.tf"].previous_filename) == ("renamed", "infra/a.tf")
    assert files["x.bin"].patch is None
    assert (files["infra/n.tf"].additions, files["infra/n.tf"].patch) == (1, "@@ -0,0 +1 @@\n+n")


@pytest.mark.parametrize("name", ["--help", "main^", "HEAD..main", "refs/heads/../x", "main:README.md", ""])
def test_a_ref_that_is_a_trick_is_no_ref(world: World, name: str) -> None:
    with pytest.raises(KeyError):
        world.forge.resolve(NAME, name)


def test_files_of_a_commit(world: World) -> None:
    assert world.forge.list_files(NAME, "main", "infra/") == ["infra/a.tf"]
    with pytest.raises(KeyError):
        world.forge.read_file(NAME, "main", "infra")


def test_a_job_s_token_reads_another_public_repository_and_never_writes_there(world: World) -> None:
    world.forge.create_repository("acme", "tools", seed={"run.sh": b"echo\n"})
    url = world.git_url(world.job(contents="write")).replace(NAME, "acme/tools")
    run_git(world.folder, "clone", "--quiet", url, "tools")
    before = world.forge.resolve("acme/tools", "main")
    person = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    run_git(world.folder / "tools", *person, "commit", "--quiet", "--allow-empty", "-m", "x")
    run_git(world.folder / "tools", "push", url, "main", ok=False)
    assert world.forge.resolve("acme/tools", "main") == before
