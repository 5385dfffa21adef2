"""A model's provider on the loopback, in Anthropic's and OpenAI's wire formats: answers in their order, faults too."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast

Format = Literal["anthropic", "openai", "compatible"]
PATHS = {"anthropic": "/v1/messages", "openai": "/v1/responses", "compatible": "/v1/chat/completions"}
USAGE = {"input": 100, "output": 20, "read": 40, "write": 10}


@dataclass(frozen=True)
class Reply:
    """One answer of the server. `cut` closes the connection after so many bytes; `hang` waits (bounded) instead of
    answering; `flood` sends so many bytes of blanks behind the body; `drip` sends one byte each so many seconds.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: float = 0.0
    flood: int = 0
    drip: float = 0.0


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.raw))


@dataclass(frozen=True)
class Server:
    """A running server: its address without a path, and what it was asked. The last reply is given for ever."""

    url: str
    seen: list[Seen]

    def environ(self, form: Format) -> dict[str, str]:
        """The environment that makes this server the provider `form`."""
        if form == "anthropic":
            return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url}
        name = form.upper()
        return {f"{name}_API_KEY": KEY, f"{name}_BASE_URL": f"{self.url}/v1"}


# The test's key: in no prompt, record, log, transcript or exception.
KEY = "c4n4ry-Q7x2Lm9Zt5Vb1Kd8Wf3"


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a flood is what the tests are about."""


@contextmanager
def serving(replies: Sequence[Reply] | Callable[[Seen], Reply]) -> Iterator[Server]:
    """Answer each request with the next of `replies`, or with what `replies` makes of it."""
    seen: list[Seen] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body go out in two writes, and the second must not wait for the first one's acknowledgement.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append(Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, raw))
            reply = replies(seen[-1]) if callable(replies) else replies[min(len(seen), len(replies)) - 1]
            if reply.hang:
                over.wait(reply.hang)
                self.close_connection = True
                return
            # A provider names the model that answered: by it the price is known.
            asked = seen[-1].body.get("model", "m") if raw else "m"
            body = reply.body.replace(b'"model": "m"', f'"model": {json.dumps(asked)}'.encode())
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) + reply.flood))
            self.end_headers()
            if reply.cut is not None:
                self.wfile.write(body[: reply.cut])
                self.wfile.flush()
                # A reset, as a proxy or a provider that dies gives it.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            try:
                for byte in body if reply.drip else b"":
                    if over.wait(reply.drip):
                        break
                    self.wfile.write(bytes([byte]))
                self.wfile.write(body if not reply.drip else b"")
                for _ in range(reply.flood // 65_536):
                    self.wfile.write(b" " * 65_536)
                self.wfile.write(b" " * (reply.flood % 65_536))
            except OSError:
                self.close_connection = True

        do_POST = do_GET = _answer

        def log_message(self, *arguments: Any) -> None:
            pass

    httpd = _Quiet(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield Server(f"http://127.0.0.1:{httpd.server_port}", seen)
    finally:
        over.set()
        httpd.shutdown()
        httpd.server_close()


def text(form: Format, said: Any, *, stop: str = "", usage: Mapping[str, int] = USAGE) -> Reply:
    """A reply that says `said` (JSON of it unless it is a string already); `stop` as the provider names the reason."""
    words = said if isinstance(said, str) else json.dumps(said)
    if form == "anthropic":
        return _anthropic([{"type": "text", "text": words}], stop or "end_turn", usage)
    if form == "openai":
        part = {"type": "output_text", "text": words, "annotations": []}
        return _openai(
            [{"type": "message", "id": "o", "role": "assistant", "status": "completed", "content": [part]}],
            stop, usage,
        )  # fmt: skip
    return _compatible({"content": words}, stop or "stop", usage)


def tool(form: Format, name: str, arguments: Mapping[str, Any], *, usage: Mapping[str, int] = USAGE) -> Reply:
    """A reply that calls the tool `name`."""
    if form == "anthropic":
        block = {"type": "tool_use", "id": "t1", "name": name, "input": dict(arguments)}
        return _anthropic([block], "tool_use", usage)
    given = json.dumps(arguments)
    if form == "openai":
        call: dict[str, Any] = {"type": "function_call", "id": "f", "call_id": "t1", "name": name, "arguments": given}
        return _openai([{**call, "status": "completed"}], "", usage)
    call = {"id": "t1", "type": "function", "function": {"name": name, "arguments": given}}
    return _compatible({"content": None, "tool_calls": [call]}, "tool_calls", usage)


def refusal(form: Format) -> Reply:
    """The model says that it will not."""
    if form == "anthropic":
        return _anthropic([], "refusal", USAGE)
    if form == "openai":
        part = {"type": "refusal", "refusal": "I cannot help with that."}
        message = {"type": "message", "id": "o", "role": "assistant", "status": "completed", "content": [part]}
        return _openai([message], "", USAGE)
    return _compatible({"content": None, "refusal": "I cannot help with that."}, "content_filter", USAGE)


def fault(form: Format, status: int, kind: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error as the provider words it; its message repeats the key, as a careless gateway would."""
    error = {"type": kind, "code": kind, "message": f"{kind} for key {KEY}"}
    body = {"type": "error", "error": error} if form == "anthropic" else {"error": error}
    return Reply(json.dumps(body).encode(), status, headers or {})


def _anthropic(content: list[dict[str, Any]], stop: str, usage: Mapping[str, int]) -> Reply:
    counted = {
        "input_tokens": usage["input"],
        "output_tokens": usage["output"],
        "cache_read_input_tokens": usage["read"],
        "cache_creation_input_tokens": usage["write"],
    }
    whole = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "content": content}
    return Reply(json.dumps({**whole, "stop_reason": stop, "stop_sequence": None, "usage": counted}).encode())


def _openai(output: list[dict[str, Any]], stop: str, usage: Mapping[str, int]) -> Reply:
    # OpenAI counts what came from the cache among the input.
    counted = {
        "input_tokens": usage["input"] + usage["read"] + usage["write"],
        "output_tokens": usage["output"],
        "total_tokens": usage["input"] + usage["read"] + usage["write"] + usage["output"],
        "input_tokens_details": {"cached_tokens": usage["read"], "cache_write_tokens": usage["write"]},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    whole = {
        "id": "r1", "object": "response", "created_at": 1_700_000_000, "model": "m", "output": output,
        "status": "incomplete" if stop else "completed", "incomplete_details": {"reason": stop} if stop else None,
        "parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "usage": counted, "error": None,
    }  # fmt: skip
    return Reply(json.dumps(whole).encode())


def _compatible(message: dict[str, Any], stop: str, usage: Mapping[str, int]) -> Reply:
    read = usage["input"] + usage["read"] + usage["write"]
    whole = {
        "id": "c1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{"index": 0, "finish_reason": stop, "message": {"role": "assistant", **message}}],
        "usage": {
            "prompt_tokens": read, "completion_tokens": usage["output"], "total_tokens": read + usage["output"],
            "prompt_tokens_details": {"cached_tokens": usage["read"]},
        },
    }  # fmt: skip
    return Reply(json.dumps(whole).encode())
