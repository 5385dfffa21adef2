"""Issues, labels, comments, reactions and the search, as PyGithub sees them."""

import github
import pytest

from tests.sandbox.forge.world import NAME, World


def test_an_issue_from_start_to_end(world: World) -> None:
    issue = world.repo("eve").create_issue("A bucket", body="please")
    assert (issue.number, issue.state, issue.user.login) == (1, "open", "eve")
    assert issue.html_url == f"{world.forge.url}/{NAME}/issues/1"
    mine = world.repo("tess").get_issue(1)
    mine.add_to_labels("infra-request", "other")
    assert [label.name for label in mine.get_labels()] == ["infra-request", "other"]
    mine.remove_from_labels("other")
    mine.edit(state="closed", state_reason="not_planned")
    again = world.repo("ann").get_issue(1)
    assert (again.state, again.state_reason) == ("closed", "not_planned")
    assert world.names() == [
        "issues.opened", "issues.labeled", "issues.labeled", "issues.unlabeled", "issues.closed",
    ]  # fmt: skip
    event = world.events[1]
    assert (event.payload["label"]["name"], event.actor, event.ref) == ("infra-request", "tess", "refs/heads/main")
    assert event.sha == world.forge.resolve(NAME, "main")
    assert event.by_job_token is False
    assert [label["name"] for label in event.payload["issue"]["labels"]] == ["infra-request"]


def test_setting_the_same_labels_emits_nothing(world: World) -> None:
    issue = world.repo("ann").create_issue("t", labels=["a", "b"])
    assert world.names() == ["issues.opened", "issues.labeled", "issues.labeled"]
    issue.set_labels("B", "a")
    assert len(world.events) == 3


def test_a_reader_s_labels_are_dropped(world: World) -> None:
    issue = world.repo("eve").create_issue("t", labels=["infra-request"])
    assert issue.labels == []
    with pytest.raises(github.GithubException) as caught:
        issue.add_to_labels("infra-request")
    assert caught.value.status == 403
    assert world.names() == ["issues.opened"]


def test_numbers_are_shared_with_pull_requests(world: World) -> None:
    world.repo("ann").create_issue("one")
    world.push_file(world.clone(world.tokens["rob"]), "change", "x", "y\n")
    pull = world.repo("rob").create_pull(base="main", head="change", title="two", body="")
    assert pull.number == 2
    seen = world.repo("ann").get_issue(2)
    assert seen.pull_request is not None
    assert [issue.number for issue in world.repo("ann").get_issues()] == [2, 1]


def test_comments(world: World) -> None:
    issue = world.repo("eve").create_issue("t")
    comment = issue.create_comment("/agent help")
    comment.edit("edited")
    event = world.last("issue_comment", "edited")
    assert event.payload["changes"] == {"body": {"from": "/agent help"}}
    assert event.payload["comment"]["body"] == "edited"
    assert event.payload["issue"]["number"] == 1
    assert comment.html_url.endswith(f"/issues/1#issuecomment-{comment.id}")
    with pytest.raises(github.GithubException) as caught:
        world.repo("tess").get_issue(1).get_comment(comment.id).edit("not mine")
    assert caught.value.status == 403
    world.repo("rob").get_issue(1).get_comment(comment.id).delete()
    assert list(issue.get_comments()) == []


@pytest.mark.parametrize(("size", "status"), [(65_536, 201), (65_537, 422)])
def test_a_comment_holds_65536_characters(world: World, size: int, status: int) -> None:
    world.repo("ann").create_issue("t")
    path = f"/repos/{NAME}/issues/1/comments"
    answer = world.raw("POST", path, token=world.tokens["ann"], json={"body": "é" * size})
    assert answer.status_code == status
    if status == 422:
        error = answer.json()
        assert error["message"] == "Validation Failed"
        assert error["errors"][0]["field"] == "body"
        assert error["documentation_url"]


def test_reactions_are_one_a_person(world: World) -> None:
    comment = world.repo("ann").create_issue("t").create_comment("c")
    first = comment.create_reaction("eyes")
    assert comment.create_reaction("eyes").id == first.id
    comment.create_reaction("rocket")
    assert [reaction.content for reaction in comment.get_reactions()] == ["eyes", "rocket"]
    comment.delete_reaction(first.id)
    assert [reaction.content for reaction in comment.get_reactions()] == ["rocket"]
    with pytest.raises(github.GithubException) as caught:
        comment.create_reaction("thumbs")
    assert caught.value.status == 422


def test_pages_by_link(world: World) -> None:
    issue = world.repo("ann").create_issue("t")
    for number in range(5):
        issue.create_comment(f"c{number}")
    path = f"/repos/{NAME}/issues/1/comments"
    answer = world.raw("GET", path, params={"per_page": "2", "page": "2"})
    assert [comment["body"] for comment in answer.json()] == ["c2", "c3"]
    pages = {rel: dict(link)["url"].partition("page=")[2] for rel, link in answer.links.items()}
    assert {rel: url.rpartition("page=")[2] for rel, url in pages.items()} == {
        "first": "1", "prev": "1", "next": "3", "last": "3",
    }  # fmt: skip
    api = world.api(world.tokens["ann"])
    api.per_page = 2
    assert len(list(api.get_repo(NAME).get_issue(1).get_comments())) == 5
    assert "Link" not in world.raw("GET", path).headers


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("is:issue", [2, 1]),
        ("is:open label:bug", [1]),
        ('label:"two words"', [2]),
        ("-label:bug", [2]),
        ("author:eve", [1]),
        ("state:closed", [2]),
        ("bucket in:title", [1]),
        ("bucket", [2, 1]),
        ("bucket in:body", [2]),
        ('"a bucket" in:title,body', [1]),
        ("100%", []),
        ("is:pr", []),
    ],
)
def test_search(world: World, query: str, found: list[int]) -> None:
    world.repo("eve").create_issue("A bucket")
    world.repo("ann").get_issue(1).add_to_labels("bug")
    world.repo("ann").create_issue("Other", body="not the bucket", labels=["two words"]).edit(state="closed")
    results = world.api(world.tokens["ann"]).search_issues(f"repo:{NAME} {query}")
    assert [issue.number for issue in results] == found
    assert results.totalCount == len(found)


def test_an_unknown_qualifier_is_an_error(world: World) -> None:
    assert world.raw("GET", "/search/issues", params={"q": "reason:completed"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "title", "missing_field"),
        ({"title": ""}, "title", "missing_field"),
        ({"title": "x" * 257}, "title", "custom"),
    ],
)
def test_refusals_have_github_s_shape(world: World, body: dict[str, str], field: str, code: str) -> None:
    answer = world.raw("POST", f"/repos/{NAME}/issues", token=world.tokens["ann"], json=body)
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["resource"], error["field"], error["code"]) == ("Issue", field, code)
