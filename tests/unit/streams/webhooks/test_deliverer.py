"""Deliveries are carried out, put off or given up; nothing is settled before what follows is."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from domain.dead_letter import DeadLetter
from domain.webhook.delivery import WebhookAttempt, WebhookDelivery
from domain.webhook.endpoint import EndpointHealth
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.topics import (
    WEBHOOK_ATTEMPTS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_HOLD_1S,
    WEBHOOK_HOLD_10S,
    WEBHOOKS_DEAD_LETTERS,
)
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from streams.webhooks.deliverer import Deliverer
from streams.webhooks.delivery_retries import delivery_retry_policy
from streams.webhooks.endpoint_health import EndpointHealthTracker
from streams.webhooks.webhook_sender import DeliveryResponse
from tests.support.fakes.memory_webhooks import MemoryTopics
from tests.support.fakes.stream_fakes import FakeReader, record
from tests.support.samples import NOON
from tests.support.webhook_parts import DELIVERY, ENDPOINT, FakePoster, answer

PARTITION = (WEBHOOK_DELIVERIES.name, 0)


class Desk:
    """A deliverer with its surroundings; ``offsets`` are given to what it reads in order."""

    def __init__(self, *answers: DeliveryResponse, now_seconds: float = 0) -> None:
        self.table = WebhookEndpointTable()
        self.table.put(ENDPOINT)
        self.topics = MemoryTopics(table=self.table)
        self.webhook_sender = FakePoster(*answers)
        self.now = NOON + timedelta(seconds=now_seconds)
        self.reader = FakeReader()
        self.revoke: list[Callable[[list[Partition]], None]] = []
        self.deliverer = Deliverer(
            open_reader=self._open,
            sender=self.topics,
            table=self.table,
            webhook_sender=self.webhook_sender,
            retry_policy=delivery_retry_policy((5, 60)),
            endpoint_health=EndpointHealthTracker(
                self.table, self.topics, disable_after=timedelta(days=5)
            ),
            clock=lambda: self.now,
        )

    def _open(self, on_revoked: Callable[[list[Partition]], None]) -> FakeReader:
        self.revoke.append(on_revoked)
        return self.reader

    def read(self, *values: bytes) -> "Desk":
        self.reader.batches.append(
            [
                record(value, topic=WEBHOOK_DELIVERIES.name, offset=offset)
                for offset, value in enumerate(values)
            ]
        )

        async def all_of_it() -> None:
            await self.deliverer.step()
            await self.deliverer.finish()

        asyncio.run(all_of_it())
        return self

    def deliver(self, *deliveries: WebhookDelivery) -> "Desk":
        return self.read(*map(encode, deliveries))

    @property
    def attempts(self) -> list[WebhookAttempt]:
        return [one for one in self.topics.on(WEBHOOK_ATTEMPTS) if isinstance(one, WebhookAttempt)]

    @property
    def held(self) -> list[WebhookDelivery]:
        found = self.topics.on(WEBHOOK_HOLD_1S)
        return [one for one in found if isinstance(one, WebhookDelivery)]

    @property
    def buried(self) -> list[str]:
        found = self.topics.on(WEBHOOKS_DEAD_LETTERS)
        return [one.code for one in found if isinstance(one, DeadLetter)]


def test_what_is_taken_is_noted_and_settled() -> None:
    desk = Desk().deliver(DELIVERY)
    assert desk.webhook_sender.posted == [DELIVERY]
    (attempt,) = desk.attempts
    assert (attempt.outcome, attempt.number, attempt.status) == ("delivered", 1, 200)
    assert desk.reader.committed == {PARTITION: 1}


@pytest.mark.parametrize("status", [None, 301, 400, 404, 429, 500, 503])
def test_what_is_not_taken_waits_for_its_next_try(status: int | None) -> None:
    desk = Desk(answer(status)).deliver(DELIVERY)
    (held,) = desk.held
    assert (held.attempts, held.delivery_id, held.body) == (1, "msg_1", DELIVERY.body)
    assert held.not_before is not None
    assert timedelta(seconds=4) <= held.not_before - NOON <= timedelta(seconds=6)
    (attempt,) = desk.attempts
    assert (attempt.outcome, attempt.next_attempt_at) == ("failed", held.not_before)
    assert desk.table.health(ENDPOINT.endpoint_id).failing_since == NOON
    assert desk.reader.committed == {PARTITION: 1}


def test_after_the_last_try_it_is_given_up_and_kept_as_a_dead_letter() -> None:
    desk = Desk(answer(500)).deliver(replace(DELIVERY, attempts=2))
    assert desk.held == []
    assert desk.buried == ["given_up"]
    assert [(one.outcome, one.number) for one in desk.attempts] == [("given_up", 3)]


def test_410_switches_the_endpoint_off_and_nothing_more_is_sent() -> None:
    desk = Desk(answer(410)).deliver(DELIVERY)
    health = desk.table.health(ENDPOINT.endpoint_id)
    assert (health.disabled_because, health.disabled_at) == ("gone", NOON)
    assert desk.topics.records[WEBHOOK_ENDPOINTS.name][-1].key.endswith(b"/health")
    desk.deliver(replace(DELIVERY, delivery_id="msg_2"))
    assert len(desk.webhook_sender.posted) == 1
    assert desk.held == []


def test_an_endpoint_at_which_nothing_worked_for_too_long_is_switched_off() -> None:
    desk = Desk(answer(500), answer(500), now_seconds=5 * 86_400)
    desk.table.put(EndpointHealth(endpoint_id=ENDPOINT.endpoint_id, failing_since=NOON))
    desk.deliver(DELIVERY)
    assert desk.table.health(ENDPOINT.endpoint_id).disabled_because == "failing"


def test_something_that_worked_in_between_forgives_what_failed() -> None:
    desk = Desk(answer(200), answer(500), now_seconds=5 * 86_400)
    desk.table.put(EndpointHealth(endpoint_id=ENDPOINT.endpoint_id, failing_since=NOON))
    desk.deliver(DELIVERY)
    assert desk.table.health(ENDPOINT.endpoint_id).failing_since is None
    desk.deliver(DELIVERY)
    health = desk.table.health(ENDPOINT.endpoint_id)
    assert (health.failing_since, health.disabled_at) == (desk.now, None)


def test_what_is_not_due_yet_goes_on_waiting() -> None:
    later = replace(DELIVERY, not_before=NOON + timedelta(seconds=30))
    desk = Desk().deliver(later)
    assert desk.webhook_sender.posted == []
    assert desk.topics.on(WEBHOOK_HOLD_10S) == [later]


def test_what_finds_no_room_is_put_off_without_counting_as_a_try() -> None:
    desk = Desk().deliver(*(replace(DELIVERY, delivery_id=f"msg_{n}") for n in range(10)))
    assert len(desk.webhook_sender.posted) == 4
    assert [held.attempts for held in desk.held] == 6 * [0]
    moments = [held.not_before for held in desk.held if held.not_before]
    assert moments == sorted(set(moments))
    assert desk.reader.committed == {PARTITION: 10}


def test_what_nobody_can_read_is_put_aside_and_stops_nothing() -> None:
    desk = Desk().read(b"nonsense", encode(DELIVERY))
    assert desk.buried == ["undecodable"]
    assert len(desk.webhook_sender.posted) == 1
    assert desk.reader.committed == {PARTITION: 2}


def test_what_is_for_a_removed_endpoint_is_dropped() -> None:
    desk = Desk()
    desk.table.remove(ENDPOINT.endpoint_id)
    assert desk.deliver(DELIVERY).webhook_sender.posted == []
    assert desk.reader.committed == {PARTITION: 1}


def test_what_tells_of_something_erased_is_dropped() -> None:
    desk = Desk()
    assert desk.deliver(replace(DELIVERY, body="")).webhook_sender.posted == []
    assert desk.reader.committed == {PARTITION: 1}


class HeldPoster(FakePoster):
    """Answers the first one only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.release = asyncio.Event()

    async def post(self, *arguments: object) -> DeliveryResponse:
        self.posted.append(arguments[1])  # type: ignore[arg-type] # a delivery
        if len(self.posted) == 1:
            await self.release.wait()
        return answer(200)


def test_a_partition_is_settled_up_to_the_first_that_is_under_way() -> None:
    desk = Desk()
    desk.deliverer.webhook_sender = webhook_sender = HeldPoster()
    records: list[Record] = [
        record(encode(DELIVERY), topic=WEBHOOK_DELIVERIES.name, offset=n) for n in range(4)
    ]
    desk.reader.batches.extend([records[:3], records[3:]])

    async def run() -> None:
        await desk.deliverer.step()
        await desk.deliverer.step()
        await asyncio.sleep(0)
        assert len(webhook_sender.posted) == 4
        assert desk.reader.committed == {}
        webhook_sender.release.set()
        await desk.deliverer.finish()

    asyncio.run(run())
    assert desk.reader.committed == {PARTITION: 4}


def test_what_was_under_way_in_a_partition_that_was_lost_is_not_settled_by_us() -> None:
    desk = Desk()
    desk.deliverer.webhook_sender = webhook_sender = HeldPoster()
    desk.reader.batches.append([record(encode(DELIVERY), topic=WEBHOOK_DELIVERIES.name)])

    async def run() -> None:
        await desk.deliverer.step()
        desk.revoke[0]([PARTITION])
        await desk.deliverer.step()
        webhook_sender.release.set()
        await desk.deliverer.finish()

    asyncio.run(run())
    assert desk.reader.committed == {}


def test_a_lost_keyring_ends_the_process_instead_of_losing_a_delivery() -> None:
    class Broken(FakePoster):
        async def post(self, *_: object) -> DeliveryResponse:
            raise KeysLost("away")

    desk = Desk()
    desk.deliverer.webhook_sender = Broken()
    desk.reader.batches.append([record(encode(DELIVERY), topic=WEBHOOK_DELIVERIES.name)])

    async def run() -> None:
        await desk.deliverer.step()
        await asyncio.sleep(0)
        with pytest.raises(KeysLost):
            await desk.deliverer.step()

    asyncio.run(run())
    assert desk.reader.committed == {}
