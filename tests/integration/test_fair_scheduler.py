"""A dispatcher on a real broker lets tenants take turns, and loses nobody who waits."""

import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from avro_schemas.codec import encode
from domain.asset.events import AssetSubmitted
from domain.asset.jobs import ImageJob
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.record_lookup import RecordLookup
from infra.kafka.topics import ASSET_EVENTS, IMAGE_JOBS
from streams.ingestion.dispatcher.__main__ import TOPICS
from tests.support.eventually import eventually
from tests.support.servers import Servers
from tests.support.stream_processes import StreamProcesses, end
from tests.support.stream_samples import insert, rejection

DISPATCHER = "streams.ingestion.dispatcher"
BULK = 24
AT_ONCE = {"SCALEHOSTER_DISPATCH__PER_TENANT": "8", "SCALEHOSTER_DISPATCH__BULK": "12"}


@pytest.fixture
def processes(servers: Servers, topic_prefix: str, tmp_path: Path) -> Iterator[StreamProcesses]:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, TOPICS)
    with ExitStack() as stack:
        yield StreamProcesses(kafka=kafka, folder=tmp_path, allowed_origin="", stack=stack)


def inserts(tenant: str, count: int, *, is_bulk: bool) -> list[AssetSubmitted]:
    return [insert(str(uuid4()), tenant, is_bulk=is_bulk) for _ in range(count)]


def tell(processes: StreamProcesses, events: Iterable[AssetSubmitted]) -> None:
    processes.send(ASSET_EVENTS, *((event.asset_id, encode(event)) for event in events))


def finish(processes: StreamProcesses, events: Iterable[AssetSubmitted]) -> None:
    ends = [(event.asset_id, encode(rejection(event))) for event in events]
    processes.send(ASSET_EVENTS, *ends)


def ordered(processes: StreamProcesses, tenant: str) -> set[str]:
    jobs = processes.messages(IMAGE_JOBS)
    return {job.asset_id for job in jobs if isinstance(job, ImageJob) and job.tenant_id == tenant}


@pytest.mark.slow
def test_a_tenant_does_not_wait_for_anothers_bulk_and_nobody_is_lost_when_it_is_killed(
    processes: StreamProcesses,
) -> None:
    bulk = inserts("importer", BULK, is_bulk=True)
    tell(processes, bulk)
    first = processes.start(DISPATCHER, **AT_ONCE)
    eventually(lambda: len(ordered(processes, "importer")) == 8, within_seconds=60)

    single, other_bulk = inserts("single", 1, is_bulk=False), inserts("other", 6, is_bulk=True)
    tell(processes, [*single, *other_bulk])
    eventually(lambda: ordered(processes, "single"), within_seconds=60)
    eventually(lambda: len(ordered(processes, "other")) == 4, within_seconds=60)
    assert len(ordered(processes, "importer")) == 8, "nothing has ended yet"

    end(first, signal.SIGKILL)
    finished: set[str] = set()
    processes.start(DISPATCHER, **AT_ONCE)

    def everything_is_ordered() -> bool:
        """End what was ordered, so that others have their turn."""
        seen = ordered(processes, "importer") | ordered(processes, "other")
        due = [event for event in (*bulk, *other_bulk) if event.asset_id in seen - finished]
        finish(processes, due)
        finished.update(event.asset_id for event in due)
        return len(finished) == BULK + 6

    eventually(everything_is_ordered, within_seconds=60)


def test_single_records_are_read_again_wherever_they_lie(
    servers: Servers, topic_prefix: str
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    topic = replace(ASSET_EVENTS, partitions=3)
    apply_topics(kafka, [topic])
    _fill(kafka)
    with read_from_beginning(kafka, topic) as reader:
        records = {(each.partition, each.offset): each for each in reader.read_to_end()}
    places = list(records)
    scattered = [*places[::7], places[-1], places[0]]

    with RecordLookup(kafka, topic) as lookup:
        for wanted in (scattered, places[:3], []):
            assert lookup.read(wanted) == {place: records[place] for place in wanted}


def _fill(kafka: Kafka) -> None:
    """Write transactions, some of them given up, so that offsets have holes."""
    producer = Producer(kafka.transactional_producer("filler"))
    producer.init_transactions(30)
    for number in range(60):
        producer.begin_transaction()
        for line in range(10):
            key = f"{number}-{line}"
            producer.produce(kafka.topic(ASSET_EVENTS), key=key, value=key.encode())
        if number % 3:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
