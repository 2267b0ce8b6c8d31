"""The ack window: finished records are acknowledged in the order in which they came."""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Record = TypeVar("_Record")


@dataclass(slots=True, eq=False)
class AckSlot(Generic[_Record]):
    """The slot of one record in its window."""

    record: _Record
    is_finished: bool = field(default=False, init=False)


class AckWindow(Generic[_Record]):
    """The records of one partition that are not acknowledged yet, the oldest first.

    Faust commits past unfinished work when acknowledgements come out of order, so a record may be
    acknowledged only when everything before it is.
    """

    def __init__(self) -> None:
        self._places: deque[AckSlot[_Record]] = deque()

    def __len__(self) -> int:
        """Count the records that are not acknowledged yet."""
        return len(self._places)

    def enter(self, record: _Record) -> AckSlot[_Record]:
        """Return the slot of the next record, behind all others."""
        place = AckSlot(record)
        self._places.append(place)
        return place

    def finish(self, place: AckSlot[_Record]) -> list[_Record]:
        """Mark a record as finished, and return those that may be acknowledged now.

        They leave the window, in the order in which they came. None after ``clear``.
        """
        place.is_finished = True
        ready = []
        while self._places and self._places[0].is_finished:
            ready.append(self._places.popleft().record)
        return ready

    def clear(self) -> None:
        """Forget every record; another member of the group gets them."""
        self._places.clear()
