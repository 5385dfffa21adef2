"""A provider on the loopback that answers each kind of question in its turn, and records what it was asked."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from agent.author import analyst, model, strategist
from agent.models.budget import Budget
from agent.models.call import Models
from agent.models.providers import configured
from tests.models.server import Format, Reply, Seen, serving, text

# The sentence of ours behind the data says what is asked.
TASKS = {
    strategist.TASK: "understand",
    strategist.AGAIN: "understand",
    model.OUTLINE: "outline",
    model.DRAFT: "draft",
    model.REPAIR: "draft",
    analyst.TASK: "review",
}
Script = Mapping[str, Sequence[Any]]


def asked(seen: Seen) -> str:
    """What a request asks for: `understand`, `outline`, `draft`, `review`; empty for none of ours."""
    words = json.dumps(seen.body, ensure_ascii=False)
    hits = {words.rfind(json.dumps(task, ensure_ascii=False)[1:-1]): kind for task, kind in TASKS.items()}
    at = max(hits)
    return hits[at] if at >= 0 else ""


def script(form: Format, answers: Script) -> Callable[[Seen], Reply]:
    """Each kind of question is answered by the next of its answers: a Reply as it is, anything else as JSON; the last
    one for ever.
    """
    count = dict.fromkeys(answers, 0)

    def reply(seen: Seen) -> Reply:
        kind = asked(seen)
        said = answers[kind][min(count[kind], len(answers[kind]) - 1)]
        count[kind] += 1
        return said if isinstance(said, Reply) else text(form, said)

    return reply


@contextmanager
def scripted(answers: Script, *, budget: Budget | None = None) -> Iterator[tuple[Models, list[Seen]]]:
    """Models of which Anthropic's are served by the test, and the requests as they came."""
    with serving(script("anthropic", answers)) as server:
        yield Models(configured(server.environ("anthropic")), budget or Budget()), server.seen


def prompt(seen: Seen) -> str:
    """The text that a request puts before the model."""
    return "\n".join(part["text"] for message in seen.body["messages"] for part in _parts(message["content"]))


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"text": content}]
    return [part for part in content if part.get("type") == "text"]
