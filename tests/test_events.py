"""Webhook payloads, whole and broken, and issue forms. Shapes follow `@octokit/webhooks-examples`."""

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import UserError
from agent.events import Event, Ignored, IssueComment, IssueLabelled, PullRequestChanged, Push, parse, parse_form

DORA = {"login": "dora", "id": 21031067, "type": "User", "site_admin": False}
MAX = {"login": "max", "id": 7, "type": "User"}
REPOSITORY = {"full_name": "acme/infra", "default_branch": "main", "owner": DORA}
ISSUE = {
    "number": 12,
    "title": "A bucket",
    "body": None,
    "html_url": "https://github.com/acme/infra/issues/12",
    "user": DORA,
    "state": "open",
}
HEAD, BASE = "ec" * 20, "f9" * 20
PULL = {
    "number": 13,
    "title": "t",
    "body": "b",
    "html_url": "https://github.com/acme/infra/pull/13",
    "user": DORA,
    "draft": False,
    "head": {"ref": "x", "sha": HEAD, "repo": {"full_name": "acme/infra"}},
    "base": {"ref": "main", "sha": BASE, "repo": {"full_name": "acme/infra"}},
}
COMMENT = {"id": 99, "body": "/agent plan", "created_at": "2026-11-21T06:00:00Z", "user": MAX}
PAYLOADS: dict[str, dict[str, Any]] = {
    "issues": {
        "action": "labeled",
        "issue": ISSUE,
        "label": {"name": "infra-request"},
        "repository": REPOSITORY,
        "sender": MAX,
    },
    "issue_comment": {"action": "created", "issue": ISSUE, "comment": COMMENT, "repository": REPOSITORY, "sender": MAX},
    "pull_request": {"action": "synchronize", "pull_request": PULL, "repository": REPOSITORY, "sender": MAX},
    "push": {
        "ref": "refs/heads/main",
        "before": BASE,
        "after": HEAD,
        "forced": False,
        "deleted": False,
        "repository": REPOSITORY,
        "sender": MAX,
    },
}


def changed(name: str, path: str, value: Any) -> dict[str, Any]:
    payload = copy.deepcopy(PAYLOADS[name])
    *parents, last = path.split(".")
    at = payload
    for part in parents:
        at = at[part]
    at[last] = value
    return payload


def test_issue_labelled() -> None:
    found = parse("issues", PAYLOADS["issues"])
    assert isinstance(found, IssueLabelled)
    assert (found.number, found.label, found.body) == (12, "infra-request", "")
    assert (found.author.login, found.actor.login, found.actor.id) == ("dora", "max", 7)


def test_issue_comment() -> None:
    found = parse("issue_comment", PAYLOADS["issue_comment"])
    assert isinstance(found, IssueComment)
    assert (found.comment_id, found.body, found.on_pull_request) == (99, "/agent plan", False)
    on_pull = parse("issue_comment", changed("issue_comment", "issue.pull_request", {"url": "x"}))
    assert isinstance(on_pull, IssueComment)
    assert on_pull.on_pull_request


def test_pull_request_and_forks() -> None:
    found = parse("pull_request", PAYLOADS["pull_request"])
    assert isinstance(found, PullRequestChanged)
    assert (found.head_sha, found.base_sha, found.fork) == (HEAD, BASE, False)
    for repository in (None, {"full_name": "eve/infra"}):  # null: the fork was deleted
        fork = parse("pull_request_target", changed("pull_request", "pull_request.head.repo", repository))
        assert isinstance(fork, PullRequestChanged)
        assert fork.fork


def test_push() -> None:
    found = parse("push", PAYLOADS["push"])
    assert isinstance(found, Push)
    assert (found.after, found.default_branch) == (HEAD, "main")


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("issues", changed("issues", "action", "edited"), "action 'edited'"),
        ("issues", changed("issues", "issue.pull_request", {}), "pull request"),
        ("issue_comment", changed("issue_comment", "action", "edited"), "action 'edited'"),
        ("pull_request", changed("pull_request", "action", "locked"), "action 'locked'"),
        ("push", changed("push", "ref", "refs/tags/v1"), "not a branch"),
        ("push", changed("push", "deleted", True), "deleted"),
        ("fork", {}, "event 'fork'"),
    ],
)
def test_not_for_us(name: str, payload: dict[str, Any], reason: str) -> None:
    found = parse(name, payload)
    assert isinstance(found, Ignored)
    assert reason in found.reason


def test_a_deleted_author_is_ghost_but_a_missing_actor_is_an_error() -> None:
    found = parse("issues", changed("issues", "issue.user", None))
    assert isinstance(found, IssueLabelled)
    assert found.author.login == "ghost"
    with pytest.raises(UserError, match=r"sender\.login"):
        parse("issues", changed("issues", "sender", None))


@pytest.mark.parametrize(
    ("name", "path", "value", "named"),
    [
        ("issues", "issue.number", "12", "issue.number must be int, got str"),
        ("issues", "issue.number", True, "issue.number must be int, got bool"),
        ("issues", "label", None, "label.name must be str, got nothing"),
        ("issues", "repository", [], "repository.full_name must be str, got nothing"),
        ("issue_comment", "comment.id", None, "comment.id must be int"),
        ("pull_request", "pull_request.head.sha", "abc", "pull_request.head.sha must be a commit"),
        ("pull_request", "pull_request.base.sha", f"{BASE}\n", "pull_request.base.sha must be a commit"),
        ("push", "after", 5, "after must be str"),
    ],
)
def test_broken_payloads_name_the_field(name: str, path: str, value: Any, named: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(name, changed(name, path, value))
    assert named in str(caught.value)


def answer_to(name: str, payload: Any) -> Event | UserError:
    try:
        return parse(name, payload)
    except UserError as error:
        return error


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PAYLOADS)), JSON)
def test_total_over_anything(name: str, payload: Any) -> None:
    assert isinstance(answer_to(name, payload), Ignored | UserError)


@settings(max_examples=300, deadline=None)
@given(st.data(), JSON)
def test_total_over_one_wrong_field(data: st.DataObject, value: Any) -> None:
    name = data.draw(st.sampled_from(sorted(PAYLOADS)))
    path: list[str] = []
    at: Any = PAYLOADS[name]
    while isinstance(at, dict) and at and (not path or data.draw(st.booleans())):
        path.append(data.draw(st.sampled_from(sorted(at))))
        at = at[path[-1]]
    answer = answer_to(name, changed(name, ".".join(path), value))
    assert not isinstance(answer, UserError) or name in str(answer)


FORM = """### What do you need?

A private bucket for logs.

It should keep old versions.

### Environment

dev

### Golden path

_No response_

### Parameters

```yaml
name: checkout-logs
tags:
  team: checkout
```
"""


def test_a_form() -> None:
    expected = {
        "what": "A private bucket for logs.\n\nIt should keep old versions.",
        "environment": "dev",
        "blueprint": "",
        "parameters": "name: checkout-logs\ntags:\n  team: checkout",
    }
    assert parse_form(FORM) == expected
    assert parse_form(FORM.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize(
    "body", ["", "please add a bucket", "# Environment\n\ndev", "#### Environment\n\nprod", "text ### Environment"]
)
def test_free_text_is_no_form(body: str) -> None:
    assert parse_form(body) == {}


def test_headings_that_are_not_ours_belong_to_the_answer() -> None:
    assert parse_form("### What do you need?\n\nA\n\n### Why\n\nB")["what"] == "A\n\n### Why\n\nB"


def test_an_answer_cannot_speak_for_another_field() -> None:
    forged = FORM.replace("A private bucket", "### Environment\n\nprod\n\nA private bucket")
    with pytest.raises(UserError, match="'### Environment' stands in the request twice"):
        parse_form(forged)
    after = FORM.replace("  team: checkout\n```", "  team: checkout\n```\n\n### Environment\n\nprod")
    with pytest.raises(UserError, match="twice"):
        parse_form(after)


def test_a_heading_inside_a_fence_is_text() -> None:
    body = "### What do you need?\n\n```text\n### Environment\n\nprod\n```\n\n### Environment\n\ndev"
    assert parse_form(body)["environment"] == "dev"
    longer = "### Parameters\n\n````yaml\na: |\n  ```\n### Environment\n````\n"
    assert parse_form(longer) == {"parameters": "a: |\n  ```\n### Environment"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_forms_are_total(body: str) -> None:
    with contextlib.suppress(UserError):
        assert set(parse_form(body)) <= {"what", "environment", "blueprint", "parameters"}
