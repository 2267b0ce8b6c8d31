"""Read your writes: wait until the views have got as far in the log as a write.

A position is what ``ScaleHoster-Position`` carries: topic, partition and offset of the last event
of a write. A view has reached it when the next offset it will apply lies behind it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from infra.kafka.producer import LogPosition
from query_api.errors import ViewBehind
from read_models.view import View

_SHORTEST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.05

Offsets = Mapping[int, int]  # partition → offset


class ViewPositions(Protocol):
    """Tells how far the views have got."""

    async def applied_offsets(self, view: View) -> Offsets:
        """Tell the next offset that a view will apply of each partition of its topic.

        Raises StoreUnavailable, ViewsMissing, ViewNotBuilt.
        """


class ReadYourWritesBarrier:
    """Waits for views; however many wait for a view, and for what of it, it is asked about once."""

    def __init__(self, progress: ViewPositions) -> None:
        self._progress = progress
        self._watched: dict[View, _ViewWatcher] = {}

    async def wait(
        self, positions: Sequence[LogPosition], views: Iterable[View], seconds: float
    ) -> None:
        """Return once every view has reached all positions in the topic that it is built from.

        Raises ViewBehind when that takes longer than ``seconds``, and what Progress raises.
        """
        waiting = [
            asyncio.create_task(self._watch(view).wait_for(wanted))
            for view in dict.fromkeys(views)
            if (wanted := _wanted_of(view, positions))
        ]
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*waiting)
        except TimeoutError:
            raise ViewBehind(
                f"the view has not got that far within {seconds:g} s; try again in a moment"
            ) from None
        finally:
            for each in waiting:
                each.cancel()  # where one view failed, nobody waits for the others

    def _watch(self, view: View) -> "_ViewWatcher":
        return self._watched.setdefault(view, _ViewWatcher(self._progress, view))


def _wanted_of(view: View, positions: Sequence[LogPosition]) -> Offsets:
    """Name the furthest of several positions in each partition of a view's topic."""
    wanted: dict[int, int] = {}
    for position in positions:
        if position.topic == view.topic.name:
            last = wanted.get(position.partition, position.offset)
            wanted[position.partition] = max(last, position.offset)
    return wanted


class _ViewWatcher:
    """One view and all who wait for it; one task asks for all of them, while there are any.

    The pauses between two questions grow unless somebody was waiting for the answer. So whoever
    waits for what never comes costs 20 questions a second, alone or with a thousand others.
    """

    def __init__(self, progress: ViewPositions, view: View) -> None:
        self._progress = progress
        self._view = view
        self._wanted: dict[asyncio.Future[None], Offsets] = {}
        self._asking: asyncio.Task[None] | None = None

    async def wait_for(self, wanted: Offsets) -> None:
        reached = asyncio.get_running_loop().create_future()
        self._wanted[reached] = wanted
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        try:
            await reached
        finally:
            del self._wanted[reached]

    async def _ask(self) -> None:
        pause_seconds = _SHORTEST_PAUSE_SECONDS
        try:
            while self._wanted:
                if self._tell(await self._progress.applied_offsets(self._view)):
                    pause_seconds = _SHORTEST_PAUSE_SECONDS
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(1.5 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have to know
            for reached in self._wanted:
                if not reached.done():
                    reached.set_exception(error)
        finally:
            self._asking = None

    def _tell(self, applied: Offsets) -> bool:
        """Wake those whose positions are reached; say whether there were any."""
        arrived = [
            reached
            for reached, wanted in self._wanted.items()
            if not reached.done()
            and all(applied.get(number, 0) > offset for number, offset in wanted.items())
        ]
        for reached in arrived:
            reached.set_result(None)
        return bool(arrived)
