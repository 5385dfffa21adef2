"""Providers -> the same behind a server on the loopback, which hands on every question and keeps every answer.

What is kept is a recording of agent/evals/replay.py: paths, statuses and bodies, redacted; no header, no question and
no key. The key passes through with the question that carries it and is stored nowhere.
"""

import asyncio
import json
import re
import select
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import UserError
from agent.evals.replay import Recording, Reply
from agent.evals.report import Answered
from agent.models.providers import CONNECT_SECONDS, MOST_ANSWER_BYTES, Access, Providers
from agent.models.roles import Role
from agent.render.redact import redact

if TYPE_CHECKING:  # the library takes part of a second to import, and most runs keep nothing
    import httpx2

# Longer than any role may wait; who asks gives up before.
MOST_SECONDS = 900.0
MOST_QUESTION_BYTES = 32 * 1024 * 1024
# What an answer's headers may tell the SDK that asked; nothing of them is kept.
TOLD = ("content-type", "retry-after", "retry-after-ms", "x-should-retry")
OWN = frozenset({"host", "connection", "content-length", "accept-encoding"})
# Names that a provider gives its own parts: random, of no use later, and like secrets to the redactor.
IDS = frozenset({"id", "call_id", "item_id", "tool_call_id", "tool_use_id", "response_id", "previous_response_id"})


@dataclass
class Heard:
    """What one attempt was answered. `asked` counts questions, the unanswered ones too; `broken` says what could not be
    kept, `changed` how many texts were redacted.
    """

    asked: int = 0
    answers: list[Reply] = field(default_factory=list)
    broken: str = ""
    changed: int = 0
    ids: dict[str, str] = field(default_factory=dict)


@contextmanager
def listening(providers: Providers) -> Iterator[tuple[Providers, Heard]]:
    """`providers`, each reached through a server on the loopback, and what they answered as long as it runs."""
    import httpx2

    heard, one_at_a_time = Heard(), threading.Lock()
    secrets = providers.secrets()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            _, name, path = (*self.path.split("/", 2), "", "")[:3]
            access = providers.access.get(name)
            if access is None or length > MOST_QUESTION_BYTES:
                self.close_connection = True
                return
            with one_at_a_time:
                heard.asked += 1
            question = self.rfile.read(length)
            headers = {key: value for key, value in self.headers.items() if key.lower() not in OWN}
            try:
                answer, body = asyncio.run(_asked(access.base_url, path, headers, question))
            except (httpx2.HTTPError, TimeoutError) as error:
                heard.broken = f"a connection to {name} broke off ({type(error).__name__})"
                self.close_connection = True
                return
            if _hung_up(self.connection):
                heard.broken = f"an answer of {name} came too late"
                self.close_connection = True
                return
            with one_at_a_time:
                heard.answers.append(_kept(name, path, answer.status_code, body, secrets, heard))
            self.send_response(answer.status_code)
            for key in TOLD:
                if key in answer.headers:
                    self.send_header(key, answer.headers[key])
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"
    behind = {name: Access(base_url=f"{here}/{name}", key=one.key) for name, one in providers.access.items()}
    try:
        yield Providers(access=behind), heard
    finally:
        server.shutdown()
        server.server_close()


def new_folder(path: Path) -> Path:
    """The folder for recordings, made where it is not there. Raises UserError when it holds anything."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise UserError(f"--record: {path} is not empty; name a new folder, so that no two runs are mixed")
    except OSError as error:
        raise UserError(f"--record: {path}: cannot be made: {error.strerror or error}") from error
    return path


def keep(
    folder: Path, answer: Answered, heard: Heard, *, roles: Mapping[str, Role], tell: Callable[[str], None]
) -> None:
    """Write what was heard of one answer as a recording, with the verdict that it got. What cannot be replayed is told.

    Raises UserError when the file cannot be written.
    """
    why = heard.broken or ("no model was asked" if not heard.asked else "")
    if why or heard.asked != len(heard.answers):
        tell(f"{answer.case}: not recorded: {why or 'a question was given up before its answer came'}")
        return
    asked = dict.fromkeys(call.role for call in answer.calls)
    recording = Recording(
        case=answer.case,
        source=f"recorded from {', '.join(dict.fromkeys(call.model for call in answer.calls))}",
        about="As it was judged when it was recorded.",
        ending=answer.ending,
        drafts=answer.drafts,
        fails=tuple(dict.fromkeys(one.check for one in answer.judged if one.passed is False)),
        models={name: roles[name].models for name in asked if name in roles},
        answers=tuple(heard.answers),
    )
    path = folder / f"{answer.case}-{answer.repeat}.json"
    try:
        path.write_text(recording.model_dump_json(indent=1, exclude={"name"}) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--record: {path}: cannot be written: {error.strerror or error}") from error
    if heard.changed:
        tell(f"{path.name}: {heard.changed} texts were redacted, so it may be judged otherwise when it is replayed")


def _hung_up(connection: socket.socket) -> bool:
    """Whether who asked has closed the connection: an answer that nobody hears is none."""
    ready, _, _ = select.select([connection], [], [], 0)
    return bool(ready) and not connection.recv(1, socket.MSG_PEEK)


async def _asked(
    base_url: str, path: str, headers: Mapping[str, str], question: bytes
) -> "tuple[httpx2.Response, bytes]":
    from agent.models.wire import client_of

    async with (
        asyncio.timeout(MOST_SECONDS),
        client_of(base_url, most=MOST_ANSWER_BYTES, connect=CONNECT_SECONDS) as client,
    ):
        answer = await client.post(f"{base_url.rstrip('/')}/{path}", headers=dict(headers), content=question)
        return answer, answer.content


def _kept(name: str, path: str, status: int, body: bytes, secrets: Collection[str], heard: Heard) -> Reply:
    """The answer as a recording has it: below the provider's usual path, its texts redacted, its ids counted."""
    try:
        said = json.loads(body)
    except ValueError:
        said = body.decode("utf-8", "replace")
    where = path.partition("?")[0]
    usual = f"/{where}" if name == "anthropic" else f"/v1/{where}"
    return Reply(path=usual, status=status, body=_without(said, "", secrets, heard))


def _without(value: Any, key: str, secrets: Collection[str], heard: Heard) -> Any:
    if isinstance(value, dict):
        return {one: _without(item, one, secrets, heard) for one, item in value.items()}
    if isinstance(value, list):
        return [_without(item, "", secrets, heard) for item in value]
    if not isinstance(value, str):
        return value
    if key in IDS:
        kind = re.match(r"[a-z]{0,12}", value)
        return heard.ids.setdefault(value, f"{kind[0] if kind else ''}_{len(heard.ids) + 1}")
    clean = redact(value, values=secrets)
    heard.changed += clean != value
    return clean
