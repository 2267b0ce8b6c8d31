"""The past: whether a moment is over, and whether the views know all that happened until then.

Nobody can tell by a view alone that nothing is missing. So the broker is asked how far the log has
been written, open transactions included, and the views must have got that far. All that was
acknowledged before the question is then shown.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from infra.http.errors import RequestInvalid
from infra.kafka.producer import LogPosition
from infra.kafka.topics import Topic
from query_api.read_your_writes import ReadYourWritesBarrier
from read_models.view import View

_SETTLED = timedelta(minutes=5)  # longer than a transaction lasts and than clocks differ
_REMEMBERED = timedelta(minutes=1)


class LogEndOffsets(Protocol):
    """Tells how far topics have been written."""

    async def written(self, topic: Topic) -> Mapping[int, int]:
        """Give the offset behind all that was written to each partition, committed or not.

        Raises BrokerUnavailable.
        """


class MomentBarrier:
    """Waits until views know a moment of the past; ``clock`` tells what is past.

    For a minute it remembers when a view was seen to know everything, so that moments well before
    that cost no question.
    """

    def __init__(
        self,
        ends: LogEndOffsets,
        read_your_writes: ReadYourWritesBarrier,
        clock: Callable[[], datetime],
    ) -> None:
        self._ends = ends
        self._read_your_writes = read_your_writes
        self._clock = clock
        self._complete: dict[View, datetime] = {}

    def is_settled(self, moment: datetime) -> bool:
        """Say whether nothing can happen any more that lies before this moment."""
        return moment < self._clock() - _SETTLED

    async def wait(self, moment: datetime, views: Iterable[View], seconds: float) -> None:
        """Return once the views show all that happened up to a moment and was acknowledged.

        Raises RequestInvalid for a moment that is still to come, ViewBehind when it takes longer
        than ``seconds``, BrokerUnavailable.
        """
        now = self._clock()
        if moment > now:
            detail = f"{moment.isoformat()} is still to come; here it is {now.isoformat()}"
            raise RequestInvalid(detail, errors=[{"detail": detail, "parameter": "as_of"}])
        doubtful = [view for view in views if not self._is_known(view, moment, now)]
        topics = {view.topic for view in doubtful}
        written = await asyncio.gather(*(self._written(topic) for topic in topics))
        await self._read_your_writes.wait(
            [last for each in written for last in each], doubtful, seconds
        )
        self._complete |= dict.fromkeys(doubtful, now)

    def _is_known(self, view: View, moment: datetime, now: datetime) -> bool:
        complete = self._complete.get(view)
        if complete is None or now - complete > _REMEMBERED:
            return False
        return moment < complete - _SETTLED

    async def _written(self, topic: Topic) -> list[LogPosition]:
        """Name the last thing written to each partition."""
        ends = await self._ends.written(topic)
        return [
            LogPosition(topic=topic.name, partition=partition, offset=end - 1)
            for partition, end in ends.items()
            if end > 0
        ]
