"""A forge in, a threaded HTTP server on loopback out."""

import threading
from dataclasses import dataclass

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from agent.sandbox.forge.forge import Forge

HOST = "127.0.0.1"


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: requests are in the forge's own log."""


@dataclass(frozen=True)
class Server:
    """A running server. `url` has no slash at its end."""

    url: str
    _server: BaseWSGIServer
    _thread: threading.Thread

    def stop(self) -> None:
        """Take no more requests and wait for the accepting thread."""
        self._server.shutdown()
        self._thread.join(timeout=10)
        self._server.server_close()


def serve(forge: Forge, *, port: int = 0) -> Server:
    """Serve on 127.0.0.1; port 0 takes a free one. Sets `forge.url`. Raises OSError when the port is taken."""
    server = make_server(HOST, port, forge.app, threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
    forge.url = f"http://{HOST}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="forge", daemon=True)
    thread.start()
    return Server(forge.url, server, thread)
