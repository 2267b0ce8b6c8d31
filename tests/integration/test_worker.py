"""Image workers on a real broker, with a real sandbox: what they are told to do gets done."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from avro_schemas.codec import encode
from domain.asset.commands import PublishAsset, RejectAsset
from domain.asset.jobs import ImageJob
from domain.dead_letter import DeadLetter
from domain.identity import result_command_id
from domain.values import AssetId, EventId, Source
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.topics import ASSET_COMMANDS, IMAGE_JOBS, IMAGE_JOBS_DEAD_LETTERS, RETRY_TIERS
from streams.ingestion.worker.faust_app import GROUP
from tests.support.eventually import eventually
from tests.support.picture_origin import PictureOrigin, picture, picture_origin
from tests.support.servers import Servers
from tests.support.stream_processes import (
    KILLED,
    StreamProcesses,
    assets_in_partition,
    end,
    partition_of,
)
from tests.support.stream_samples import JOB

WORKER = "streams.ingestion.worker"
pytestmark = pytest.mark.slow

Make = Callable[[str], ImageJob]


@pytest.fixture
def origin() -> Iterator[PictureOrigin]:
    with picture_origin() as origin:
        yield origin


@pytest.fixture
def processes(
    servers: Servers, topic_prefix: str, origin: PictureOrigin, tmp_path: Path
) -> Iterator[StreamProcesses]:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [ASSET_COMMANDS, IMAGE_JOBS, *RETRY_TIERS, IMAGE_JOBS_DEAD_LETTERS])
    with ExitStack() as stack:
        yield StreamProcesses(
            kafka=kafka, folder=tmp_path, allowed_origin=origin.address, stack=stack
        )


@pytest.fixture
def job(origin: PictureOrigin) -> Make:
    """Makes jobs for what lies at a path of the origin."""

    def make(path: str, asset_id: AssetId | None = None) -> ImageJob:
        return replace(
            JOB,
            job_id=EventId(str(uuid4())),
            asset_id=asset_id or AssetId(str(uuid4())),
            source=Source(url=origin.url(path), upload_key=None, file_name=None),
        )

    return make


def results(processes: StreamProcesses) -> dict[str, PublishAsset | RejectAsset]:
    """Give the worker's commands by asset."""
    return {
        command.metadata.entity_id: command
        for command in processes.messages(ASSET_COMMANDS)
        if isinstance(command, PublishAsset | RejectAsset)
    }


def are_done(processes: StreamProcesses, *jobs: ImageJob) -> Callable[[], bool]:
    def probe() -> bool:
        return results(processes).keys() >= {job.asset_id for job in jobs}

    return probe


def is_committed(processes: StreamProcesses, partition: int, offset: int) -> Callable[[], bool]:
    def probe() -> bool:
        return processes.committed(GROUP, IMAGE_JOBS)[partition] == offset

    return probe


def test_a_picture_is_fetched_rendered_stored_and_published(
    processes: StreamProcesses, job: Make
) -> None:
    cat = job("/cat.png")
    processes.order(cat)
    processes.start(WORKER)

    eventually(are_done(processes, cat), within_seconds=60)

    command = results(processes)[cat.asset_id]
    assert isinstance(command, PublishAsset)
    assert command.metadata.command_id == result_command_id(cat.job_id)
    assert command.fetch
    blobs = processes.folder / "blobs"
    assert (blobs / command.original.blob_key).read_bytes() == picture("cat.png")
    for made in command.renditions:
        assert (blobs / made.blob_key).stat().st_size == made.size_bytes


def test_a_hanging_download_in_front_of_seven_that_finish_survives_a_kill(
    processes: StreamProcesses, origin: PictureOrigin, job: Callable[..., ImageJob]
) -> None:
    assets = assets_in_partition(0, 9)
    paths = ["/a.png", "/hang/b.png", *(f"/{number}.png" for number in range(7))]
    before, hanging, *finishing = (
        job(path, asset) for path, asset in zip(paths, assets, strict=True)
    )
    processes.order(before, hanging, *finishing)
    first = processes.start(WORKER)
    eventually(are_done(processes, before, *finishing), within_seconds=60)
    eventually(is_committed(processes, 0, 1), within_seconds=30)
    for partition in (1, 2):  # two more commits, to go wrong in
        processes.order(job("/later.png", *assets_in_partition(partition, 1)))
        eventually(is_committed(processes, partition, 1), within_seconds=30)

    end(first, signal.SIGKILL)
    assert processes.committed(GROUP, IMAGE_JOBS)[0] == 1
    assert hanging.asset_id not in results(processes)
    origin.released.set()
    processes.start(WORKER)

    eventually(are_done(processes, hanging), within_seconds=60)
    eventually(is_committed(processes, 0, 9), within_seconds=30)


@pytest.mark.parametrize(
    ("failpoint", "copies"),
    [
        ("worker.after_download", 1),
        ("worker.after_store_before_emit", 1),
        ("worker.after_emit_before_ack", 2),
    ],
)
def test_a_kill_at_a_bad_moment_costs_at_most_a_copy_of_the_same_command(
    processes: StreamProcesses, job: Make, failpoint: str, copies: int
) -> None:
    cat = job("/cat.png")
    processes.order(cat)
    killed = processes.start(WORKER, SCALEHOSTER_FAILPOINT=failpoint)
    assert killed.wait(timeout=60) == KILLED

    processes.start(WORKER)
    partition = partition_of(cat.asset_id)
    eventually(is_committed(processes, partition, 1), within_seconds=60)

    commands = processes.messages(ASSET_COMMANDS)
    ids = [each.metadata.command_id for each in commands if isinstance(each, PublishAsset)]
    assert ids == [result_command_id(cat.job_id)] * copies


def test_what_cannot_be_a_job_is_put_aside_and_stops_nothing(
    processes: StreamProcesses, job: Callable[..., ImageJob]
) -> None:
    key, *_ = assets_in_partition(0, 1)
    good = job("/cat.png", key)
    letter = DeadLetter(
        topic="t",
        partition=0,
        offset=0,
        key=b"",
        value=b"",
        code="c",
        detail="d",
        parked_at=JOB.issued_at,
    )
    poison = [b"", b"\0", b"\0\0\0\xff\xff poison", encode(good)[:-3], encode(letter)]
    processes.send(IMAGE_JOBS, *((key, each) for each in [*poison, encode(good)]))
    processes.start(WORKER)

    eventually(are_done(processes, good), within_seconds=60)
    eventually(is_committed(processes, 0, 6), within_seconds=30)

    letters = processes.messages(IMAGE_JOBS_DEAD_LETTERS)
    assert Counter(each.value for each in letters if isinstance(each, DeadLetter)) == Counter(
        poison
    )


def test_what_never_works_is_rejected_at_once_and_what_may_work_later_waits(
    processes: StreamProcesses, job: Make
) -> None:
    missing, text, busy = job("/404/9/x.png"), job("/text"), job("/503/9/x.png")
    processes.order(missing, text, busy)
    processes.start(WORKER)

    eventually(are_done(processes, missing, text), within_seconds=60)
    (retry,) = eventually(lambda: processes.messages(*RETRY_TIERS), within_seconds=30)

    codes = {
        asset_id: (command.code, command.attempts)
        for asset_id, command in results(processes).items()
        if isinstance(command, RejectAsset)
    }
    assert codes == {
        missing.asset_id: ("http_status", 1),
        text.asset_id: ("not_an_image", 1),
    }
    assert isinstance(retry, ImageJob)
    assert retry.asset_id == busy.asset_id
    assert [attempt.code for attempt in retry.failed_attempts] == ["http_status"]


def test_a_worker_that_is_asked_to_stop_does_so_though_a_download_hangs(
    processes: StreamProcesses, origin: PictureOrigin, job: Make
) -> None:
    hanging = job("/hang/cat.png")
    processes.order(hanging)
    worker = processes.start(WORKER)
    eventually(lambda: origin.requests, within_seconds=60)

    assert end(worker, signal.SIGTERM) == 0
    assert not results(processes)
    assert list((processes.folder / "scratch").glob("*/")) == []


def test_workers_that_come_and_go_lose_nothing(processes: StreamProcesses, job: Make) -> None:
    jobs = [job(f"/{number}.png") for number in range(60)]
    first = processes.start(WORKER)
    processes.order(*jobs[:30])
    eventually(lambda: results(processes), within_seconds=60)
    processes.start(WORKER)
    processes.order(*jobs[30:])
    eventually(are_done(processes, *jobs[:20]), within_seconds=60)
    end(first, signal.SIGTERM)

    eventually(are_done(processes, *jobs), within_seconds=60)
    ends = Counter(partition_of(job.asset_id) for job in jobs)

    def is_all_committed() -> bool:
        committed = processes.committed(GROUP, IMAGE_JOBS)
        return all(committed[partition] == count for partition, count in ends.items())

    eventually(is_all_committed, within_seconds=60)
