"""The second question of a role is sent with the same prefix, byte for byte, so that the provider's cache is used."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from agent.models.call import Models, Reading
from agent.models.data import Block
from tests.models.conftest import MODELS, role_of
from tests.models.server import Format, Seen, serving, text, tool


class Said(BaseModel):
    words: str


class File(BaseModel):
    path: str
    first: int = 1


READ = (
    Reading("read-file", "Reads a file.", File, lambda given: f"text of {given.path}"),
    Reading("list-files", "Lists files.", File, lambda given: "a b"),
)


def prefix(form: Format, seen: Seen) -> bytes:
    """What a provider's cache sees of a request before the conversation: tools and instructions, as they were sent."""
    body = seen.body
    if form == "anthropic":
        parts: list[Any] = [body["tools"], body["system"]]
    else:
        parts = [body["tools"], body.get("instructions") or body["input"][0], body["prompt_cache_key"]]
    for part in parts:
        # Key order and spaces count: each part has to stand in the bytes as it does here.
        assert json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode() in seen.raw
    return b"\n".join(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode() for part in parts)


@pytest.mark.parametrize("form", ["anthropic", "openai"])
def test_the_second_question_of_a_role_has_the_same_prefix(models: Callable[..., Models], form: Format) -> None:
    replies = [tool(form, "read-file", {"path": "x"}), text(form, {"words": "done"})] * 2
    role = role_of(MODELS[form])
    with serving(replies) as server:
        asked = [models({form: server}), models({form: server})]  # two jobs: nothing is shared but the role
        for one, question in zip(asked, ("a bucket", "another bucket"), strict=True):
            answer = one.ask(role, (Block(label="request", text=question),), Said, tools=READ, task="Go.")
            assert answer.calls[0].cache_read_tokens == 80
            assert answer.calls[0].cache_write_tokens == 20
    prefixes = {prefix(form, seen) for seen in server.seen}
    assert len(server.seen) == 4
    assert len(prefixes) == 1
    assert b"Help. What stands between" in prefixes.pop()


def test_anthropic_is_told_where_the_prefix_ends(models: Callable[..., Models]) -> None:
    with serving([text("anthropic", {"words": "done"})]) as server:
        models({"anthropic": server}).ask(role_of(MODELS["anthropic"]), (), Said, tools=READ, task="Go.")
    body = server.seen[0].body
    assert body["tools"][-1]["cache_control"]["type"] == "ephemeral"
    assert body["system"][-1]["cache_control"]["type"] == "ephemeral"


@pytest.mark.parametrize("form", ["anthropic", "openai"])
def test_within_one_question_each_request_begins_with_the_one_before(
    models: Callable[..., Models], form: Format
) -> None:
    calls = [tool(form, "read-file", {"path": one}) for one in ("x", "y")]
    with serving([*calls, text(form, {"words": "done"})]) as server:
        models({form: server}).ask(role_of(MODELS[form]), (), Said, tools=READ, task="Go.")
    key = "messages" if form == "anthropic" else "input"
    said = [[json.dumps(_unmarked(one)) for one in seen.body[key]] for seen in server.seen]
    assert said[2][: len(said[1])] == said[1]
    assert said[1][: len(said[0])] == said[0]


def _unmarked(message: dict[str, Any]) -> dict[str, Any]:
    """Without the marks that say how far the cache reaches: they move on with the conversation."""
    content = message.get("content")
    if isinstance(content, list):
        content = [{key: value for key, value in part.items() if key != "cache_control"} for part in content]
    return {**message, "content": content}
