"""Ask DNS for all addresses of a name."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

from domain.sources.addresses import Address


class Resolver(Protocol):
    """Something that knows the addresses of names."""

    async def lookup(self, host: str) -> Sequence[Address]:
        """Return every address of the host, the preferred one first.

        A final dot makes the name absolute. Raises OSError when there is none or DNS is silent.
        """


class SystemResolver:
    """The resolver of this machine, in threads of its own.

    A silent DNS server can hold all threads, but never those that other work needs; whoever asks
    meanwhile waits in line and gives up on its own.
    """

    def __init__(self, max_threads: int = 16) -> None:
        self._threads = ThreadPoolExecutor(max_threads, thread_name_prefix="lookup")

    async def lookup(self, host: str) -> Sequence[Address]:
        """Return every address of the host, or raise OSError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _addresses, host)

    def close(self) -> None:
        """Let go of the threads; look-ups under way end unheard."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> list[Address]:
    # As bytes: for text, Python applies an older IDNA and raises UnicodeError.
    answers = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [ip_address(sockaddr[0]) for *_, sockaddr in answers]
