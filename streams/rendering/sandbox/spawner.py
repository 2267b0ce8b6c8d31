"""The service's end of a spawner process: started ahead, replaced when in doubt."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from streams.rendering.sandbox.protocol import LENGTH, READY

_MAX_FRAME_BYTES: Final = 4096  # a verdict is a sentence
_ROOT: Final = Path(__file__).parents[3]  # where ``streams`` is found, installed or not
_COMMAND: Final = (sys.executable, "-s", "-m", "streams.rendering.sandbox.spawner_process")
_ENVIRONMENT: Final = {  # nothing of ours: no secrets, no proxies
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    # A fresh child meets all its memory for the first time; in huge pages that takes half as long.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's threads would not survive the fork
}


class Spawner:
    """A spawner process and our end of its pipe."""

    def __init__(self) -> None:
        self._is_retired = False
        self._is_ready = False
        self._launch()

    async def ready(self) -> None:
        """Wait until the process takes jobs; raise ConnectionError if it does not come up."""
        if not self._is_ready:
            if await self._receive() != READY:
                raise ConnectionError("a spawner process began with the wrong word")
            self._is_ready = True

    async def work(self, request: bytes, source: int, reply: int) -> bytes:
        """Hand over one job, with the files of its source and its reply; wait for the verdict.

        Raises ConnectionError when the process dies. After any exception, cancellation included,
        the pipe may hold half a message: call replace().
        """
        await self.ready()
        loop = asyncio.get_running_loop()
        # Four bytes, for which an idle pipe always has room.
        socket.send_fds(self._socket, [LENGTH.pack(len(request))], [source, reply])
        await loop.sock_sendall(self._socket, request)
        return await self._receive()

    def replace(self) -> None:
        """Kill the process and its child, and start another, unless this spawner is retired."""
        self._kill()
        self.close()
        if not self._is_retired:
            self._launch()

    def retire(self) -> None:
        """Kill the process and its child for good; the job they were at gets ConnectionError."""
        self._is_retired = True
        self._kill()

    def close(self) -> None:
        """Let go of the pipe, which must be idle."""
        self._socket.close()

    def _kill(self) -> None:
        if self._process.returncode is None:  # once it is reaped, the number may be another's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _launch(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._socket.settimeout(0)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                _COMMAND,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env=_ENVIRONMENT,
                cwd=_ROOT,
                start_new_session=True,  # a group of its own, so that kill() reaches the child
            )
        self._is_ready = False

    async def _receive(self) -> bytes:
        (length,) = LENGTH.unpack(await self._receive_exactly(LENGTH.size))
        if length > _MAX_FRAME_BYTES:
            raise ConnectionError(f"a spawner process announced {length} bytes")
        return bytes(await self._receive_exactly(length))

    async def _receive_exactly(self, length: int) -> bytearray:
        loop = asyncio.get_running_loop()
        received = bytearray(length)
        rest = memoryview(received)
        while rest:
            count = await loop.sock_recv_into(self._socket, rest)
            if not count:
                raise ConnectionError("a spawner process ended")
            rest = rest[count:]
        return received
