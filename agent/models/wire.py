"""A model's address -> an HTTP client that reaches that host alone and reads no endless answer."""

from collections.abc import AsyncIterator

import httpx2


class TooLong(httpx2.TransportError):
    """An answer was longer than anything that is asked for."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for part in self._stream:
            read += len(part)
            if read > self._most:
                raise TooLong(f"the answer is longer than {self._most} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _OneHost(httpx2.AsyncBaseTransport):
    def __init__(self, base_url: str, most: int) -> None:
        self._base = httpx2.URL(base_url)
        self._most = most
        self._inner = httpx2.AsyncHTTPTransport(retries=0, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        there = (request.url.scheme, request.url.host, request.url.port)
        if there != (self._base.scheme, self._base.host, self._base.port):
            raise httpx2.ConnectError(f"{request.url.host} is not the model's host {self._base.host}", request=request)
        # A compressed answer could be small on the wire and endless unpacked.
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooLong("the answer is compressed although that was not asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream, self._most)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def client_of(base_url: str, *, most: int, connect: float) -> httpx2.AsyncClient:
    """A client for `base_url` alone. No proxy and no certificate of the environment, no redirects; how long an answer
    may take is bounded by who asks.
    """
    return httpx2.AsyncClient(
        transport=_OneHost(base_url, most),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=connect),
    )
