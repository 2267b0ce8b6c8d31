"""What a client missed, read from the log by a few at once."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from avro_schemas.errors import KeysLost
from domain.values import TenantId
from infra.http.tenant_slots import TenantSlots
from infra.kafka.partition_reader import Record, RecordReader
from query_api.feed.listeners import FeedEvent, feed_event_in
from query_api.feed.resume_tokens import Offsets

_HISTORIES_AT_ONCE = 8
_MOST_WAITING = 1_000_000  # feeds are bounded where they begin
_PIECES_WAITING = 32
_RECORDS_IN_TURN = 10_000

_Result = TypeVar("_Result")

WriteFeedEvent = Callable[[FeedEvent | None, Offsets], bytes | None]


OpenHistoryReader = Callable[[Offsets], AbstractContextManager[RecordReader]]


@dataclass(slots=True, kw_only=True)
class _Client:
    """How far one client was told what it missed, and what waits for it to be taken.

    ``left`` are the partitions that are not read to their end, ``refused`` the piece that was not
    taken in time, ``waited_seconds`` how long it has kept its place waiting.
    """

    tenant_id: TenantId
    at: dict[int, int]
    until: Offsets
    write: WriteFeedEvent
    left: set[int]
    refused: bytes | None = None
    waited_seconds: float = 0.0
    pieces: asyncio.Queue[bytes | Exception | None] = field(
        default_factory=lambda: asyncio.Queue(_PIECES_WAITING)
    )


class MissedEvents:
    """Reads history for those who come back.

    Reading takes one of eight places that tenants share. Who takes nothing for
    ``stall_timeout_seconds`` while pieces wait loses the place, and gets another when it goes on.
    While somebody else waits so does who has kept it for as long in all by taking little, or has
    read ten thousand records.
    """

    def __init__(self, open_history: OpenHistoryReader, *, stall_timeout_seconds: float) -> None:
        self._open_history = open_history
        self._stall_timeout_seconds = stall_timeout_seconds
        self._histories = TenantSlots(
            _HISTORIES_AT_ONCE, "histories", wait_seconds=None, most_waiting=_MOST_WAITING
        )
        # Of its own: it waits for the broker, and must not hold up what else is in threads.
        self._threads = ThreadPoolExecutor(_HISTORIES_AT_ONCE, thread_name_prefix="history")

    async def pieces(
        self, tenant_id: TenantId, at: dict[int, int], until: Offsets, write: WriteFeedEvent
    ) -> AsyncGenerator[bytes]:
        """Give what ``write`` makes of each event from ``at`` up to ``until``, and move ``at``.

        ``write`` is also called without an event, after each batch of records, and may give None
        for what is not sent. Raises KeysLost, with ``at`` before the event that could not be read.
        """
        left = {partition for partition, offset in at.items() if offset < until[partition]}
        client = _Client(tenant_id=tenant_id, at=at, until=until, write=write, left=left)
        reading = asyncio.create_task(self._read(client))
        try:
            while (piece := await client.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            reading.cancel()
            await asyncio.wait([reading])
        at |= {partition: max(at[partition], until[partition]) for partition in at}

    async def _read(self, client: _Client) -> None:
        try:
            while client.left:
                async with self._histories.wait_for_slot(client.tenant_id):
                    await self._read_in_turn(client)
                if client.refused is not None:  # goes on once the client does
                    await client.pieces.put(client.refused)
                    client.refused = None
        except Exception as error:  # noqa: BLE001 - it is raised where the pieces are taken
            await client.pieces.put(error)
        else:
            await client.pieces.put(None)

    async def _read_in_turn(self, client: _Client) -> None:
        opened = self._open_history({partition: client.at[partition] for partition in client.left})
        history = opened.__enter__()
        client.waited_seconds = 0.0
        count = 0
        try:
            while client.left and (count < _RECORDS_IN_TURN or not self._histories.has_waiters):
                records = await self._in_thread(_decoded, history)
                count += len(records)
                for record, happened in records:
                    if not await self._tell(client, record, happened):
                        return
                if not await self._offer(client, client.write(None, client.at)):
                    return
                client.left = {p for p in client.left if history.position(p) < client.until[p]}
        finally:  # closing waits for the broker
            await self._in_thread(opened.__exit__, None, None, None)

    async def _in_thread(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        """Work in a thread, and wait for its end even if nobody wants to know any more."""
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._threads, partial(work, *arguments))
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise

    async def _tell(
        self, client: _Client, record: Record, happened: FeedEvent | KeysLost | None
    ) -> bool:
        at, partition = client.at, record.partition
        if not at[partition] <= record.offset < client.until[partition]:
            return True
        if isinstance(happened, KeysLost):
            raise happened
        at[partition] = record.offset + 1
        return happened is None or await self._offer(client, client.write(happened, at))

    async def _offer(self, client: _Client, piece: bytes | None) -> bool:
        """Let a piece wait for the client; False if it was not taken in time."""
        if piece is None:
            return True
        began_at = time.monotonic()
        waited = client.waited_seconds if self._histories.has_waiters else 0.0
        try:
            async with asyncio.timeout(max(0.0, self._stall_timeout_seconds - waited)):
                await client.pieces.put(piece)
        except TimeoutError:
            client.refused = piece
            return False
        client.waited_seconds += time.monotonic() - began_at
        return True


def _decoded(history: RecordReader) -> list[tuple[Record, FeedEvent | KeysLost | None]]:
    """Read the next records; one whose keys are away comes as the error, and is the last."""
    decoded: list[tuple[Record, FeedEvent | KeysLost | None]] = []
    for record in history.poll():
        try:
            decoded.append((record, feed_event_in(record)))
        except KeysLost as lost:
            return [*decoded, (record, lost)]
    return decoded
