"""Fan-out: one delivery of each event for each endpoint that subscribed to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from avro_schemas.codec import decode, encode
from domain.asset.events import AssetEvent
from domain.webhook.delivery import WebhookDelivery
from domain.webhook.endpoint import WebhookEndpoint
from infra.failpoints import pass_by
from infra.kafka.partition_reader import Record
from infra.kafka.producer import RecordSender
from infra.kafka.topics import WEBHOOK_DELIVERIES, WEBHOOKS_DEAD_LETTERS, Topic
from read_models.public_events import public_event_json, public_event_type
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from streams.runtime.dead_letter_queue import dead_lettered_if_it_fails
from streams.runtime.durable_producer import send_until_durable
from streams.runtime.record_consumer import RecordConsumer, commit_if_possible

_BATCH = 500
_POLL_SECONDS = 0.2
_NAMESPACE = UUID("0f4d4f0a-6b0a-5a53-8a39-1f6d1c0f9a52")  # never changes: repeats are known by it

DeliveryRecord = tuple[Topic, str, bytes]


@dataclass(kw_only=True)
class DeliveryFanOut:
    """Follows asset events and sends their deliveries, under the same ids however often it does.

    ``know_endpoints`` returns when the table holds every endpoint that was registered before it was
    called; so an endpoint gets every event after its registration. A delivery is acknowledged
    by the broker before its event is committed. An event that fails becomes a dead letter.
    """

    reader: RecordConsumer
    sender: RecordSender
    table: WebhookEndpointTable
    know_endpoints: Callable[[], Awaitable[None]]
    public_base_url: str
    clock: Callable[[], datetime]
    _read: list[Record] = field(default_factory=list, init=False)

    async def step(self) -> int:
        """Send the deliveries of the next events, and return how many events.

        Raises BrokerUnavailable; the events that were read then are left to the next step.
        """
        self._read = self._read or await asyncio.to_thread(self.reader.poll, _BATCH, _POLL_SECONDS)
        if not self._read:
            return 0
        await self.know_endpoints()
        records, self._read = self._read, []
        await asyncio.gather(*(self._fan_out(record) for record in records))
        pass_by("notifier.after_announcing_before_commit")
        offsets = {(record.topic, record.partition): record.offset + 1 for record in records}
        await asyncio.to_thread(commit_if_possible, self.reader, offsets)
        return len(records)

    async def _fan_out(self, record: Record) -> None:
        async with dead_lettered_if_it_fails(
            self.sender, WEBHOOKS_DEAD_LETTERS, record, self.clock
        ):
            for each in list(self._orders(record)):
                await send_until_durable(self.sender, *each)

    def _orders(self, record: Record) -> Iterator[DeliveryRecord]:
        event = decode(record.value)
        if not isinstance(event, AssetEvent):
            return
        kind = public_event_type(event)
        subscribers = [
            endpoint
            for endpoint in self.table.of(event.metadata.tenant_id)
            if endpoint.wants(kind, record.partition, record.offset)
            and self.table.is_on(endpoint.endpoint_id)
        ]
        if subscribers:
            body = public_event_json(event, self.public_base_url)
            for endpoint in subscribers:
                yield delivery_record(event, endpoint, body, self.clock(), is_redelivery=False)


def delivery_record(
    event: AssetEvent, endpoint: WebhookEndpoint, body: str, now: datetime, *, is_redelivery: bool
) -> DeliveryRecord:
    """Encode the delivery of an event to an endpoint: topic, key and value."""
    event_id = event.metadata.event_id
    delivery = WebhookDelivery(
        delivery_id=f"msg_{uuid5(_NAMESPACE, f'{event_id} {endpoint.endpoint_id}').hex}",
        endpoint_id=endpoint.endpoint_id,
        tenant_id=endpoint.tenant_id,
        entity_id=event.metadata.entity_id,
        event_id=event_id,
        event_type=public_event_type(event),
        body=body,
        ordered_at=now,
        is_redelivery=is_redelivery,
        attempts=0,
        not_before=None,
    )
    return WEBHOOK_DELIVERIES, endpoint.endpoint_id, encode(delivery)
