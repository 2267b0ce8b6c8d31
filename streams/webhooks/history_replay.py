"""History replay: delivers a span of past events again, portion by portion."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from avro_schemas.codec import decode, encode
from avro_schemas.errors import KeysLost, Undecodable
from domain.asset.events import AssetEvent
from domain.webhook.delivery import WebhookRedelivery
from domain.webhook.endpoint import WebhookEndpoint
from infra.kafka.partition_reader import Record, RecordReader
from infra.kafka.producer import RecordSender
from infra.kafka.topics import ASSET_EVENTS, WEBHOOK_REDELIVERIES, WEBHOOKS_DEAD_LETTERS, Topic
from read_models.public_events import public_event_json, public_event_type
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from streams.runtime.dead_letter_queue import dead_lettered_if_it_fails
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.record_consumer import RecordConsumer, commit_if_possible
from streams.webhooks.fan_out import delivery_record

_POLL_SECONDS = 0.2
_MOST_SCANNED = 20_000  # records of a portion, whoever they belong to
_CLOCKS_APART = timedelta(minutes=10)  # an event's moment, and that of its record in the log

log = logging.getLogger(__name__)


class LogBoundsReader(Protocol):
    """What knows where partitions stood at a moment: infra.kafka.offsets.log_bounds.LogBounds."""

    def at(self, topic: Topic, moment: datetime) -> Mapping[int, int]:
        """Return the first offset of each partition since a moment; raises BrokerUnavailable."""


@dataclass(kw_only=True)
class HistoryReplay:
    """Replays one portion of one request at a time; the rest goes to the end of the topic.

    So no request keeps others waiting, and one that was begun goes on after a crash: at most one
    portion is delivered twice, under the same ids. ``portion`` is how many deliveries a request may
    make before the rest is sent, which happens after ``pause_seconds``.
    """

    reader: RecordConsumer
    sender: RecordSender
    table: WebhookEndpointTable
    bounds: LogBoundsReader
    open_history: Callable[[Mapping[int, int]], AbstractContextManager[RecordReader]]
    public_base_url: str
    clock: Callable[[], datetime]
    portion: int
    pause_seconds: float = 1.0
    _read: list[Record] = field(default_factory=list, init=False)

    async def step(self) -> int:
        """Replay the next portion, and return how many deliveries it made.

        Raises BrokerUnavailable; the request that was read then is left to the next step.
        """
        self._read = self._read or await asyncio.to_thread(self.reader.poll, 1, _POLL_SECONDS)
        if not self._read:
            return 0
        record, delivered = self._read[0], 0
        async with dead_lettered_if_it_fails(
            self.sender, WEBHOOKS_DEAD_LETTERS, record, self.clock
        ):
            delivered = await self._work_on(record)
        self._read = []
        done = {(record.topic, record.partition): record.offset + 1}
        await asyncio.to_thread(commit_if_possible, self.reader, done)
        return delivered

    async def _work_on(self, record: Record) -> int:
        asked = decode(record.value)
        if not isinstance(asked, WebhookRedelivery):
            return 0
        endpoint = self.table.get(asked.endpoint_id)
        if endpoint is None or not self.table.is_on(asked.endpoint_id):
            return 0
        if not asked.ends:
            asked = await asyncio.to_thread(self._begun, asked)
        events, rest = await asyncio.to_thread(self._portion, asked, endpoint)
        now = self.clock()
        await asyncio.gather(*(self._deliver(event, endpoint, now) for event in events))
        if rest is not None:
            await asyncio.sleep(self.pause_seconds)
            value = encode(rest)
            await send_until_durable(self.sender, WEBHOOK_REDELIVERIES, rest.endpoint_id, value)
        return len(events)

    async def _deliver(self, event: AssetEvent, endpoint: WebhookEndpoint, now: datetime) -> None:
        try:
            body = public_event_json(event, self.public_base_url)
            await send_until_durable(
                self.sender, *delivery_record(event, endpoint, body, now, is_redelivery=True)
            )
        except KeysLost:
            raise
        except Exception:  # the fan-out has dead-lettered it; the rest goes on
            log.exception("event %s cannot be delivered again", event.metadata.event_id)

    def _begun(self, asked: WebhookRedelivery) -> WebhookRedelivery:
        positions = self.bounds.at(ASSET_EVENTS, asked.since - _CLOCKS_APART)
        ends = self.bounds.at(ASSET_EVENTS, asked.until + _CLOCKS_APART)
        return replace(asked, positions=_in_order(positions), ends=_in_order(ends))

    def _portion(
        self, asked: WebhookRedelivery, endpoint: WebhookEndpoint
    ) -> tuple[list[AssetEvent], WebhookRedelivery | None]:
        """Return the events of the next portion, and what is left of the request."""
        left = {p: at for p, at in enumerate(asked.positions) if at < asked.ends[p]}
        types = asked.event_types or endpoint.event_types
        found: list[AssetEvent] = []
        scanned = 0
        with self.open_history(left) as history:
            while left and len(found) < self.portion and scanned < _MOST_SCANNED:
                records = history.poll()
                scanned += len(records)
                found += _wanted(records, asked, types)
                left = {p: at for p in left if (at := history.position(p)) < asked.ends[p]}
        if not left:
            return found, None
        reached = tuple(left.get(p, asked.ends[p]) for p in range(len(asked.ends)))
        return found, replace(asked, positions=reached)


def _wanted(
    records: Iterable[Record], asked: WebhookRedelivery, types: tuple[str, ...]
) -> Iterable[AssetEvent]:
    for record in records:
        try:
            event = decode(record.value)
        except Undecodable:
            continue  # the fan-out has dead-lettered it
        if (
            isinstance(event, AssetEvent)
            and event.metadata.tenant_id == asked.tenant_id
            and asked.since <= event.metadata.happened_at < asked.until
            and public_event_type(event) in types
        ):
            yield event


def _in_order(offsets: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(offsets[partition] for partition in sorted(offsets))
