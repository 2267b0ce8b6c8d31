"""A metered stream: reads no more bytes than it was granted."""

from httpcore2 import AsyncNetworkStream

from streams.outbound_http.fetch_failures import FetchFailed


class MeteredStream(AsyncNetworkStream):
    """Passes bytes on until its budget is used up, then raises FetchFailed ``too_large``.

    What is spent is counted on the wire, so that headers, chunk framing and trailers cost too.
    """

    def __init__(self, stream: AsyncNetworkStream, budget_bytes: int) -> None:
        self._stream = stream
        self._budget_bytes = budget_bytes

    def grant(self, budget_bytes: int) -> None:
        """Start again with a new budget."""
        self._budget_bytes = budget_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """Read what there is, within the budget."""
        if self._budget_bytes == 0:
            raise FetchFailed("too_large", "the source is too large")
        read = await self._stream.read(min(max_bytes, self._budget_bytes), timeout)
        self._budget_bytes -= len(read)
        return read

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Send; the request is ours and small."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection underneath."""
        await self._stream.aclose()
