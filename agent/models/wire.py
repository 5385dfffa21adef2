"""A model's address -> an HTTP client that reaches that host alone, waits no longer than it must, reads no endless
answer.
"""

import math
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpx2

# A provider that asks for more patience than this is left for the next model: both SDKs would sleep as long as told.
MOST_WAIT_SECONDS = 20.0


class TooLong(httpx2.TransportError):
    """An answer was longer than anything that is asked for, or could be when it is unpacked."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int, refuse: Callable[[str], TooLong]) -> None:
        self._stream = stream
        self._most = most
        self._refuse = refuse

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > self._most:
                raise self._refuse(f"the answer is longer than {self._most} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _OneHost(httpx2.AsyncBaseTransport):
    def __init__(self, base_url: str, most: int, connect: float) -> None:
        self._base = httpx2.URL(base_url)
        self._most = most
        self._connect = connect
        self._inner = httpx2.AsyncHTTPTransport(retries=0, trust_env=False, verify=_trust())
        self._flooded = ""

    def _refuse(self, why: str) -> TooLong:
        self._flooded = why
        return TooLong(why)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        there = (request.url.scheme, request.url.host, request.url.port)
        if there != (self._base.scheme, self._base.host, self._base.port):
            raise httpx2.ConnectError(f"{request.url.host} is not the model's host {self._base.host}", request=request)
        # The SDKs would ask for the same flood again.
        if self._flooded:
            raise TooLong(self._flooded)
        # A compressed answer could be small on the wire and endless unpacked.
        request.headers["accept-encoding"] = "identity"
        # The SDKs put the time for an answer in place of every other one: a dead host would take all of it.
        limits = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {**limits, "connect": min(limits.get("connect") or math.inf, self._connect)}
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise self._refuse("the answer is compressed although that was not asked for")
        if not response.is_success and asked_wait(response.headers) > MOST_WAIT_SECONDS:
            response.headers["x-should-retry"] = "false"  # both SDKs obey it
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._most, self._refuse)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that come with the client. Reading them is half of the work of a short call."""
    return httpx2.create_ssl_context(trust_env=False)


def asked_wait(headers: httpx2.Headers) -> float:
    """How many seconds an answer asks to wait before the next request; 0 when it does not say, or unreadably."""
    with suppress(KeyError, ValueError):
        return float(headers["retry-after-ms"]) / 1000
    with suppress(KeyError, ValueError):
        return float(headers["retry-after"])
    with suppress(KeyError, ValueError):
        until = parsedate_to_datetime(headers["retry-after"])
        return (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return 0.0


def client_of(base_url: str, *, most: int, connect: float) -> httpx2.AsyncClient:
    """A client for `base_url` alone. No proxy and no certificate of the environment, no redirects; how long an answer
    may take is bounded by who asks, how long a connection may take by `connect` (seconds).
    """
    return httpx2.AsyncClient(
        transport=_OneHost(base_url, most, connect),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=connect),
    )
