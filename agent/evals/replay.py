"""Recorded HTTP answers of models -> a provider on the loopback that gives them again, one after the other.

What is replayed was said before: it shows that the harness judges as it should, and never how good a model is now.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from agent.domain import Value
from agent.errors import UserError

Format = Literal["anthropic", "openai", "compatible"]
# The SDKs do not repeat a question that is answered with it.
OUT_OF_ANSWERS = 400
MAX_BYTES = 8 * 1024 * 1024


class Reply(Value):
    """One HTTP answer, in the wire format of a provider; `path` is what was asked for, `/v1/messages`."""

    path: str
    status: int = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue


class Recording(Value):
    """Every answer that one case got, and how the case must be judged by them.

    `source` says where they come from, `about` what is right or wrong with them. `ending`, `drafts` and `fails` are the
    verdict: how it has to end, after how many drafts, and the checks that have to be judged wrong (none of them: the
    case has to pass). `models` are those that were asked, by role; a role that is not named asks its own.
    """

    case: str
    source: str
    about: str = ""
    ending: str
    drafts: Annotated[int, Field(ge=0)]
    fails: tuple[str, ...] = ()
    models: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    answers: Annotated[tuple[Reply, ...], Field(min_length=1)]
    name: str = ""


@dataclass
class Told:
    """What one recording's server was asked: how many answers it gave, and what it had none for."""

    given: int = 0
    strayed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Replay:
    """A server of recordings; `told` by the recording's place."""

    url: str
    told: Sequence[Told]

    def environ(self, number: int) -> dict[str, str]:
        """The environment in which the recording of this place is the provider of every model."""
        here = f"{self.url}/{number}"
        return {
            "ANTHROPIC_API_KEY": "recorded",
            "ANTHROPIC_BASE_URL": here,
            "OPENAI_API_KEY": "recorded",
            "OPENAI_BASE_URL": f"{here}/v1",
            "COMPATIBLE_BASE_URL": f"{here}/v1",
            "OLLAMA_BASE_URL": f"{here}/v1",
        }


def load_recordings(folder: Path) -> tuple[Recording, ...]:
    """Every `*.json` of the folder, by name. Raises UserError naming file, field and reason."""
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UserError(f"{folder}: holds no recording (*.json); name another folder with --recorded")
    found = []
    for path in paths:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: must be a plain file of at most {MAX_BYTES} bytes")
        try:
            recording = Recording.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UserError(f"{path}: {place}: {first['msg']}") from error
        except ValueError as error:
            raise UserError(f"{path}: not JSON: {error}") from error
        found.append(recording.model_copy(update={"name": path.stem}))
    return tuple(found)


@contextmanager
def replaying(recordings: Sequence[Recording]) -> Iterator[Replay]:
    """Serve the recordings on the loopback, each below its own path, each answer once and in order."""
    told = [Told() for _ in recordings]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            _, number, path = (*self.path.split("?")[0].split("/", 2), "", "")[:3]
            place = int(number) if number.isdigit() and int(number) < len(recordings) else None
            if place is None:
                self._send(404, {}, {"error": {"type": "not_found", "message": "there is no such recording"}})
                return
            answers, at = recordings[place].answers, told[place].given
            if at >= len(answers) or answers[at].path != f"/{path}":
                wanted = answers[at].path if at < len(answers) else "no further question"
                told[place].strayed.append(f"question {at + 1} was to /{path}, recorded is {wanted}")
                message = {"type": "invalid_request_error", "message": "the recording has no answer to this"}
                self._send(OUT_OF_ANSWERS, {}, {"type": "error", "error": message})
                return
            told[place].given += 1
            self._send(answers[at].status, answers[at].headers, answers[at].body)

        def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield Replay(f"http://127.0.0.1:{server.server_port}", told)
    finally:
        server.shutdown()
        server.server_close()
