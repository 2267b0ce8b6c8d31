"""Read your writes: wait until the views have got as far in the log as a write.

A position is what ``ScaleHoster-Position`` carries: topic, partition and offset of the last event
of a write. A view has reached it when the next offset it will apply lies behind it.
"""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from query_api.errors import PositionRefused, ViewBehind
from query_api.recent import Recent

_SHORTEST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.05
_MAX_POSITIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in the log."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPartition:
    """How far one view has got is told for each partition it reads."""

    view: str
    topic: str
    partition: int


class Progress(Protocol):
    """Tells how far the views have got."""

    async def applied_offset(self, of: ViewPartition) -> int:
        """Give the next offset that the active generation will apply; 0 if it applied none."""


def positions(header: str | None) -> tuple[Position, ...]:
    """Read the header: none, one, or several positions with commas between them.

    Raises PositionRefused for anything that no write of ours answered.
    """
    if not header:
        return ()
    words = header.split(",")
    if len(words) > _MAX_POSITIONS:
        raise PositionRefused(f"send at most {_MAX_POSITIONS} positions at once")
    return tuple(_position(word.strip()) for word in words)


class Reached:
    """Waits for views; however many wait for one partition of a view, it is asked about once."""

    def __init__(self, progress: Progress) -> None:
        self._applied = Recent(progress.applied_offset, for_seconds=_SHORTEST_PAUSE_SECONDS)

    async def wait(
        self, positions: Sequence[Position], topic_of_view: Collection[tuple[str, str]], seconds: float
    ) -> None:
        """Return once every view has reached all positions in the topic that it is built from.

        Raises ViewBehind when that takes longer than ``seconds``.
        """
        wanted = [
            (ViewPartition(view=view, topic=topic, partition=position.partition), position.offset)
            for view, topic in topic_of_view
            for position in positions
            if position.topic == topic
        ]
        if not wanted:
            return
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._wait_for(place, offset) for place, offset in wanted))
        except TimeoutError:
            raise ViewBehind(
                f"the view has not reached your write within {seconds:g} s; try again in a moment"
            ) from None

    async def _wait_for(self, place: ViewPartition, offset: int) -> None:
        pause_seconds = _SHORTEST_PAUSE_SECONDS
        while await self._applied.get(place) <= offset:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(1.5 * pause_seconds, _LONGEST_PAUSE_SECONDS)


def _position(word: str) -> Position:
    try:
        text = urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode()
        topic, partition, offset = text.rsplit(":", 2)
        return Position(topic=topic, partition=int(partition), offset=int(offset))
    except ValueError:
        raise PositionRefused(
            "ScaleHoster-Position is not one that a write answered; send it exactly as you got it"
        ) from None
