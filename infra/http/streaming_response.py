"""Streaming responses: sent as fast as they are read, ended when the client is gone."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_WRITE_TIMEOUT_SECONDS = 60.0


class TimeoutStream(StreamingResponse):
    """Sends pieces as they come, and ends when the client is gone.

    One who takes nothing for ``write_timeout_seconds`` is gone: the connection breaks. Whatever is
    ``held`` for the answer is let go at the end, however it ends.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes],
        held: AsyncExitStack,
        write_timeout_seconds: float = _WRITE_TIMEOUT_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(pieces, headers=headers)
        self._held = held
        self._write_timeout_seconds = write_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; raises TimeoutError when nobody takes them."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._write_timeout_seconds):
                await send(message)

        async with self._held:
            await super().__call__(scope, receive, send_in_time)
