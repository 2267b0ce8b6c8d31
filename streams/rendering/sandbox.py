"""Rendering where it can harm nobody: a pool of confined processes."""

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from streams.rendering.failures import RenderFailed
from streams.rendering.limits import RenderLimits
from streams.rendering.messages import Order, Reply, decode_reply, encode
from streams.rendering.presets import Preset
from streams.rendering.rendered import Rendered
from streams.rendering.spawner import Spawner

_GRACE_SECONDS: Final = 10.0  # for a worker process to start and to stop a slow child by itself


class Sandbox:
    """Renders pictures in processes of its own, as many at a time as there are cores.

    Each picture has a process that sees nothing else, holds no file and no connection, and is
    bounded in memory and time; whatever a picture does to it, the next picture meets a fresh one.
    Entering starts the processes and raises ConnectionError if they do not come up; leaving
    kills them, and jobs that are not done fail.
    """

    def __init__(self, *, processes: int | None = None, limits: RenderLimits | None = None) -> None:
        self._processes = processes or len(os.sched_getaffinity(0))
        self._limits = limits or RenderLimits()
        self._spawners: list[Spawner] = []
        self._idle: asyncio.Queue[Spawner] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._spawners = [
            Spawner(max_reply_bytes=self._limits.max_result_bytes) for _ in range(self._processes)
        ]
        for spawner in self._spawners:
            self._idle.put_nowait(spawner)
        try:
            for spawner in self._spawners:
                await spawner.ready()
        except BaseException:
            await self._retire_all()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._retire_all()

    async def render(self, source: bytes | Path, preset: Preset) -> Rendered:
        """Make the facts and renditions of a picture, waiting for a free process first.

        Raises RenderFailed, whatever the bytes are. A cancelled call stops its process at once.
        """
        spawner = await self._idle.get()
        try:
            data = await self._read(source)
            reply = await self._attempt(spawner, data, preset)
        finally:
            self._idle.put_nowait(spawner)
        if reply.rendered is None:
            failure = reply.failure
            raise RenderFailed(failure.code, failure.detail) if failure else _crashed()
        return reply.rendered

    async def _read(self, source: bytes | Path) -> bytes:
        if isinstance(source, bytes):
            return source
        return await asyncio.to_thread(_read_at_most, source, self._limits.max_source_bytes + 1)

    async def _attempt(self, spawner: Spawner, source: bytes, preset: Preset) -> Reply:
        order = encode(Order(preset=preset, limits=self._limits))
        try:
            async with asyncio.timeout(self._limits.wall_seconds + _GRACE_SECONDS):
                return decode_reply(await spawner.work(order, source))
        except BaseException as error:
            spawner.replace()
            if isinstance(error, TimeoutError):
                raise RenderFailed("decoder_timeout", "decoding took too long") from error
            if isinstance(error, OSError | msgspec.DecodeError):
                raise _crashed() from error
            raise

    async def _retire_all(self) -> None:
        """Kill every process, wait until each job has noticed, and only then close its pipe."""
        for spawner in self._spawners:
            spawner.retire()
        for _ in self._spawners:
            (await self._idle.get()).close()


def _read_at_most(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _crashed() -> RenderFailed:
    return RenderFailed("decoder_crashed", "the decoder ended without an answer")
