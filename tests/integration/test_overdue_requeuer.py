"""The sweeper on a real broker and a real log."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from avro_schemas.codec import decode, encode
from domain.asset.events import AssetEvent, AssetSubmitted
from domain.asset.jobs import ImageJob
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.group_consumer import GroupConsumer, Partition
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.record_lookup import RecordLookup
from infra.kafka.topics import (
    ASSET_COMMANDS,
    ASSET_EVENTS,
    GROUP_OFFSETS,
    IMAGE_JOBS,
    IMAGE_JOBS_DEAD_LETTERS,
)
from streams.ingestion.dispatcher.dispatcher import Dispatcher
from streams.ingestion.dispatcher.fair_scheduler import AdmissionLimits, FairScheduler
from streams.ingestion.dispatcher.overdue_requeuer import OverdueRunRequeuer, OverdueRuns
from tests.support.servers import Servers
from tests.support.stream_samples import insert, rejection

NOTHING, HOUR = timedelta(0), timedelta(hours=1)
WITHIN_SECONDS = 60.0


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(
        kafka, [ASSET_COMMANDS, ASSET_EVENTS, GROUP_OFFSETS, IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS]
    )
    return kafka


def now() -> datetime:
    return datetime.now(UTC)


def jobs(kafka: Kafka) -> list[str]:
    """Name the assets that work was ordered for, each time."""
    with read_from_beginning(kafka, IMAGE_JOBS) as reader:
        found = [decode(record.value) for record in reader.read_to_end()]
    return sorted(job.asset_id for job in found if isinstance(job, ImageJob))


def asked(kafka: Kafka) -> list[object]:
    """Give the commands that were sent to the decider."""
    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        return [decode(record.value) for record in reader.read_to_end()]


async def tell(sender: RecordProducer, *events: AssetEvent) -> None:
    for event in events:
        await sender.send(ASSET_EVENTS, event.asset_id, encode(event))


async def repeat(step: Callable[[], Awaitable[object]], until: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_SECONDS):
        while not until():
            await step()


class Parts:
    """A dispatcher, and a sweeper that sweeps when the test sets the time an hour on."""

    def __init__(self, kafka: Kafka, sender: RecordProducer, stack: AsyncExitStack) -> None:
        self.ahead = NOTHING
        turns = FairScheduler(AdmissionLimits(per_tenant=10, bulk=10, lease=HOUR))

        def opened(on_revoked: Callable[[list[Partition]], None]) -> GroupConsumer:
            reader = GroupConsumer(kafka, "dispatching", [ASSET_EVENTS], on_revoked=on_revoked)
            return stack.enter_context(reader)

        self._log = stack.enter_context(read_from_beginning(kafka, ASSET_EVENTS))
        self.dispatcher = Dispatcher(
            opened, stack.enter_context(RecordLookup(kafka, ASSET_EVENTS)), sender, turns, now
        )
        self.sweeper = OverdueRunRequeuer(
            self._log,
            sender,
            OverdueRuns(HOUR),
            stack.enter_context(RecordLookup(kafka, ASSET_EVENTS)),
            lambda: self.dispatcher.enqueued_up_to,
            lambda _: False,  # as if another dispatcher had ordered it
            lambda: now() + self.ahead,
            every=HOUR / 2,
        )

    def have_read_all(self) -> bool:
        return all(self._log.position(number) >= end for number, end in self._log.ends().items())


def test_a_job_that_vanished_is_ordered_again_and_one_that_ended_is_not(kafka: Kafka) -> None:
    lost, ended = recent(insert(str(uuid4()))), recent(insert(str(uuid4())))
    both = sorted([lost.asset_id, ended.asset_id])

    async def story() -> None:
        async with AsyncExitStack() as stack:
            sender = await stack.enter_async_context(RecordProducer(kafka))
            parts = Parts(kafka, sender, stack)
            await tell(sender, lost, ended)
            await repeat(parts.dispatcher.step, lambda: jobs(kafka) == both)
            await tell(sender, rejection(ended))
            await repeat(parts.sweeper.step, parts.have_read_all)
            assert jobs(kafka) == both, "it is not overdue yet"

            parts.ahead = 2 * HOUR
            await repeat(parts.sweeper.step, lambda: jobs(kafka) != both)

    asyncio.run(story())
    assert jobs(kafka) == sorted([*both, lost.asset_id])


def recent(event: AssetSubmitted) -> AssetSubmitted:
    return replace(event, metadata=replace(event.metadata, happened_at=now()))
