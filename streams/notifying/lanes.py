"""Room for each endpoint: one that is slow or does not answer takes none of the others'."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.hooks import EndpointId

_AT_ONCE = 4
_TROUBLED_AT_ONCE = 1
_ALL_TROUBLED_AT_ONCE = 64
_SLOW_SECONDS = 1.0
_SHORTEST_STEP_SECONDS = 0.01


@dataclass(slots=True)
class _Lane:
    in_flight: int = 0
    is_troubled: bool = False
    step_seconds: float = _SHORTEST_STEP_SECONDS
    next_free_at: datetime | None = None


class Lanes:
    """How many deliveries each endpoint has under way.

    An endpoint is troubled while its last attempt failed or was slow. It then gets one attempt at a
    time, and all troubled ones together a fixed number, whatever there are of them.
    """

    def __init__(self) -> None:
        self._lanes: defaultdict[EndpointId, _Lane] = defaultdict(_Lane)
        self._troubled_in_flight = 0
        self.in_flight = 0

    def enter(self, endpoint_id: EndpointId) -> bool:
        """Begin a delivery, if there is room for one now; every one begun has to leave."""
        lane = self._lanes[endpoint_id]
        if lane.is_troubled:
            has_room = (
                lane.in_flight < _TROUBLED_AT_ONCE
                and self._troubled_in_flight < _ALL_TROUBLED_AT_ONCE
            )
        else:
            has_room = lane.in_flight < _AT_ONCE
        if has_room:
            lane.in_flight += 1
            self.in_flight += 1
            self._troubled_in_flight += lane.is_troubled
        return has_room

    def leave(self, endpoint_id: EndpointId, *, seconds: float, is_well: bool) -> None:
        """End a delivery that took this long."""
        lane = self._lanes[endpoint_id]
        if lane.is_troubled:
            self._troubled_in_flight -= lane.in_flight
        lane.in_flight -= 1
        self.in_flight -= 1
        lane.is_troubled = not is_well or seconds > _SLOW_SECONDS
        if lane.is_troubled:
            self._troubled_in_flight += lane.in_flight
            lane.step_seconds = _SLOW_SECONDS
        else:
            lane.step_seconds = max(seconds / _AT_ONCE, _SHORTEST_STEP_SECONDS)
            if not lane.in_flight:
                del self._lanes[endpoint_id]  # a newcomer is treated alike

    def room_at(self, endpoint_id: EndpointId, now: datetime) -> datetime:
        """Guess when there is room for one more, and reserve that moment.

        So a thousand deliveries that come at once come back one after the other.
        """
        lane = self._lanes[endpoint_id]
        free_at = max(now, lane.next_free_at or now) + timedelta(seconds=lane.step_seconds)
        lane.next_free_at = free_at
        return free_at
