"""The sandbox: a pool of confined processes that render pictures."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from streams.rendering.presets import Preset
from streams.rendering.render_failure import RenderFailed
from streams.rendering.render_limits import RenderLimits
from streams.rendering.render_result import RenderResult
from streams.rendering.sandbox.job_files import memory_file, open_source, read_whole
from streams.rendering.sandbox.protocol import SandboxRequest, decode_reply, decode_verdict, encode
from streams.rendering.sandbox.reply_verification import ForgedReply, crash_failure, verify_reply
from streams.rendering.sandbox.spawner import Spawner

_GRACE_SECONDS: Final = 10.0  # for a spawner process to start and to stop a slow child by itself

log = logging.getLogger(__name__)


class Sandbox:
    """Renders pictures in processes of its own, as many at a time as there are cores.

    Each picture has a process that sees nothing else, holds no file and no connection, and is
    bounded in memory and time; whatever a picture does to it, the next picture meets a fresh one.
    A source and what is made of it go from this process to that child and back through files of
    their own, so no other process ever holds a byte of them.
    Entering starts the processes and raises ConnectionError if they do not come up; leaving
    kills them, and jobs that are not done fail.
    """

    def __init__(self, *, processes: int | None = None, limits: RenderLimits | None = None) -> None:
        self._processes = processes or len(os.sched_getaffinity(0))
        self._limits = limits or RenderLimits()
        self._spawners: list[Spawner] = []
        self._idle: asyncio.Queue[Spawner] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._spawners = [Spawner() for _ in range(self._processes)]
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

    async def render(self, source: bytes | Path, preset: Preset) -> RenderResult:
        """Make the facts and renditions of a picture, waiting for a free process first.

        What comes back was checked against the request and the source
        (reply_verification.py). Raises RenderFailed, whatever the bytes are, and OSError when the
        source cannot be read. A cancelled call stops its process at once.
        """
        with ExitStack() as files:
            given = files.enter_context(open_source(source))
            reply = files.enter_context(memory_file("reply"))
            spawner = await self._idle.get()
            try:
                await self._attempt(spawner, given.fileno(), reply.fileno(), preset)
            finally:
                self._idle.put_nowait(spawner)
            return await _in_a_thread(lambda: self._read(given, reply, preset))

    async def _attempt(self, spawner: Spawner, source: int, reply: int, preset: Preset) -> None:
        """Have a child fill the reply; raises RenderFailed when it ended in any other way."""
        request = encode(SandboxRequest(preset=preset, limits=self._limits))
        try:
            async with asyncio.timeout(self._limits.wall_seconds + _GRACE_SECONDS):
                verdict = decode_verdict(await spawner.work(request, source, reply))
        except BaseException as error:
            spawner.replace()
            if isinstance(error, TimeoutError):
                raise RenderFailed("decoder_timeout", "decoding took too long") from error
            if isinstance(error, OSError | msgspec.DecodeError):
                raise crash_failure() from error
            raise
        if verdict.failure:
            raise crash_failure(verdict.failure)

    def _read(self, source: FileIO, reply: FileIO, preset: Preset) -> RenderResult:
        """Believe a child's reply as far as it can be checked; raises RenderFailed."""
        given = read_whole(source.fileno(), self._limits.max_source_bytes + 1)
        try:
            claim = decode_reply(read_whole(reply.fileno(), self._limits.max_result_bytes))
            return verify_reply(claim, given, preset, self._limits)
        except (ForgedReply, msgspec.DecodeError) as error:
            log.critical(
                "a picture captured its decoder, or a decoder is broken: the reply has %s; "
                "the source's SHA-256 is %s",
                error,
                sha256(given).hexdigest(),
            )
            raise RenderFailed(
                "decoder_crashed", "the decoder's answer does not fit the picture"
            ) from error

    async def _retire_all(self) -> None:
        """Kill every process, wait until each job has noticed, and only then close its pipe."""
        for spawner in self._spawners:
            spawner.retire()
        for _ in self._spawners:
            (await self._idle.get()).close()


async def _in_a_thread(work: Callable[[], RenderResult]) -> RenderResult:
    """Work beside the loop, and to the end: the files that it reads must not be closed before."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
