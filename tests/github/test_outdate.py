"""Older answers are folded, and nothing depends on it."""

import pytest

from agent.github import read, write
from agent.github.connect import Connection, connect
from tests.github.conftest import NAME, Registered

ANSWER = "<!-- infra-agent:answer to {} -->"


def connection(registered: Registered, **permissions: str) -> Connection:
    token = registered.forge.issue_job_token(NAME, permissions or {"issues": "write"}, run_id=1, job="steer")
    return connect(token=token, api_url=registered.forge.api, repository=NAME, sleep=lambda _: None)


def folded(registered: Registered) -> list[bool]:
    token = registered.environ()["GITHUB_TOKEN"]
    comments = registered.ask("GET", f"/repos/{NAME}/issues/1/comments", token).json()
    return ["minimized" in comment for comment in comments]


def test_all_but_the_newest_of_ours_are_folded_once(registered: Registered) -> None:
    ours = connection(registered)
    ours.repository.create_issue("t")
    person = connect(token=registered.forge.create_user("casey"), api_url=registered.forge.api, repository=NAME)
    person.repository.get_issue(1).create_comment(ANSWER.format(0) + "\na copy of the marker")
    urls = [write.upsert_comment(ours, 1, marker=ANSWER.format(n), body=f"no {n}") for n in (1, 2, 3)]
    write.upsert_comment(ours, 1, marker="<!-- infra-agent:status -->", body="status")
    write.outdate(ours, 1, marker="<!-- infra-agent:answer to ", keep=urls[-1])
    assert folded(registered) == [False, True, True, False, False]
    before = ours.usage.calls
    write.outdate(ours, 1, marker="<!-- infra-agent:answer to ", keep=urls[-1])
    assert ours.usage.calls - before == 1, "what is folded is not folded again"
    assert len(read.comments(ours, 1)) == 5


@pytest.mark.parametrize("fault", [404, 500, "cut", "forbidden"])
def test_a_github_that_does_not_fold_changes_nothing(registered: Registered, fault: int | str) -> None:
    ours = connection(registered)
    ours.repository.create_issue("t")
    write.upsert_comment(ours, 1, marker=ANSWER.format(1), body="no")
    if fault == "forbidden":
        ours = connection(registered, issues="read")
    else:
        registered.forge.fail_next("POST", r"/graphql$", fault, times=9)  # type: ignore[arg-type]
    write.outdate(ours, 1, marker="<!-- infra-agent:answer to ", keep="")
    assert folded(registered) == [False]


def test_any_other_query_is_an_error(registered: Registered) -> None:
    def ask(query: str, **given: object) -> dict[str, object]:
        address = registered.forge.api.removesuffix("/api/v3") + "/api/graphql"
        token = registered.forge.issue_job_token(NAME, {"issues": "write"}, run_id=1, job="x")
        requester = connect(token=token, api_url=registered.forge.api, repository=NAME).repository.requester
        body = {"query": query, "variables": {"input": given}}
        _, answer = requester.requestJsonAndCheck("POST", address, input=body)
        assert isinstance(answer, dict)
        return answer

    mutation = "mutation M($input: MinimizeCommentInput!) { minimizeComment(input: $input) { %s } }"
    good = mutation % "minimizedComment { isMinimized }"
    for query in ("{ viewer { login } }", mutation % "clientMutationId", good + " #"):
        assert "errors" in ask(query, subjectId="x", classifier="OUTDATED")
    assert "errors" in ask(good, subjectId="x", classifier="OUTDATED")
    assert "errors" in ask(good, subjectId="x", classifier="BORING")
