"""What every route that reads views does first: know the caller, and be recent enough for them."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.requests import Request

from domain.values import TenantId
from infra.http import position_header
from infra.http.access import Access
from infra.http.errors import MalformedHeader, RequestError
from infra.http.tenant_slots import TenantSlots
from infra.kafka.producer import LogPosition
from query_api.read_your_writes import ReadYourWritesBarrier
from query_api.time_travel.moment_barrier import MomentBarrier
from read_models.registry import QUERIED_VIEWS
from read_models.view import View

_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?=$|[,;\s])")
_MAX_WAIT_SECONDS = 60.0
_MAX_POSITIONS = 16
_MOST_WAITING = 1_000
_PAST = frozenset({"as_of", "version"})
_PARTITIONS = {view.topic.name: view.topic.partitions for view in QUERIED_VIEWS}

READ_HEADERS: list[dict[str, Any]] = [
    {
        "name": position_header.POSITION_HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "Of a write that the answer must show. Several: commas between them.",
    },
    {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "example": "wait=5",
        "description": "How many seconds to wait for the view before answering 503.",
    },
]
"""Parameters that routes with this dependency describe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContext:
    """Who asks; ``is_fresh`` says that nothing read before this moment will do.

    ``is_settled``: what is read lies so far back that it will never be another.
    """

    tenant_id: TenantId
    is_fresh: bool
    is_settled: bool = False


class ReadContextFactory:
    """Makes the dependencies of routes that need ``assets:read`` and show certain views."""

    def __init__(
        self,
        access: Access,
        read_your_writes: ReadYourWritesBarrier,
        past: MomentBarrier,
        *,
        wait_seconds: float,
    ) -> None:
        self._access = access
        self._read_your_writes = read_your_writes
        self._moment_barrier = past
        self._wait_seconds = wait_seconds
        self._waiting = TenantSlots(_MOST_WAITING, "reads that wait for a view")

    def of(
        self, *views: View, past: tuple[View, ...] = ()
    ) -> Callable[[Request], Awaitable[ReadContext]]:
        """Make the dependency of a route that shows these views, or ``past`` if it is asked for.

        It raises what Access raises, MalformedHeader, Overloaded, and ViewBehind.
        """

        async def context(request: Request) -> ReadContext:
            caller = self._access.admit(request, "assets:read")
            shown = past if _PAST.intersection(request.query_params) and past else views
            is_fresh = await self.wait_for_writes(request, caller.tenant_id, shown)
            return ReadContext(tenant_id=caller.tenant_id, is_fresh=is_fresh)

        return context

    async def wait_for_moment(
        self, request: Request, context: ReadContext, moment: datetime, *views: View
    ) -> ReadContext:
        """Wait until these views show all that happened up to a moment of the past.

        Raises Overloaded, and what Past.wait raises.
        """
        with self._waiting.take(context.tenant_id):
            await self._moment_barrier.wait(moment, views, self._seconds(request))
        is_settled = self._moment_barrier.is_settled(moment)
        return replace(context, is_fresh=context.is_fresh or not is_settled, is_settled=is_settled)

    async def wait_for_writes_if_authenticated(
        self, request: Request, views: tuple[View, ...]
    ) -> bool:
        """Wait until these views show the writes that the request names; tell if it named any.

        The request needs no key; but without a good one no position counts. To wait is to ask the
        store again and again, so nobody may order it who is not known.
        """
        try:
            caller = self._access.admit(request, "assets:read")
        except RequestError:
            return False
        return await self.wait_for_writes(request, caller.tenant_id, views)

    async def wait_for_writes(
        self, request: Request, tenant_id: TenantId, views: tuple[View, ...]
    ) -> bool:
        """Do that for a tenant whose request was let in; raises MalformedHeader, Overloaded too."""
        headers = request.headers.getlist(position_header.POSITION_HEADER)
        if not headers:
            return False
        wanted = _positions(",".join(headers))
        with self._waiting.take(tenant_id):
            await self._read_your_writes.wait(wanted, views, self._seconds(request))
        return True

    def _seconds(self, request: Request) -> float:
        preferred = preferred_wait(request.headers.get("prefer", ""))
        return self._wait_seconds if preferred is None else min(preferred, _MAX_WAIT_SECONDS)


def preferred_wait(header: str) -> float | None:
    """Read ``wait=n`` out of a Prefer header."""
    wait = _WAIT.search(header)
    return float(wait[1]) if wait else None


def _positions(header: str) -> list[LogPosition]:
    words = [word for word in map(str.strip, header.split(",")) if word]
    if len(words) > _MAX_POSITIONS:
        raise _refused(
            f"{position_header.POSITION_HEADER} may name {_MAX_POSITIONS} positions at most"
        )
    found = list(map(position_header.position_from_header, words))
    for position in found:
        if not 0 <= position.partition < _PARTITIONS.get(position.topic, 0):
            raise _refused(
                f"{position_header.POSITION_HEADER} names nothing that a view is built from; send "
                "it exactly as a write answered it"
            )
    return found


def _refused(detail: str) -> MalformedHeader:
    return MalformedHeader(
        detail, errors=[{"detail": detail, "parameter": position_header.POSITION_HEADER}]
    )
