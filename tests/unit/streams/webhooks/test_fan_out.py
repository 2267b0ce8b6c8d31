"""Facts become deliveries: to whom, of what, from when on; and history is told again."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from avro_schemas.codec import encode
from domain.asset.events import AssetEvent
from domain.values import EventId, TenantId
from domain.webhook.delivery import WebhookDelivery, WebhookRedelivery
from domain.webhook.endpoint import EndpointHealth, EndpointId, WebhookEndpoint
from infra.errors import BrokerUnavailable
from infra.kafka.partition_reader import Record
from infra.kafka.topics import (
    ASSET_EVENTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_REDELIVERIES,
    WEBHOOKS_DEAD_LETTERS,
    Topic,
)
from streams.webhooks.fan_out import DeliveryFanOut
from streams.webhooks.history_replay import HistoryReplay
from tests.support.fakes.memory_webhooks import MemoryReader, MemoryTopics
from tests.support.fakes.stream_fakes import FakeReader, record
from tests.support.samples import ACME, NOON
from tests.support.stream_samples import SUBMITTED
from tests.support.webhook_parts import ENDPOINT, endpoint

OTHER = TenantId("other")


def event(number: int, tenant_id: TenantId = ACME) -> AssetEvent:
    """Make the number-th event, one a minute."""
    about = replace(
        SUBMITTED.metadata,
        event_id=EventId(f"e-{number}"),
        tenant_id=tenant_id,
        happened_at=NOON + timedelta(minutes=number),
    )
    return replace(SUBMITTED, metadata=about)


def records(*events: AssetEvent) -> list[Record]:
    return [
        record(encode(each), topic=ASSET_EVENTS.name, offset=offset)
        for offset, each in enumerate(events)
    ]


class Street:
    """An announcer with its surroundings."""

    def __init__(self, *endpoints: WebhookEndpoint) -> None:
        self.topics = MemoryTopics()
        for each in endpoints:
            self.topics.table.put(each)
        self.reader = FakeReader()
        self.trouble: list[Exception] = []
        self.announcer = DeliveryFanOut(
            reader=self.reader,
            sender=self.topics,
            table=self.topics.table,
            know_endpoints=self._know,
            public_base_url="https://img.example",
            clock=lambda: NOON,
        )

    async def _know(self) -> None:
        if self.trouble:
            raise self.trouble.pop()

    def announce(self, *events: AssetEvent) -> list[WebhookDelivery]:
        self.reader.batches.append(records(*events))
        asyncio.run(self.announcer.step())
        return deliveries(self.topics)


def deliveries(topics: MemoryTopics) -> list[WebhookDelivery]:
    found = topics.on(WEBHOOK_DELIVERIES)
    return [one for one in found if isinstance(one, WebhookDelivery)]


def test_every_endpoint_of_the_tenant_that_wants_it_is_told() -> None:
    second, strange = endpoint("second"), endpoint("strange", OTHER)
    picky = replace(endpoint("picky"), event_types=("asset.rejected",))
    told = Street(ENDPOINT, second, strange, picky).announce(event(1))
    assert {one.endpoint_id for one in told} == {ENDPOINT.endpoint_id, second.endpoint_id}
    assert {one.event_type for one in told} == {"asset.submitted"}
    assert len({one.delivery_id for one in told}) == 2


def test_the_same_fact_announced_again_is_the_same_delivery() -> None:
    first, again = Street(ENDPOINT).announce(event(1)), Street(ENDPOINT).announce(event(1))
    assert first == again
    assert Street(ENDPOINT).announce(event(2))[0].delivery_id != first[0].delivery_id


def test_one_that_was_registered_later_is_not_told_of_what_was_before() -> None:
    late = replace(ENDPOINT, starts_at=(1, *ENDPOINT.starts_at[1:]))
    told = Street(late).announce(event(1), event(2))
    assert [one.event_id for one in told] == ["e-2"]


def test_one_that_is_switched_off_is_not_told() -> None:
    street = Street(ENDPOINT)
    street.topics.table.put(EndpointHealth(endpoint_id=ENDPOINT.endpoint_id, disabled_at=NOON))
    assert street.announce(event(1)) == []
    assert street.reader.committed == {(ASSET_EVENTS.name, 0): 1}


def test_what_was_read_while_the_broker_was_away_is_announced_later() -> None:
    street = Street(ENDPOINT)
    street.trouble.append(BrokerUnavailable("away"))
    with pytest.raises(BrokerUnavailable):
        street.announce(event(1))
    assert street.reader.committed == {}
    for _ in range(2):
        asyncio.run(street.announcer.step())
        assert [one.event_id for one in deliveries(street.topics)] == ["e-1"]


def test_what_nobody_can_read_is_put_aside() -> None:
    street = Street(ENDPOINT)
    street.reader.batches.append([record(b"nonsense", topic=ASSET_EVENTS.name)])
    asyncio.run(street.announcer.step())
    assert len(street.topics.on(WEBHOOKS_DEAD_LETTERS)) == 1
    assert street.reader.committed == {(ASSET_EVENTS.name, 0): 1}


class History:
    """A log with all its events in partition 0, a minute apart, and a redeliverer that reads it."""

    def __init__(self, *events: AssetEvent, portion: int = 100) -> None:
        self.topics = MemoryTopics()
        self.topics.table.put(ENDPOINT)
        self.records = records(*events)
        self.reader = FakeReader()
        self.opened: list[Mapping[int, int]] = []
        self.redeliverer = HistoryReplay(
            reader=self.reader,
            sender=self.topics,
            table=self.topics.table,
            bounds=self,
            open_history=self._open,
            public_base_url="https://img.example",
            clock=lambda: NOON,
            portion=portion,
            pause_seconds=0,
        )

    def at(self, topic: Topic, moment: datetime) -> dict[int, int]:
        """Tell where partitions stood; as if records came a little before their events."""
        minutes = (moment - NOON) / timedelta(minutes=1)
        empty = dict.fromkeys(range(topic.partitions), 0)
        return empty | {0: max(0, min(round(minutes), len(self.records)))}

    @contextmanager
    def _open(self, starts: Mapping[int, int]) -> Iterator[MemoryReader]:
        self.opened.append(starts)
        yield MemoryReader(self.records, starts[0])

    def redeliver(self, since: float, until: float, *types: str) -> list[str]:
        asked = WebhookRedelivery(
            redelivery_id="r",
            endpoint_id=ENDPOINT.endpoint_id,
            tenant_id=ACME,
            since=NOON + timedelta(minutes=since),
            until=NOON + timedelta(minutes=until),
            event_types=types,
            positions=(),
            ends=(),
        )
        self.reader.batches.append([record(encode(asked), topic=WEBHOOK_REDELIVERIES.name)])
        asyncio.run(self.redeliverer.step())
        return self.told

    @property
    def told(self) -> list[str]:
        return [one.event_id for one in deliveries(self.topics)]

    def go_on(self) -> int:
        """Hand the rest of each order back, until none is left; count the portions."""
        portions = 0
        while orders := self.topics.records.pop(WEBHOOK_REDELIVERIES.name, []):
            portions += 1
            self.reader.batches.append(orders)
            asyncio.run(self.redeliverer.step())
        return portions


def test_a_stretch_of_history_is_told_again_and_nothing_around_it() -> None:
    history = History(*(event(number) for number in range(60)))
    assert history.redeliver(20, 23) == ["e-20", "e-21", "e-22"]
    assert all(one.is_redelivery for one in deliveries(history.topics))
    assert history.opened == [{0: 10}]


def test_the_same_event_goes_out_under_the_id_that_it_had() -> None:
    history = History(*(event(number) for number in range(3)))
    history.redeliver(1, 2)
    (again,) = deliveries(history.topics)
    (first,) = Street(ENDPOINT).announce(event(1))
    assert (again.delivery_id, again.body) == (first.delivery_id, first.body)


def test_history_of_others_and_of_other_kinds_is_not_told() -> None:
    history = History(event(0), event(1, OTHER), event(2))
    assert history.redeliver(0, 3, "asset.deleted") == []
    assert history.redeliver(0, 3) == ["e-0", "e-2"]


def test_a_long_history_is_told_in_portions_and_none_of_it_is_missing_or_doubled() -> None:
    history = History(*(event(number) for number in range(60)), portion=10)
    history.redeliver(0, 60)
    assert history.go_on() > 2
    assert sorted(history.told) == sorted(f"e-{number}" for number in range(60))


def test_an_order_that_met_a_broker_that_was_away_is_worked_on_later() -> None:
    history = History(event(0))
    away, bounds = BrokerUnavailable("away"), history.redeliverer.bounds

    class Away:
        def at(self, *_: object) -> dict[int, int]:
            raise away

    history.redeliverer.bounds = Away()
    with pytest.raises(BrokerUnavailable):
        history.redeliver(0, 1)
    assert history.reader.committed == {}
    history.redeliverer.bounds = bounds
    asyncio.run(history.redeliverer.step())
    assert history.told == ["e-0"]


def test_nothing_is_told_again_to_one_that_is_gone() -> None:
    history = History(event(0))
    history.topics.table.remove(EndpointId(ENDPOINT.endpoint_id))
    assert history.redeliver(0, 1) == []
