"""Connections to a checked address, verified to have ended there."""

import ssl
from ipaddress import ip_address

import httpcore2

from domain.source_url.addresses import Address
from domain.source_url.parser import SourceUrl
from streams.ingestion.fetcher.fetch_limits import FetchLimits
from streams.outbound_http.fetch_failures import FetchFailed


async def connect(
    url: SourceUrl,
    address: Address,
    *,
    tls: ssl.SSLContext,
    limits: FetchLimits,
) -> httpcore2.AsyncNetworkStream:
    """Connect to the address, with TLS for the URL's host if the URL wants it.

    Raises FetchFailed: ``connect_failure`` alike for refused, unreachable and silent,
    ``tls_failure`` for a certificate or protocol that does not fit, ``timeout`` for a handshake
    that does not end.
    """
    stream = await _connect(address, url.port, limits.connect_seconds)
    try:
        _check_peer(stream, address)
        if url.scheme == "https":
            return await _start_tls(stream, url, tls, limits.connect_seconds)
    except BaseException:
        await stream.aclose()
        raise
    return stream


async def _connect(address: Address, port: int, seconds: float) -> httpcore2.AsyncNetworkStream:
    backend = httpcore2.AnyIOBackend()
    try:
        return await backend.connect_tcp(str(address), port, timeout=seconds)
    except (httpcore2.NetworkError, httpcore2.TimeoutException):
        raise unreachable() from None


def _check_peer(stream: httpcore2.AsyncNetworkStream, address: Address) -> None:
    try:
        peer = stream.get_extra_info("server_addr")
    except OSError:  # it hung up already
        raise unreachable() from None
    if ip_address(peer[0]) != address:
        raise FetchFailed("blocked_address", "the host is not on the public internet")


async def _start_tls(
    stream: httpcore2.AsyncNetworkStream,
    url: SourceUrl,
    tls: ssl.SSLContext,
    seconds: float,
) -> httpcore2.AsyncNetworkStream:
    name = str(url.address or url.host)
    try:
        return await stream.start_tls(tls, server_hostname=name, timeout=seconds)
    except httpcore2.TimeoutException:
        raise FetchFailed("timeout", "the source did not answer in time") from None
    except httpcore2.NetworkError as error:
        if isinstance(error.__cause__, ssl.SSLError) and not isinstance(
            error.__cause__, ssl.SSLEOFError
        ):
            raise FetchFailed(
                "tls_failure", "the source's TLS certificate or protocol was refused"
            ) from None
        raise unreachable() from None


def unreachable() -> FetchFailed:
    """Make the failure for an origin that cannot be talked to; it never says why."""
    return FetchFailed("connect_failure", "the source could not be reached")
