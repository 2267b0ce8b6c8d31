"""Dispatchers on a real broker: every fact becomes its job, and every failure its next try."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from avro_schemas.codec import encode
from domain.asset.commands import DelayAsset, PublishAsset, RejectAsset
from domain.asset.events import AssetSubmitted
from domain.asset.jobs import ImageJob
from domain.values import EventId, Source
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, IMAGE_JOBS, RETRY_TIERS
from streams.ingestion.dispatcher.__main__ import TOPICS as DISPATCHED
from tests.support.eventually import eventually
from tests.support.picture_origin import PictureOrigin, picture_origin
from tests.support.servers import Servers
from tests.support.stream_processes import KILLED, StreamProcesses, end, partition_of
from tests.support.stream_samples import SUBMITTED

DISPATCHER, WORKER = "streams.ingestion.dispatcher", "streams.ingestion.worker"
pytestmark = pytest.mark.slow

Make = Callable[[str], AssetSubmitted]


@pytest.fixture
def origin() -> Iterator[PictureOrigin]:
    with picture_origin() as origin:
        yield origin


@pytest.fixture
def processes(
    servers: Servers, topic_prefix: str, origin: PictureOrigin, tmp_path: Path
) -> Iterator[StreamProcesses]:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [*DISPATCHED, ASSET_COMMANDS])
    with ExitStack() as stack:
        yield StreamProcesses(
            kafka=kafka, folder=tmp_path, allowed_origin=origin.address, stack=stack
        )


@pytest.fixture
def submitted(origin: PictureOrigin) -> Make:
    """Makes events of assets whose source lies at a path of the origin."""

    def make(path: str) -> AssetSubmitted:
        return replace(
            SUBMITTED,
            metadata=replace(
                SUBMITTED.metadata,
                entity_id=str(uuid4()),
                event_id=EventId(str(uuid4())),
                happened_at=datetime.now(UTC),
            ),
            source=Source(url=origin.url(path), upload_key=None, file_name=None),
        )

    return make


def tell(processes: StreamProcesses, *events: AssetSubmitted) -> None:
    processes.send(ASSET_EVENTS, *((event.asset_id, encode(event)) for event in events))


def jobs(processes: StreamProcesses) -> list[str]:
    """Name the jobs that were ordered, copies included."""
    ordered = processes.messages(IMAGE_JOBS)
    return sorted(job.job_id for job in ordered if isinstance(job, ImageJob))


def test_a_kill_after_the_order_repeats_the_same_job_and_loses_none(
    processes: StreamProcesses, submitted: Make
) -> None:
    first, second = submitted("/1.png"), submitted("/2.png")
    tell(processes, first)
    killed = processes.start(
        DISPATCHER, SCALEHOSTER_FAILPOINT="dispatcher.after_send_before_commit"
    )
    assert killed.wait(timeout=60) == KILLED
    assert jobs(processes) == [first.metadata.event_id]

    dispatcher = processes.start(DISPATCHER)
    tell(processes, second)
    eventually(lambda: second.metadata.event_id in jobs(processes), within_seconds=60)
    partition = partition_of(first.asset_id)
    eventually(
        lambda: processes.committed("streams.dispatching", ASSET_EVENTS)[partition] > 0,
        within_seconds=60,
    )

    assert jobs(processes) == sorted([*2 * [first.metadata.event_id], second.metadata.event_id])
    assert end(dispatcher, signal.SIGTERM) == 0


def test_a_source_that_recovers_is_published_and_one_that_does_not_is_rejected_in_the_end(
    processes: StreamProcesses, origin: PictureOrigin, submitted: Make
) -> None:
    recovering, hopeless = submitted("/503/2/cat.png"), submitted("/500/99/cat.png")
    tell(processes, recovering, hopeless)
    processes.start(DISPATCHER)
    processes.start(WORKER)

    def results() -> list[PublishAsset | RejectAsset]:
        commands = processes.messages(ASSET_COMMANDS)
        return [each for each in commands if isinstance(each, PublishAsset | RejectAsset)]

    eventually(lambda: len(results()) == 2, within_seconds=120)
    delays = [each for each in processes.messages(ASSET_COMMANDS) if isinstance(each, DelayAsset)]
    by_asset = {command.metadata.entity_id: command for command in results()}
    published, rejected = by_asset[recovering.asset_id], by_asset[hopeless.asset_id]
    assert isinstance(published, PublishAsset)
    assert isinstance(rejected, RejectAsset)
    assert (rejected.code, rejected.attempts) == ("http_status", 4)
    told = sorted(each.attempts for each in delays if each.metadata.entity_id == hopeless.asset_id)
    assert told == [1, 2, 3]
    assert origin.requests.count("/503/2/cat.png") == 3
    assert origin.requests.count("/500/99/cat.png") == 4


def test_retry_tiers_are_emptied_whoever_dies(processes: StreamProcesses, submitted: Make) -> None:
    events = [submitted(f"/503/1/{number}.png") for number in range(20)]
    tell(processes, *events)
    first = processes.start(DISPATCHER)
    processes.start(WORKER)
    eventually(lambda: processes.messages(*RETRY_TIERS), within_seconds=60)

    end(first, signal.SIGKILL)
    processes.start(DISPATCHER)

    def published() -> set[str]:
        return {
            command.metadata.entity_id
            for command in processes.messages(ASSET_COMMANDS)
            if isinstance(command, PublishAsset)
        }

    wanted = {event.asset_id for event in events}
    eventually(lambda: published() == wanted, within_seconds=120)
