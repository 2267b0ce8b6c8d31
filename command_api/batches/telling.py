"""The answer to a batch: outcomes as they come."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from command_api.batches.lines import NDJSON

_PATIENCE_SECONDS = 60.0


class OutcomeStream(StreamingResponse):
    """Tells outcomes as fast as they are taken, and ends when the client is gone.

    One who takes nothing for ``patience_seconds`` is gone: the connection breaks. Whatever is
    ``held`` for the batch is let go at the end, however it ends.
    """

    media_type = NDJSON

    def __init__(
        self,
        outcomes: AsyncGenerator[bytes],
        held: AsyncExitStack,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        super().__init__(outcomes)
        self._held = held
        self._patience_seconds = patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; raises TimeoutError when nobody takes them."""

        async def send_patiently(message: Message) -> None:
            async with asyncio.timeout(self._patience_seconds):
                await send(message)

        async with self._held:
            await super().__call__(scope, receive, send_patiently)
