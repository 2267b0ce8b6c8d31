"""GET /v1/events: what happens, as it happens."""

from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import ScaleHosterError
from domain.values import TenantId
from infra.errors import BrokerUnavailable, Overloaded
from infra.http.access import Access
from infra.http.errors import RequestInvalid
from infra.http.openapi import documented
from infra.http.streaming_response import TimeoutStream
from query_api.errors import FeedPlaceRefused, TooManyListeners
from query_api.feed.feed import Feed, FeedRequest
from query_api.parameters import Moment
from query_api.read_context import preferred_wait

_MEDIA_TYPE = "text/event-stream"
_PATIENCE_SECONDS = 30.0
_EVENT = {
    "type": "object",
    "description": "One event of the stream; `data` is JSON, as a webhook has it.",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string", "examples": ["asset.published"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events, one after the other, until one side ends it",
        "content": {_MEDIA_TYPE: {"schema": _EVENT}},
    },
    **documented(FeedPlaceRefused, TooManyListeners, RequestInvalid, Overloaded, BrokerUnavailable),
}


class EventStream(TimeoutStream):
    """Server-Sent Events."""

    media_type = _MEDIA_TYPE


def routes(access: Access, feed: Feed, is_stopping: Callable[[], bool]) -> APIRouter:
    """Make the route; feeds end when the service stops or their key is revoked."""
    router = APIRouter(prefix="/v1/events", tags=["events"])

    @router.get("", status_code=HTTPStatus.OK, response_class=EventStream, responses=_RESPONSES)
    async def follow_events(
        request: Request,
        since: Annotated[
            Moment | None, Query(alias="from", description="Begin with what happened then.")
        ] = None,
        last_event_id: Annotated[
            str | None, Header(description="Go on behind the event that had this id.")
        ] = None,
        prefer: Annotated[
            str | None, Header(description="`wait=n`: end after n seconds.", examples=["wait=0"])
        ] = None,
    ) -> Response:
        """Follow your own events as Server-Sent Events; what a webhook tells is told here too.

        Without `from` and `Last-Event-ID` the feed begins with what happens now. Every `id` leads
        on without a gap and without a repetition; browsers send it by themselves when they connect
        again. It comes without an event now and then, so that a quiet feed is up to date too.
        """
        tenant_id = access.admit(request, "assets:read").tenant_id

        def is_welcome() -> bool:
            return not is_stopping() and _may_still(access, request, tenant_id)

        async with AsyncExitStack() as held:
            listener = held.enter_context(feed.listeners.join(tenant_id))
            after = None
            if last_event_id:
                after = feed.resume_tokens.decode(last_event_id, tenant_id)
            elif since is not None:
                after = await feed.since(since)
            feed_request = FeedRequest(
                after=after or listener.joined_at,
                since=None if last_event_id else since,
                seconds=preferred_wait(prefer or ""),
            )
            pieces = feed.stream(tenant_id, listener, feed_request, is_welcome)
            await held.enter_async_context(aclosing(pieces))
            return EventStream(
                pieces,
                held.pop_all(),
                _PATIENCE_SECONDS,
                {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"},
            )

    return router


def _may_still(access: Access, request: Request, tenant_id: TenantId) -> bool:
    """Tell whether the key that opened the feed is still good."""
    try:
        return access.admit(request, "assets:read").tenant_id == tenant_id
    except ScaleHosterError:
        return False
