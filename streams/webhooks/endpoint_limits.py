"""Endpoint limits: a slow endpoint takes no capacity of the others."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.values import TenantId
from domain.webhook.endpoint import EndpointId

MOST_AT_ONCE = 256
_AT_ONCE = 4
_TROUBLED_AT_ONCE = 1
_ALL_TROUBLED_AT_ONCE = 64
_SLOW_SECONDS = 1.0
_SHORTEST_STEP_SECONDS = 0.01


@dataclass(slots=True)
class _EndpointLoad:
    tenant_id: TenantId | None = None
    in_flight: int = 0
    is_troubled: bool = False
    step_seconds: float = _SHORTEST_STEP_SECONDS
    next_free_at: datetime | None = None


class EndpointLimits:
    """How many deliveries each endpoint has under way.

    An endpoint is troubled while its last attempt failed or was slow. It then gets one attempt at a
    time, and all troubled ones together a fixed number, whatever there are of them. A tenant has at
    most as many under way as there is still room for, of all and of the troubled ones, so that the
    endpoints of one tenant leave room for those of the next.
    """

    def __init__(self) -> None:
        self._loads: defaultdict[EndpointId, _EndpointLoad] = defaultdict(_EndpointLoad)
        self._of_tenant: Counter[TenantId | None] = Counter()
        self._troubled_of_tenant: Counter[TenantId | None] = Counter()
        self._troubled_in_flight = 0
        self.in_flight = 0

    def enter(self, endpoint_id: EndpointId, tenant_id: TenantId) -> bool:
        """Begin a delivery, if there is room for one now; every one begun has to leave."""
        load = self._loads[endpoint_id]
        load.tenant_id = tenant_id
        has_room = self._of_tenant[tenant_id] < MOST_AT_ONCE - self.in_flight
        if load.is_troubled:
            left = _ALL_TROUBLED_AT_ONCE - self._troubled_in_flight
            has_room &= load.in_flight < _TROUBLED_AT_ONCE
            has_room &= self._troubled_of_tenant[tenant_id] < left
        else:
            has_room &= load.in_flight < _AT_ONCE
        if has_room:
            load.in_flight += 1
            self._count(load, 1)
            if load.is_troubled:
                self._count_troubled(load, 1)
        return has_room

    def leave(self, endpoint_id: EndpointId, *, seconds: float, is_well: bool) -> None:
        """End a delivery that took this long."""
        load = self._loads[endpoint_id]
        if load.is_troubled:
            self._count_troubled(load, -load.in_flight)
        load.in_flight -= 1
        self._count(load, -1)
        load.is_troubled = not is_well or seconds > _SLOW_SECONDS
        if load.is_troubled:
            self._count_troubled(load, load.in_flight)
            load.step_seconds = _SLOW_SECONDS
        else:
            load.step_seconds = max(seconds / _AT_ONCE, _SHORTEST_STEP_SECONDS)
            if not load.in_flight:
                del self._loads[endpoint_id]  # a newcomer is treated alike

    def room_at(self, endpoint_id: EndpointId, now: datetime) -> datetime:
        """Guess when there is room for one more, and reserve that moment.

        So a thousand deliveries that come at once come back one after the other.
        """
        load = self._loads[endpoint_id]
        free_at = max(now, load.next_free_at or now) + timedelta(seconds=load.step_seconds)
        load.next_free_at = free_at
        return free_at

    def _count(self, load: _EndpointLoad, more: int) -> None:
        self.in_flight += more
        self._of_tenant[load.tenant_id] += more
        if not self._of_tenant[load.tenant_id]:
            del self._of_tenant[load.tenant_id]

    def _count_troubled(self, load: _EndpointLoad, more: int) -> None:
        self._troubled_in_flight += more
        self._troubled_of_tenant[load.tenant_id] += more
        if not self._troubled_of_tenant[load.tenant_id]:
            del self._troubled_of_tenant[load.tenant_id]
