"""A request in, the failure that was ordered for it out, for tests of what happens when GitHub is ill."""

import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import flask

Cut = Literal["cut", "cut after"]
MESSAGES = {
    403: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    429: "API rate limit exceeded",
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
}


@dataclass
class Fault:
    method: str
    path: re.Pattern[str]
    status: int | Cut
    headers: Mapping[str, str]
    times: int
    after: int


@dataclass
class Faults:
    """Ordered failures, first come first served. `"*"` as a method is any."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def order(
        self, method: str, path: str, status: int | Cut, headers: Mapping[str, str], times: int, after: int
    ) -> None:
        with self.lock:
            self.waiting.append(Fault(method.upper(), re.compile(path), status, headers, times, after))

    def take(self, method: str, path: str) -> Fault | None:
        """The failure for this request, counted down; None when it may go on."""
        with self.lock:
            for fault in self.waiting:
                if fault.method in ("*", method) and fault.path.search(path):
                    if fault.after > 0:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                    return fault
        return None


def answer(fault: Fault) -> flask.Response:
    """The failing answer with a status. A cut connection is made by `cut`."""
    assert isinstance(fault.status, int)
    made = flask.jsonify({"message": MESSAGES.get(fault.status, "Error"), "documentation_url": ""})
    made.status_code = fault.status
    made.headers.extend(dict(fault.headers))
    return made


def cut() -> None:
    """Close the connection of the request under way: the caller gets no answer at all."""
    connection: socket.socket | None = flask.request.environ.get("werkzeug.socket")
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the caller was faster
