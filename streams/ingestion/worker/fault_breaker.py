"""The fault breaker: no job begins while nearly all fail for reasons of ours."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from domain.failures import FailureCode
from domain.values import TenantId

_WINDOW = 20
_MOST_FAULTS = 18
_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 600.0
_LOOK_SECONDS = 1.0

log = logging.getLogger(__name__)

ReportOutcome = Callable[[FailureCode | None], None]


class FaultBreaker:
    """Watches how the latest jobs ended, and lets none begin while it must be our fault.

    A bad deployment would drain every job through the retry tiers into the dead letters. When 18
    of the last 20 failed with ``internal``, or by decoders that crashed on pictures of two tenants
    or more (one alone may be sending them on purpose), all jobs wait. After half a minute one is
    let through: if it ends otherwise work goes on, else the pause doubles, up to ten minutes. An
    original that is gone is the failure of its own job, however many jobs lack theirs.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._latest: deque[tuple[FailureCode | None, TenantId]] = deque(maxlen=_WINDOW)
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._opens_at: float | None = None
        self._is_probing = False

    @property
    def is_resting(self) -> bool:
        """Whether jobs wait."""
        return self._opens_at is not None

    @asynccontextmanager
    async def attempt(self, tenant_id: TenantId) -> AsyncIterator[ReportOutcome]:
        """Wait until a job may begin; tell what is yielded how it ended, if it did."""
        is_probe = await self._admitted()

        def ended(code: FailureCode | None) -> None:
            self._latest.append((code, tenant_id))
            if is_probe:
                self._judge(code)
            elif not self.is_resting and self._is_our_fault():
                self._rest()

        try:
            yield ended
        finally:
            if is_probe:  # one that did not end says nothing; the next one tries
                self._is_probing = False

    async def _admitted(self) -> bool:
        while self._opens_at is not None:
            remaining = self._opens_at - self._clock()
            if remaining <= 0 and not self._is_probing:
                self._is_probing = True
                return True
            await self._pause(min(max(remaining, 0.0), _LOOK_SECONDS) or _LOOK_SECONDS)
        return False

    def _judge(self, code: FailureCode | None) -> None:
        if _may_be_our_fault(code):
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
            self._rest()
            return
        log.warning("a job ended well again; working")
        self._latest.clear()
        self._opens_at = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def _rest(self) -> None:
        self._opens_at = self._clock() + self._pause_seconds
        log.error("nearly all jobs fail for reasons of ours; resting %s s", self._pause_seconds)

    def _is_our_fault(self) -> bool:
        faults = [(code, tenant) for code, tenant in self._latest if _may_be_our_fault(code)]
        if len(faults) < _MOST_FAULTS:
            return False
        is_internal = any(code == "internal" for code, _ in faults)
        return is_internal or len({tenant for _, tenant in faults}) > 1


def _may_be_our_fault(code: FailureCode | None) -> bool:
    return code in ("internal", "decoder_crashed")
