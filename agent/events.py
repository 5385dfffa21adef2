"""A GitHub event (its name and its JSON) -> Event; the body of an issue form -> its answers. Pure.

Field names follow GitHub's webhook payloads (docs.github.com, "Webhook events and payloads").
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from agent.domain import Sha1, Value
from agent.errors import UserError

T = TypeVar("T", str, int, bool)
SHA1 = re.compile(r"[0-9a-f]{40}")

FORM_LABELS = {
    "What do you need?": "what",
    "Environment": "environment",
    "Golden path": "blueprint",
    "Parameters": "parameters",
}
NO_RESPONSE = "_No response_"
HEADING = re.compile(r"###[ \t]+(?P<label>.*?)[ \t]*")
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)")


class Actor(Value):
    """Who caused an event. `kind` is GitHub's `User`, `Bot` or `Organization`: a login alone proves nothing."""

    login: str
    id: int
    kind: str


class IssueLabelled(Value):
    """A label was put on an issue; `at` is when, as GitHub writes times, or empty."""

    repository: str
    number: int
    label: str
    title: str
    body: str
    url: str
    at: str
    author: Actor
    actor: Actor


class IssueComment(Value):
    """A new comment on an issue or pull request; edits are `Ignored`."""

    repository: str
    number: int
    title: str
    issue_body: str
    url: str
    on_pull_request: bool
    state: str
    comment_id: int
    body: str
    created_at: str
    author: Actor
    actor: Actor


class PullRequestChanged(Value):
    """A pull request was opened, reopened, pushed to, marked ready or closed. `fork` is true too when it is gone."""

    repository: str
    action: str
    number: int
    title: str
    body: str
    url: str
    branch: str
    head_sha: Sha1
    base_branch: str
    base_sha: Sha1
    fork: bool
    draft: bool
    author: Actor
    actor: Actor


class Push(Value):
    """A branch moved. `before` is forty zeros for a new branch."""

    repository: str
    ref: str
    before: Sha1
    after: Sha1
    default_branch: str
    forced: bool
    actor: Actor


class Dispatch(Value):
    """A workflow was started by hand or by `/agent retry`, for one merged pull request."""

    repository: str
    ref: str
    default_branch: str
    pull_request: int
    actor: Actor


class Ignored(Value):
    """An event that is not for us, and why."""

    reason: str


Event: TypeAlias = IssueLabelled | IssueComment | PullRequestChanged | Push | Dispatch | Ignored
PULL_REQUEST_ACTIONS = ("opened", "reopened", "synchronize", "ready_for_review", "edited", "closed")


def parse(name: str, payload: Any) -> Event:
    """The event `name` (as in `GITHUB_EVENT_NAME`) with its JSON. Raises UserError naming a field that is missing or
    of the wrong type.
    """
    readers = {"issues": _issues, "issue_comment": _comment, "push": _push, "workflow_dispatch": _dispatch}
    readers |= dict.fromkeys(("pull_request", "pull_request_target"), _pull_request)
    if name not in readers:
        return Ignored(reason=f"event {name!r:.60}")
    return readers[name](_Payload(name, payload))


def parse_form(body: str) -> dict[str, str]:
    """The answers of our issue form by field id (`what`, `environment`, `blueprint`, `parameters`); {} for free text.

    GitHub renders a form as `### Label`, an empty line, the answer. Only our own labels outside of fences count.
    Raises UserError when one stands there twice: an answer that holds a heading of the form would else speak for
    another field.
    """
    answers: dict[str, list[str]] = {}
    current: list[str] | None = None
    fence = ""
    for line in body.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        opening = FENCE.fullmatch(line)
        if fence:
            closes = opening is not None and not opening["info"].strip() and opening["fence"].startswith(fence)
            fence = "" if closes else fence
        elif opening is not None:
            fence = opening["fence"]
        elif (heading := HEADING.fullmatch(line)) is not None and heading["label"] in FORM_LABELS:
            field = FORM_LABELS[heading["label"]]
            if field in answers:
                raise UserError(
                    f"the heading '### {heading['label']}' stands in the request twice, so it is not clear which "
                    "answer counts; take one out and label the issue again"
                )
            current = answers.setdefault(field, [])
            continue
        if current is not None:
            current.append(line)
    return {field: _answer("\n".join(lines)) for field, lines in answers.items()}


def _answer(text: str) -> str:
    text = text.strip()
    if text == NO_RESPONSE:
        return ""
    first, *middle = text.split("\n")
    opening = FENCE.fullmatch(first)
    if opening is not None and middle and re.fullmatch(rf"{re.escape(opening['fence'])}[`~]*\s*", middle[-1].strip()):
        return "\n".join(middle[:-1]).strip("\n")
    return text


class _Payload:
    """Reads fields of a payload by dotted path and says which one is wrong."""

    def __init__(self, event: str, data: Any) -> None:
        self.event = event
        self.data = data

    def get(self, path: str, kind: type[T], *, default: T | None = None) -> T:
        value = self.raw(path)
        if value is None and default is not None:
            return default
        # bool is an int to Python, not to GitHub
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            got = "nothing" if value is None else type(value).__name__
            raise UserError(f"event {self.event}: {path} must be {kind.__name__}, got {got}; is this GitHub's payload?")
        return value

    def raw(self, path: str) -> Any:
        value = self.data
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def sha(self, path: str) -> str:
        value = self.get(path, str)
        if not SHA1.fullmatch(value):
            raise UserError(f"event {self.event}: {path} must be a commit of 40 hex digits, got {value[:60]!r}")
        return value

    def actor(self, path: str) -> Actor:
        # A deleted account is null; GitHub shows it as "ghost".
        if self.raw(path) is None and path != "sender":
            return Actor(login="ghost", id=10137, kind="User")
        return Actor(
            login=self.get(f"{path}.login", str), id=self.get(f"{path}.id", int), kind=self.get(f"{path}.type", str)
        )


def _issues(payload: _Payload) -> Event:
    action = payload.get("action", str)
    if action != "labeled":
        return Ignored(reason=f"issues event with action {action!r:.60}")
    if payload.raw("issue.pull_request") is not None:
        return Ignored(reason="a label on a pull request")
    return IssueLabelled(
        repository=payload.get("repository.full_name", str),
        number=payload.get("issue.number", int),
        label=payload.get("label.name", str),
        title=payload.get("issue.title", str),
        body=payload.get("issue.body", str, default=""),
        url=payload.get("issue.html_url", str),
        at=payload.get("issue.updated_at", str, default=""),
        author=payload.actor("issue.user"),
        actor=payload.actor("sender"),
    )


def _comment(payload: _Payload) -> Event:
    action = payload.get("action", str)
    if action != "created":
        return Ignored(reason=f"issue_comment event with action {action!r:.60}")
    return IssueComment(
        repository=payload.get("repository.full_name", str),
        number=payload.get("issue.number", int),
        title=payload.get("issue.title", str),
        issue_body=payload.get("issue.body", str, default=""),
        url=payload.get("issue.html_url", str),
        on_pull_request=payload.raw("issue.pull_request") is not None,
        state=payload.get("issue.state", str, default="open"),
        comment_id=payload.get("comment.id", int),
        body=payload.get("comment.body", str, default=""),
        created_at=payload.get("comment.created_at", str),
        author=payload.actor("comment.user"),
        actor=payload.actor("sender"),
    )


def _pull_request(payload: _Payload) -> Event:
    action = payload.get("action", str)
    if action not in PULL_REQUEST_ACTIONS:
        return Ignored(reason=f"pull_request event with action {action!r:.60}")
    repository = payload.get("repository.full_name", str)
    return PullRequestChanged(
        repository=repository,
        action=action,
        number=payload.get("pull_request.number", int),
        title=payload.get("pull_request.title", str),
        body=payload.get("pull_request.body", str, default=""),
        url=payload.get("pull_request.html_url", str),
        branch=payload.get("pull_request.head.ref", str),
        head_sha=payload.sha("pull_request.head.sha"),
        base_branch=payload.get("pull_request.base.ref", str),
        base_sha=payload.sha("pull_request.base.sha"),
        fork=payload.raw("pull_request.head.repo.full_name") != repository,
        draft=payload.get("pull_request.draft", bool, default=False),
        author=payload.actor("pull_request.user"),
        actor=payload.actor("sender"),
    )


def _push(payload: _Payload) -> Event:
    if payload.get("deleted", bool, default=False):
        return Ignored(reason="a branch or tag was deleted")
    ref = payload.get("ref", str)
    if not ref.startswith("refs/heads/"):
        return Ignored(reason=f"push to {ref!r:.60}, which is not a branch")
    return Push(
        repository=payload.get("repository.full_name", str),
        ref=ref,
        before=payload.sha("before"),
        after=payload.sha("after"),
        default_branch=payload.get("repository.default_branch", str),
        forced=payload.get("forced", bool, default=False),
        actor=payload.actor("sender"),
    )


def _dispatch(payload: _Payload) -> Event:
    number = payload.get("inputs.pull_request", str)
    if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
        raise UserError(
            f"event workflow_dispatch: inputs.pull_request must be a pull request's number, got {number[:60]!r}"
        )
    return Dispatch(
        repository=payload.get("repository.full_name", str),
        ref=payload.get("ref", str),
        default_branch=payload.get("repository.default_branch", str),
        pull_request=int(number),
        actor=payload.actor("sender"),
    )
