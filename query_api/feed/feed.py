"""One client's feed, as Server-Sent Events: first what it missed, then what happens."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from avro_schemas.errors import KeysLost
from domain.values import TenantId
from query_api.feed.listeners import FeedCheckpoint, FeedEvent, Listener, Listeners
from query_api.feed.missed_events import MissedEvents, OpenHistoryReader
from query_api.feed.resume_tokens import Offsets, ResumeTokens
from read_models.public_events import public_event_json, public_event_type

_LOOK_SECONDS = 1.0  # how soon a revoked key and a stop are noticed
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before there was anything of ours
_CLOCKS_APART = timedelta(minutes=10)  # an event's moment, and that of its record in the log
_KEYS_AWAY = b": the keys of the next event are away; come back with Last-Event-ID\n"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRequest:
    """What a client wants: everything from these offsets on, or since a moment, for some time.

    ``seconds`` None is until somebody ends it.
    """

    after: Offsets
    since: datetime | None
    seconds: float | None


class Feed:
    """Makes the feeds of one process.

    ``open_history`` reads the log, a few at once (see MissedEvents), ``offsets_at`` gives the
    offsets that it had reached at a moment; both run in threads of their own.
    """

    def __init__(
        self,
        listeners: Listeners,
        resume_tokens: ResumeTokens,
        *,
        open_history: OpenHistoryReader,
        offsets_at: Callable[[datetime], Mapping[int, int]],
        public_base_url: str,
        heartbeat_seconds: float,
        stall_timeout_seconds: float = 1.0,
    ) -> None:
        self.listeners = listeners
        self.resume_tokens = resume_tokens
        self._missed = MissedEvents(open_history, stall_timeout_seconds=stall_timeout_seconds)
        self._offsets_at = offsets_at
        self._public_base_url = public_base_url
        self._heartbeat_seconds = heartbeat_seconds

    async def since(self, moment: datetime) -> dict[int, int]:
        """Give offsets before everything that happened from this moment on.

        Raises BrokerUnavailable.
        """
        asked = max(moment, _EARLIEST) - _CLOCKS_APART
        return dict(await asyncio.to_thread(self._offsets_at, asked))

    async def stream(
        self,
        tenant_id: TenantId,
        listener: Listener,
        feed_request: FeedRequest,
        is_welcome: Callable[[], bool],
    ) -> AsyncGenerator[bytes]:
        """Send each event of the tenant from there on once, in the order of each asset.

        Each has an id from which another feed goes on without a gap. The feed ends when the time is
        over, when ``is_welcome`` says no, and when the client takes less than happens. No event is
        passed over while the keyring is away: a feed of what happens stands still before it, one of
        what was missed ends there.
        """
        at = dict(feed_request.after)
        yield self._resume_token(at, tenant_id)
        try:
            write = partial(self._missed_event, tenant_id, feed_request.since)
            missed = self._missed.pieces(tenant_id, at, listener.joined_at, write)
            async with aclosing(missed):
                async for piece in missed:
                    yield piece
                    if not is_welcome():
                        return
        except KeysLost as lost:
            log.error("a feed ends before what it missed: %s", lost)  # noqa: TRY400 - that says it all
            yield _KEYS_AWAY + self._resume_token(at, tenant_id)
            return
        ends_at = None if feed_request.seconds is None else time.monotonic() + feed_request.seconds
        sent_at = time.monotonic()
        while is_welcome() and not listener.is_over:
            now = time.monotonic()
            if ends_at is not None and now >= ends_at:
                return
            came = await listener.next(
                _LOOK_SECONDS if ends_at is None else min(_LOOK_SECONDS, ends_at - now)
            )
            match came:
                case FeedEvent() if came.offset >= at[came.partition]:
                    at[came.partition] = came.offset + 1
                    yield self._event(came, at, tenant_id)
                    sent_at = time.monotonic()
                case FeedCheckpoint():
                    at |= {p: max(at[p], offset) for p, offset in came.offsets.items()}
                    yield self._resume_token(at, tenant_id)
                case None if time.monotonic() - sent_at >= self._heartbeat_seconds:
                    self.listeners.send_checkpoint(listener)
                    sent_at = time.monotonic()

    def _missed_event(
        self, tenant_id: TenantId, since: datetime | None, happened: FeedEvent | None, at: Offsets
    ) -> bytes | None:
        """Write a missed event; without one the resume token, from which a client may go on."""
        if happened is None:
            return self._resume_token(at, tenant_id)
        if not _is_wanted(happened, tenant_id, since):
            return None
        return self._event(happened, at, tenant_id)

    def _event(self, happened: FeedEvent, at: Offsets, tenant_id: TenantId) -> bytes:
        text = public_event_json(happened.event, self._public_base_url)
        kind = public_event_type(happened.event)
        token = self.resume_tokens.encode(at, tenant_id)
        return f"id: {token}\nevent: {kind}\ndata: {text}\n\n".encode()

    def _resume_token(self, at: Offsets, tenant_id: TenantId) -> bytes:
        """Send the resume token alone: without data it is no event, and keeps proxies awake."""
        return f"id: {self.resume_tokens.encode(at, tenant_id)}\n\n".encode()


def _is_wanted(happened: FeedEvent, tenant_id: TenantId, since: datetime | None) -> bool:
    metadata = happened.event.metadata
    return metadata.tenant_id == tenant_id and (since is None or metadata.happened_at >= since)
