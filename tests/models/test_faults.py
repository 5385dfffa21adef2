"""Every way in which a model fails over HTTP: the right outcome, within its bounds, counted, and no key in any text."""

import gzip
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import BaseModel

from agent.models import wire
from agent.models.call import Answer, Models, Reading
from agent.models.data import Block
from tests.models.conftest import MODELS, role_of
from tests.models.server import KEY, Format, Reply, Server, fault, refusal, serving, text, tool

FORMS: tuple[Format, ...] = ("anthropic", "openai", "compatible")
BOTH: tuple[Format, ...] = ("anthropic", "openai")
Make = Callable[..., Models]


class Said(BaseModel):
    words: str


class File(BaseModel):
    path: str


READ = Reading("read-file", "Reads a file.", File, lambda given: f"text of {given.path}")
QUESTION = (Block(label="request", text="a bucket", form="prose"),)


@pytest.fixture(autouse=True)
def no_key_in_any_text(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield
    # The SDKs log their own requests at this level, and hide the key's header.
    assert KEY not in caplog.text.replace(f"for key {KEY}", "")


def ask(
    make: Make, form: Format, replies: Sequence[Reply] | Callable[..., Reply], **limits: object
) -> tuple[Answer[Said], Server, float]:
    heard: list[str] = []
    with serving(replies) as server:
        asked = make({form: server}, tell=heard.append, transcript=lambda role, said: heard.append(said))
        began = time.monotonic()
        answer = asked.ask(role_of(MODELS[form], **limits), QUESTION, Said, tools=(READ,))
    took = time.monotonic() - began
    assert KEY not in f"{answer!r} {asked!r} {heard} {answer.calls[0].model_dump_json()}"
    assert len(heard) == 3, "each call says what it may take, its transcript, and what it took"
    assert asked.calls == list(answer.calls)
    assert (answer.value is not None) == (answer.outcome == "ok")
    assert (answer.reason == "") == (answer.outcome == "ok")
    return answer, server, took


@pytest.mark.parametrize("form", FORMS)
def test_a_tool_is_used_and_the_answer_is_of_its_type(models: Make, form: Format) -> None:
    replies = [tool(form, "read-file", {"path": "x.tf"}), text(form, {"words": "done"})]
    answer, server, _ = ask(models, form, replies)
    assert answer.value == Said(words="done")
    assert "text of x.tf" in server.seen[1].raw.decode()
    assert "<data-" in server.seen[1].raw.decode()
    (call,) = answer.calls
    assert (call.requests, call.output_tokens, call.cache_read_tokens) == (2, 40, 80)
    assert call.input_tokens == 300
    assert call.prompt == "0123456789ab"
    assert (call.usd is None) == (form == "compatible"), "a price that is not known is not 0"
    assert call.usd is None or call.usd > 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")])
def test_an_overload_that_ends_is_waited_for(models: Make, form: Format, status: int, kind: str) -> None:
    replies = [fault(form, status, kind, {"retry-after": "0.1"}), text(form, {"words": "done"})]
    answer, server, took = ask(models, form, replies)
    assert answer.outcome == "ok"
    assert len(server.seen) == 2
    assert 0.1 <= took < 10


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize(
    ("status", "kind", "outcome"),
    [
        (429, "rate_limit_error", "overloaded"),
        (529, "overloaded_error", "overloaded"),
        (500, "api_error", "unavailable"),
    ],
)
def test_an_overload_that_lasts_ends_after_three_requests(
    models: Make, form: Format, status: int, kind: str, outcome: str
) -> None:
    answer, server, took = ask(models, form, [fault(form, status, kind, {"retry-after-ms": "20"})])
    assert answer.outcome == outcome
    assert len(server.seen) == 3
    assert took < 10


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("wait", ["3600", "inf", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_provider_that_asks_for_an_hour_is_not_waited_for(models: Make, form: Format, wait: str) -> None:
    answer, server, took = ask(models, form, [fault(form, 429, "rate_limit_error", {"retry-after": wait})])
    assert answer.outcome == "overloaded"
    assert len(server.seen) == 1
    assert took < 10


def test_what_does_not_come_ends_with_the_roles_time(models: Make) -> None:
    """Nothing at all, a byte now and then (each within any time for a read), a wait that is asked for: all at once."""

    def late(form: Format) -> Mapping[str, list[Reply]]:
        return {
            "hang": [tool(form, "read-file", {"path": "x"}), Reply(hang=20)],
            "drip": [Reply(text(form, {"words": "done"}).body, drip=0.2)],
            "wait": [fault(form, 429, "rate_limit_error", {"retry-after": "15"})],
        }

    with ThreadPoolExecutor(max_workers=6) as pool:
        asked = {
            (form, kind): pool.submit(ask, models, form, replies, seconds=4)
            for form in BOTH
            for kind, replies in late(form).items()
        }
    assert len(asked) == 6
    for (form, kind), answered in asked.items():
        answer, server, took = answered.result()
        assert (answer.outcome, len(server.seen)) == ("timeout", 2 if kind == "hang" else 1), (form, kind)
        assert 3.9 <= took < 14, (form, kind)
        assert answer.calls[0].input_tokens == (150 if kind == "hang" else 0), "what was used before the hang is kept"


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("cut", [0, 40])
def test_a_connection_that_breaks_once_is_asked_again(models: Make, form: Format, cut: int) -> None:
    whole = text(form, {"words": "done"})
    answer, server, _ = ask(models, form, [Reply(whole.body, cut=cut), whole])
    assert answer.outcome == "ok"
    assert len(server.seen) == 2


@pytest.mark.parametrize("form", BOTH)
def test_a_connection_that_always_breaks_is_unavailable(models: Make, form: Format) -> None:
    replies = [tool(form, "read-file", {"path": "x"}), Reply(text(form, {"words": "done"}).body, cut=30)]
    answer, server, took = ask(models, form, replies)
    assert answer.outcome == "unavailable"
    assert len(server.seen) == 4
    assert took < 15
    assert answer.calls[0].input_tokens == 150


@pytest.mark.parametrize(
    ("form", "stop"), [("anthropic", "max_tokens"), ("openai", "max_output_tokens"), ("compatible", "length")]
)
def test_an_answer_that_is_cut_by_its_limit_keeps_its_usage(models: Make, form: Format, stop: str) -> None:
    answer, server, _ = ask(models, form, [text(form, '{"words": "hal', stop=stop)])
    assert answer.outcome == "cut"
    assert answer.calls[0].output_tokens == 20 * len(server.seen)
    assert len(server.seen) <= 3


@pytest.mark.parametrize("form", FORMS)
def test_a_refusal_is_not_taken_to_another_model(models: Make, form: Format) -> None:
    other: Format = "openai" if form == "anthropic" else "anthropic"
    with serving([refusal(form)]) as first, serving([text(other, {"words": "obeyed"})]) as second:
        asked = models({form: first, other: second})
        answer = asked.ask(role_of(MODELS[form], MODELS[other]), QUESTION, Said)
    assert answer.outcome == "refused"
    assert not second.seen
    assert answer.calls[0].output_tokens == 20


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("said", ["I would rather talk.", "", '{"words": 5}', '{"other": "x"}', "[NaN, NaN]"])
def test_what_is_not_of_the_type_is_asked_for_again_and_then_malformed(models: Make, form: Format, said: str) -> None:
    answer, server, _ = ask(models, form, [text(form, said)])
    assert answer.outcome == "malformed"
    assert len(server.seen) == 3
    assert answer.calls[0].output_tokens == 60


@pytest.mark.parametrize("form", BOTH)
def test_one_wrong_answer_is_mended(models: Make, form: Format) -> None:
    answer, _, _ = ask(models, form, [text(form, "hm"), text(form, {"words": "done"})])
    assert answer.value == Said(words="done")
    assert answer.calls[0].requests == 2


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"{}", b'{"content": 5}', b"\xff\xfe", b"", b"null"])
def test_an_answer_that_is_no_providers_is_malformed(models: Make, form: Format, body: bytes) -> None:
    answer, server, took = ask(models, form, [Reply(body)])
    assert answer.outcome == "malformed"
    assert len(server.seen) <= 3
    assert took < 15


@pytest.mark.parametrize("form", FORMS)
def test_a_loop_of_tools_ends(models: Make, form: Format) -> None:
    answer, server, _ = ask(models, form, [tool(form, "read-file", {"path": "x"})])
    assert answer.outcome == "loop"
    assert len(server.seen) == 4
    assert answer.calls[0].input_tokens == 600


@pytest.mark.parametrize("form", BOTH)
def test_a_tool_that_is_not_there_or_is_called_wrongly_ends(models: Make, form: Format) -> None:
    for replies in ([tool(form, "shell", {"command": "env"})], [tool(form, "read-file", {"file": 5})]):
        answer, server, _ = ask(models, form, replies)
        assert answer.outcome in {"malformed", "loop"}
        assert len(server.seen) <= 4


@pytest.mark.parametrize("form", BOTH)
def test_an_answer_of_10_MB_is_not_read(models: Make, form: Format) -> None:
    answer, server, took = ask(models, form, [Reply(text(form, {"words": "x"}).body, flood=10 * 1024 * 1024)])
    assert answer.outcome == "malformed"
    assert len(server.seen) == 1, "it is not asked for again"
    assert took < 15


def test_a_compressed_answer_is_not_unpacked(models: Make) -> None:
    bomb = gzip.compress(b" " * 50_000_000, compresslevel=1)
    answer, server, _ = ask(models, "anthropic", [Reply(bomb, headers={"content-encoding": "gzip"})])
    assert server.seen[0].headers["accept-encoding"] == "identity"
    assert answer.outcome == "malformed"


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("status", [302, 307])
def test_R08_a_redirect_takes_the_question_nowhere(models: Make, form: Format, status: int) -> None:
    with serving([text(form, {"words": "stolen"})]) as other:
        answer, _, _ = ask(models, form, [Reply(status=status, headers={"location": f"{other.url}/v1/messages"})])
        assert answer.outcome == "unavailable"
        assert not other.seen


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, "authentication_error", "accept the key"),
        (404, "not_found_error", "no such model"),
        (400, "invalid_request_error", "400"),
    ],
)
def test_a_wrong_key_or_model_is_said_and_not_tried_again(
    models: Make, form: Format, status: int, kind: str, said: str
) -> None:
    answer, server, _ = ask(models, form, [fault(form, status, kind)])
    assert (answer.outcome, len(server.seen)) == ("unavailable", 1)
    assert said in answer.reason


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize(
    "dead",
    [
        fault("anthropic", 529, "overloaded_error", {"retry-after": "600"}),
        fault("openai", 401, "invalid_api_key"),
        fault("openai", 400, "context_length_exceeded"),
        Reply(b"<html>"),
    ],
    ids=["overloaded", "wrong key", "too long a question", "no provider"],
)
def test_a_dead_primary_has_a_live_second(models: Make, form: Format, dead: Reply) -> None:
    other: Format = "openai" if form == "anthropic" else "anthropic"
    with serving([dead]) as first, serving([text(other, {"words": "done"})]) as second:
        asked = models({form: first, other: second})
        answer = asked.ask(role_of(MODELS[form], MODELS[other]), QUESTION, Said)
    assert answer.value == Said(words="done")
    assert [call.model for call in answer.calls] == [MODELS[form], MODELS[other]]
    assert answer.calls[0].outcome != "ok"


def test_a_host_that_is_not_there_is_passed_by(models: Make) -> None:
    with serving([text("openai", {"words": "done"})]) as second:
        gone = Server("http://127.0.0.1:9", [])
        asked = models({"anthropic": gone, "openai": second})
        answer = asked.ask(role_of(MODELS["anthropic"], MODELS["openai"]), QUESTION, Said)
    assert answer.value == Said(words="done")
    assert answer.calls[0].outcome == "unavailable"


def test_R04_the_client_reaches_no_host_but_the_models() -> None:
    import asyncio

    import httpx2

    async def reach(url: str) -> None:
        async with wire.client_of("http://127.0.0.1:9", most=10, connect=1.0) as client:
            await client.get(url)

    for url in ("http://127.0.0.1:10/", "https://127.0.0.1:9/", "http://localhost:9/", "http://example.com/"):
        with pytest.raises(httpx2.ConnectError, match="is not the model's host"):
            asyncio.run(reach(url))


def test_an_unlimited_wait_to_connect_is_cut_short() -> None:
    """A host that drops packets gives no answer at all; what the SDKs put in place of the connect time is put right."""
    import asyncio

    import httpx2

    seen: list[dict[str, float]] = []

    async def reach() -> None:
        async with wire.client_of("http://127.0.0.1:9", most=10, connect=1.0) as client:
            request = client.build_request("GET", "http://127.0.0.1:9/", timeout=600.0)
            with pytest.raises(httpx2.ConnectError):
                await client.send(request)
            seen.append(request.extensions["timeout"])

    asyncio.run(reach())
    assert (seen[0]["connect"], seen[0]["read"]) == (1.0, 600.0)
