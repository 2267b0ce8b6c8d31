"""Read your writes: wait until the views have got as far in the log as a write.

A position is what ``ScaleHoster-Position`` carries: topic, partition and offset of the last event
of a write. A view has reached it when the next offset it will apply lies behind it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from infra.sending import Position
from query_api.errors import ViewBehind
from query_api.recent import Recent
from query_api.views import View

_SHORTEST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.05


class Progress(Protocol):
    """Tells how far the views have got."""

    async def applied_offset(self, view: View, partition: int) -> int:
        """Tell the next offset of its topic that a view will apply; 0 if it applied none."""


class Reached:
    """Waits for views; however many wait for one partition of a view, it is asked about once."""

    def __init__(self, progress: Progress) -> None:
        async def applied_offset(place: tuple[View, int]) -> int:
            return await progress.applied_offset(*place)

        self._applied = Recent(applied_offset, for_seconds=_SHORTEST_PAUSE_SECONDS)

    async def wait(
        self, positions: Sequence[Position], views: Iterable[View], seconds: float
    ) -> None:
        """Return once every view has reached all positions in the topic that it is built from.

        Raises ViewBehind when that takes longer than ``seconds``.
        """
        wanted = [
            ((view, position.partition), position.offset)
            for view in views
            for position in positions
            if position.topic == view.topic.name
        ]
        if not wanted:
            return
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._wait_for(place, offset) for place, offset in wanted))
        except TimeoutError:
            raise ViewBehind(
                f"the view has not got that far within {seconds:g} s; try again in a moment"
            ) from None

    async def _wait_for(self, place: tuple[View, int], offset: int) -> None:
        pause_seconds = _SHORTEST_PAUSE_SECONDS
        while await self._applied.get(place) <= offset:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(1.5 * pause_seconds, _LONGEST_PAUSE_SECONDS)
