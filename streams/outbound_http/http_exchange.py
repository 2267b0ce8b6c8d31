"""An HTTP exchange: one request and its response, on a connection of its own."""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import httpcore2

from domain.source_url.addresses import Address
from domain.source_url.parser import SourceUrl
from streams.ingestion.fetcher.fetch_limits import FetchLimits
from streams.outbound_http.metered_stream import MeteredStream
from streams.outbound_http.origin_connection import connect, unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginResponse:
    """What the origin said; the body can be read once, while the exchange is open."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: AsyncGenerator[bytes]

    def values(self, name: str) -> list[str]:
        """Return every value of a header, named in lower case."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str | None:
        """Return the only value of a header; a repeated one counts as missing."""
        values = self.values(name)
        return values[0] if len(values) == 1 else None


@asynccontextmanager
async def exchange(
    url: SourceUrl,
    address: Address,
    headers: Mapping[str, str],
    *,
    tls: ssl.SSLContext,
    limits: FetchLimits,
    posted: bytes | None = None,
) -> AsyncIterator[OriginResponse]:
    """Get the URL from that address, or post to it; the connection is closed whatever happens.

    Raises FetchFailed, also inside the block while the body is read: a broken, incomplete or
    self-contradictory answer is a ``connect_failure``.
    """
    plain = await connect(url, address, tls=tls, limits=limits)
    stream = MeteredStream(plain, limits.max_header_bytes)
    target = httpcore2.URL(
        scheme=url.scheme.encode(),
        host=url.host.encode(),
        port=url.port,
        target=url.target.encode(),
    )
    async with httpcore2.AsyncHTTP11Connection(target.origin, stream) as connection:
        try:
            fields = [("Host", url.authority), *headers.items()]
            method = "GET" if posted is None else "POST"
            request = httpcore2.Request(method, target, headers=fields, content=posted)
            response = await connection.handle_async_request(request)
            # Framing never doubles an honest body, and the body's own size is checked exactly.
            stream.grant(2 * limits.max_body_bytes + limits.max_header_bytes)
            async with aclosing(response.aiter_stream()) as body:
                yield OriginResponse(
                    status=response.status, headers=_text(response.headers), body=body
                )
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError):
            raise unreachable() from None


def _text(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("ascii").lower(), value.decode("latin-1")) for name, value in headers)
