"""The delivery log of an endpoint: read backwards from the end of its topic, as far as needed."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from avro_schemas.codec import decode
from avro_schemas.errors import Undecodable
from domain.values import TenantId
from domain.webhook.delivery import WebhookAttempt
from domain.webhook.endpoint import EndpointId
from infra.errors import BrokerUnavailable
from infra.http.tenant_slots import TenantSlots
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record, RecordReader
from infra.kafka.topics import WEBHOOK_ATTEMPTS

_PAGE_RECORDS = 2_000  # records of a partition that are read at once
_MOST_PAGES = 10
_MOST_READS_AT_ONCE = 4
_READ_TIMEOUT_SECONDS = 10.0


class TopicBounds(Protocol):
    """What knows where partitions begin and end: infra.kafka.offsets.log_bounds.LogBounds."""

    def of(self, partitions: list[Partition], /) -> Mapping[Partition, tuple[int, int]]:
        """Give the first offset and the end of each; raises BrokerUnavailable."""


class DeliveryLog:
    """Finds the last attempts at an endpoint among the last 20,000 of its partition.

    Nothing is kept in memory in between, so an endpoint that nobody looks at costs nothing.
    """

    def __init__(
        self,
        bounds: TopicBounds,
        open_reader: Callable[[Mapping[int, int]], AbstractContextManager[RecordReader]],
    ) -> None:
        self._bounds = bounds
        self._open_reader = open_reader
        self._places = TenantSlots(_MOST_READS_AT_ONCE, "reads of delivery logs")

    async def latest(
        self, tenant_id: TenantId, endpoint_id: EndpointId, at_most: int
    ) -> list[WebhookAttempt]:
        """List attempts, the newest first; raises BrokerUnavailable, Overloaded."""
        with self._places.take(tenant_id):
            return await asyncio.to_thread(self._latest, endpoint_id, at_most)

    def _latest(self, endpoint_id: EndpointId, at_most: int) -> list[WebhookAttempt]:
        numbers = range(WEBHOOK_ATTEMPTS.partitions)
        bounds = self._bounds.of([(WEBHOOK_ATTEMPTS.name, number) for number in numbers])
        firsts = {number: bounds[WEBHOOK_ATTEMPTS.name, number][0] for number in numbers}
        ends = {number: bounds[WEBHOOK_ATTEMPTS.name, number][1] for number in numbers}
        found: list[WebhookAttempt] = []
        for _ in range(_MOST_PAGES):
            starts = {
                number: max(firsts[number], ends[number] - _PAGE_RECORDS) for number in numbers
            }
            found += self._between(starts, ends, endpoint_id)
            if len(found) >= at_most or starts == firsts:
                break
            ends = starts
        newest_first = sorted(found, key=lambda each: each.attempted_at, reverse=True)
        return newest_first[:at_most]

    def _between(
        self, starts: Mapping[int, int], ends: Mapping[int, int], endpoint_id: EndpointId
    ) -> Iterator[WebhookAttempt]:
        left = {number: start for number, start in starts.items() if start < ends[number]}
        if not left:
            return
        deadline = time.monotonic() + _READ_TIMEOUT_SECONDS
        with self._open_reader(left) as reader:
            while any(reader.position(number) < ends[number] for number in left):
                if time.monotonic() > deadline:
                    raise BrokerUnavailable("the delivery log cannot be read now")
                for record in reader.poll():
                    if record.offset < ends[record.partition]:
                        yield from _attempts(record, endpoint_id)


def _attempts(record: Record, endpoint_id: EndpointId) -> Iterator[WebhookAttempt]:
    if record.key.decode("utf-8", "replace") != endpoint_id:
        return
    try:
        made = decode(record.value)
    except Undecodable:
        return  # of a newer release
    if isinstance(made, WebhookAttempt):
        yield made
