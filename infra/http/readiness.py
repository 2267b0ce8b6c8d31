"""Liveness and readiness of a process."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from infra.http.errors import NotReady

Probe = Callable[[], Awaitable[None]]
_FRESH_SECONDS = 1.0
_TIMEOUT_SECONDS = 3.0

log = logging.getLogger(__name__)


class Readiness:
    """Asks every part that the service needs, at most once a second.

    A probe returns when its part is well and raises when it is not; one that takes longer than 3 s
    counts as down. After ``stop`` the service is never ready again, so that no new work is sent.
    """

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._parts: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._is_stopping = False

    def stop(self) -> None:
        """Say no from now on; callable from a signal handler."""
        self._is_stopping = True

    @property
    def is_stopping(self) -> bool:
        """Whether the service was told to stop."""
        return self._is_stopping

    async def check(self) -> dict[str, str]:
        """Return each part as "up"; raises NotReady naming the parts that are down."""
        async with self._asking:
            if time.monotonic() - self._asked_at > _FRESH_SECONDS:
                states = await asyncio.gather(*map(self._ask, self._probes))
                self._parts = dict(zip(self._probes, states, strict=True))
                self._asked_at = time.monotonic()
        if self._is_stopping:
            raise NotReady("the service is stopping", members={"parts": {"service": "stopping"}})
        down = [name for name, state in self._parts.items() if state != "up"]
        if down:
            raise NotReady(f"down: {', '.join(down)}", members={"parts": self._parts})
        return self._parts

    async def _ask(self, name: str) -> str:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._probes[name]()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is down
            log.warning("%s is down: %s", name, error)
            return "down"
        return "up"
