"""Pull requests against real pushes: heads, files, mergeability, merges and their refusals."""

import github
import pytest

from tests.sandbox.forge.world import NAME, World, run_git


def opened(world: World, branch: str = "change", body: str = "") -> int:
    clone = world.clone(world.tokens["rob"], f"clone-{branch}")
    world.push_file(clone, branch, "infra/b.tf", "four\n")
    return world.repo("rob").create_pull(base="main", head=branch, title="Add b", body=body).number


def test_a_pull_request_shows_what_git_shows(world: World) -> None:
    number = opened(world)
    pull = world.repo("ann").get_pull(number)
    assert (pull.commits, pull.additions, pull.deletions, pull.changed_files) == (1, 1, 0, 1)
    assert pull.mergeable is True
    assert pull.mergeable_state == "clean"
    (file,) = pull.get_files()
    assert (file.filename, file.status, file.patch) == ("infra/b.tf", "added", "@@ -0,0 +1 @@\n+four")
    assert [commit.commit.message for commit in pull.get_commits()] == ["change"]
    event = world.last("pull_request", "opened")
    assert event.ref == f"refs/pull/{number}/merge"
    assert world.forge.resolve(NAME, event.ref) == event.sha == pull.merge_commit_sha


def test_a_push_moves_the_head(world: World) -> None:
    number = opened(world)
    before = world.repo("ann").get_pull(number).head.sha
    after = world.push_file(world.folder / "clone-change", "change", "infra/c.tf", "five\n")
    pull = world.repo("ann").get_pull(number)
    assert pull.head.sha == after != before
    event = world.last("pull_request", "synchronize")
    assert (event.payload["before"], event.payload["after"]) == (before, after)
    assert event.payload["pull_request"]["head"]["sha"] == after
    assert world.forge.resolve(NAME, f"refs/pull/{number}/head") == after


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_merge_methods(world: World, method: str) -> None:
    number = opened(world)
    main = world.forge.resolve(NAME, "main")
    world.push_file(world.folder / "clone-change", "change", "infra/c.tf", "five\n", "second")
    pull = world.repo("ann").get_pull(number)
    done = pull.merge(merge_method=method, sha=pull.head.sha)
    assert done.merged
    commit = world.repo("ann").get_commit(done.sha)
    assert world.forge.resolve(NAME, "main") == done.sha
    assert [parent.sha for parent in commit.parents][: 1 if method != "rebase" else 0] in ([main], [])
    assert len(commit.parents) == (2 if method == "merge" else 1)
    if method != "rebase":
        assert commit.author.login == "ann"
        assert commit.commit.committer.name == "GitHub"
    if method == "squash":
        assert commit.commit.message == f"Add b (#{number})\n\n* change\n\n* second"
    pull = world.repo("ann").get_pull(number)
    assert (pull.state, pull.merged, pull.merged_by.login, pull.merge_commit_sha) == ("closed", True, "ann", done.sha)
    assert pull.is_merged()
    assert {file.filename for file in pull.get_files()} == {"infra/b.tf", "infra/c.tf"}
    event = world.last("pull_request", "closed")
    assert event.payload["pull_request"]["merged"] is True
    assert (event.ref, event.sha) == ("refs/heads/main", done.sha)
    assert world.last("push").ref == "refs/heads/main"
    found = world.repo("ann").get_commit(done.sha).get_pulls()
    assert [one.number for one in found] == [number]


def test_merge_with_a_wrong_head_is_409(world: World) -> None:
    number = opened(world)
    old = world.repo("ann").get_pull(number).head.sha
    world.push_file(world.folder / "clone-change", "change", "infra/c.tf", "five\n")
    with pytest.raises(github.GithubException) as caught:
        world.repo("ann").get_pull(number).merge(sha=old)
    assert caught.value.status == 409
    assert caught.value.data["message"] == "Head branch was modified. Review and try the merge again."
    assert not world.repo("ann").get_pull(number).merged


def test_merge_of_a_conflict_is_405(world: World) -> None:
    clone = world.clone(world.tokens["rob"])
    world.push_file(clone, "change", "infra/a.tf", "mine\n")
    run_git(clone, "checkout", "--quiet", "main")
    number = world.repo("rob").create_pull(base="main", head="change", title="t", body="").number
    assert world.repo("rob").get_pull(number).mergeable is True
    world.push_file(clone, "main", "infra/a.tf", "theirs\n")
    pull = world.repo("ann").get_pull(number)
    assert pull.mergeable is False
    assert pull.mergeable_state == "dirty"
    with pytest.raises(KeyError):
        world.forge.resolve(NAME, f"refs/pull/{number}/merge")
    with pytest.raises(github.GithubException) as caught:
        pull.merge()
    assert (caught.value.status, caught.value.data["message"]) == (405, "Pull Request is not mergeable")


def test_a_second_pull_request_of_a_branch_is_422(world: World) -> None:
    opened(world)
    with pytest.raises(github.GithubException) as caught:
        world.repo("rob").create_pull(base="main", head="change", title="again", body="")
    assert caught.value.status == 422
    assert caught.value.data["errors"][0]["message"] == "A pull request already exists for acme:change."


def test_an_empty_or_absent_branch_is_422(world: World) -> None:
    repo = world.repo("rob")
    repo.create_git_ref("refs/heads/same", world.forge.resolve(NAME, "main"))
    with pytest.raises(github.GithubException) as caught:
        repo.create_pull(base="main", head="same", title="t", body="")
    assert caught.value.data["errors"][0]["message"] == "No commits between main and same"
    with pytest.raises(github.GithubException) as caught:
        repo.create_pull(base="main", head="nowhere", title="t", body="")
    assert caught.value.data["errors"][0] == {"resource": "PullRequest", "field": "head", "code": "invalid"}


def test_nobody_approves_their_own(world: World) -> None:
    number = opened(world)
    with pytest.raises(github.GithubException) as caught:
        world.repo("rob").get_pull(number).create_review(event="APPROVE")
    assert caught.value.status == 422
    assert caught.value.data["errors"] == ["Can not approve your own pull request"]
    assert world.repo("ann").get_pull(number).create_review(event="APPROVE").state == "APPROVED"
    assert [review.state for review in world.repo("ann").get_pull(number).get_reviews()] == ["APPROVED"]
    assert world.last("pull_request_review", "submitted").payload["review"]["state"] == "approved"


def test_inline_comments_stand_on_lines_of_the_diff(world: World) -> None:
    number = opened(world)
    pull = world.repo("ann").get_pull(number)
    pull.create_review(event="COMMENT", body="look", comments=[{"path": "infra/b.tf", "line": 1, "body": "why?"}])
    (comment,) = pull.get_review_comments()
    assert (comment.path, comment.line, comment.body, comment.diff_hunk) == (
        "infra/b.tf",
        1,
        "why?",
        "@@ -0,0 +1 @@\n+four",
    )
    pull.create_review_comment_reply(comment.id, "because")
    assert [one.in_reply_to_id for one in pull.get_review_comments()] == [None, comment.id]
    for path, line, error in (("infra/b.tf", 9, "Line"), ("README.md", 1, "Path")):
        with pytest.raises(github.GithubException) as caught:
            pull.create_review(event="COMMENT", body="x", comments=[{"path": path, "line": line, "body": "b"}])
        assert caught.value.data["errors"] == [f"{error} could not be resolved"]


@pytest.mark.parametrize("where", ["body", "commit"])
def test_closing_keywords_close_on_merge(world: World, where: str) -> None:
    issue = world.repo("eve").create_issue("please").number
    other = world.repo("eve").create_issue("other").number
    clone = world.clone(world.tokens["rob"])
    message = f"Fixes: #{issue}" if where == "commit" else "change"
    world.push_file(clone, "change", "infra/b.tf", "four\n", message)
    body = f"This closes acme/infra#{issue}, and mentions #{other}." if where == "body" else ""
    pull = world.repo("rob").create_pull(base="main", head="change", title="t", body=body)
    assert world.repo("ann").get_issue(issue).state == "open"
    world.repo("ann").get_pull(pull.number).merge()
    closed = world.repo("ann").get_issue(issue)
    assert (closed.state, closed.state_reason) == ("closed", "completed")
    assert closed.closed_by is not None
    assert closed.closed_by.login == "ann"
    assert world.repo("ann").get_issue(other).state == "open"
    assert world.last("issues", "closed").payload["issue"]["number"] == issue


def test_filters_of_the_list(world: World) -> None:
    number = opened(world)
    repo = world.repo("ann")
    assert [pull.number for pull in repo.get_pulls(state="open", head="acme:change", base="main")] == [number]
    assert list(repo.get_pulls(state="open", head="acme:other")) == []
    assert list(repo.get_pulls(state="closed")) == []
    repo.get_pull(number).edit(state="closed")
    assert [pull.number for pull in repo.get_pulls(state="closed")] == [number]
    repo.get_pull(number).edit(state="open", title="New")
    assert repo.get_pull(number).title == "New"
    assert world.names()[-2:] == ["pull_request.edited", "pull_request.reopened"]


def test_deleting_the_branch_closes(world: World) -> None:
    number = opened(world)
    world.repo("rob").get_git_ref("heads/change").delete()
    pull = world.repo("ann").get_pull(number)
    assert (pull.state, pull.merged) == ("closed", False)


def test_a_push_of_the_head_to_the_base_merges(world: World) -> None:
    number = opened(world)
    run_git(world.folder / "clone-change", "push", "--quiet", "origin", "change:main")
    assert world.repo("ann").get_pull(number).merged


def test_only_writers_merge(world: World) -> None:
    number = opened(world)
    for login in ("tess", "eve"):
        with pytest.raises(github.GithubException) as caught:
            world.repo(login).get_pull(number).merge()
        assert caught.value.status == 403
