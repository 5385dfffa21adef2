"""doctor: which providers are there and take their key, in bounded time, and no key in what is said."""

import time

import pytest

from agent.models.providers import configured
from agent.models.reach import reachable
from tests.models.server import KEY, Format, Reply, fault, serving

LIST = Reply(b'{"data": []}')
FORMS: tuple[Format, ...] = ("anthropic", "openai", "compatible")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("reply", "ok", "said"),
    [
        (LIST, True, "answers and takes the key"),
        (fault("openai", 401, "invalid_api_key"), False, "it does not take the key"),
        (Reply(status=404), None, "whether it takes the key is not known"),
        (Reply(status=302, headers={"location": "http://127.0.0.1:9/"}), None, "answers 302"),
        (Reply(b"", flood=8 * 1024 * 1024), None, "more than a list"),
        (Reply(b"x" * 100, cut=5), False, "cannot be reached"),
        (Reply(hang=10), False, "no answer within 1 s"),
    ],
    ids=["sound", "key", "no list", "redirect", "flood", "cut", "hang"],
)
def test_each_answer_is_said(form: Format, reply: Reply, ok: bool | None, said: str) -> None:
    began = time.monotonic()
    with serving([reply]) as server:
        (reached,) = reachable(configured(server.environ(form)), seconds=1 if reply.hang else 5)
    assert (reached.provider, reached.ok) == (form, ok)
    assert said in reached.detail
    assert KEY not in repr(reached)
    assert len(server.seen) == 1
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/v1/models")
    assert KEY in str(server.seen[0].headers)
    assert time.monotonic() - began < 4


def test_a_host_that_is_not_there_and_none_at_all() -> None:
    environ = {"OLLAMA_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_API_KEY": ""}
    (reached,) = reachable(configured(environ))
    assert (reached.provider, reached.ok) == ("ollama", False)
    assert reachable(configured({})) == ()
