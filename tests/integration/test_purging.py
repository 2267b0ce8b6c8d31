"""Erasure on a real broker and a real folder of blobs, in this process and in its own."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from avro_schemas.codec import decode, encode
from domain.asset.commands import ConfirmErasure
from domain.values import BlobKey
from infra.blobs.store import open_blob_store
from infra.encryption import KeyringFile
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS, DISCARDED_BLOBS
from streams.erasure.__main__ import TOPICS
from streams.erasure.asset_purge import AssetPurger
from streams.erasure.blob_gc import BlobCollector
from streams.erasure.key_shredding import shred_keys
from streams.runtime.process import now, open_reader
from tests.support.eventually import eventually
from tests.support.servers import Servers
from tests.support.stream_processes import KILLED, StreamProcesses, end
from tests.support.stream_samples import SUBMITTED
from tests.unit.streams.erasure.test_asset_purge import KEYS, OTHERS, purged

ERASER = "streams.erasure"
WITHIN_SECONDS = 60.0


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, TOPICS)
    return kafka


def confirmations(kafka: Kafka) -> list[ConfirmErasure]:
    """Read the commands that were sent to the decider; there are no others."""
    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        commands = [decode(record.value) for record in reader.read_to_end()]
    assert all(isinstance(command, ConfirmErasure) for command in commands)
    return [command for command in commands if isinstance(command, ConfirmErasure)]


async def repeat(step: Callable[[], Awaitable[int]], times: int) -> None:
    """Take steps until so many things are done."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while times > 0:
            times -= await step()


def test_a_purge_removes_all_bytes_of_its_asset_twice_and_is_confirmed_then(
    kafka: Kafka, tmp_path: Path
) -> None:
    blobs = open_blob_store(f"file://{tmp_path}/blobs")
    keyring = KeyringFile(tmp_path / "keyring", [""])
    keyring.make()
    late = BlobKey(f"{KEYS[0]}0")

    async def story() -> None:
        async with AsyncExitStack() as stack:
            sender = await stack.enter_async_context(RecordProducer(kafka))
            for key in (*KEYS, OTHERS):
                await blobs.put(key, b"bytes", "image/webp")
            for event in (SUBMITTED, purged("cat"), SUBMITTED):
                await sender.send(ASSET_EVENTS, event.asset_id, encode(event))
            readers = stack.enter_context(ExitStack())
            opening = partial(open_reader, kafka, readers, 60)
            purger = AssetPurger(
                partial(opening, ASSET_EVENTS, "purging"),
                blobs,
                partial(shred_keys, keyring, now),
                sender,
            )
            ahead = timedelta(0)
            discarding = BlobCollector(
                partial(opening, DISCARDED_BLOBS, "discarding"),
                blobs,
                sender,
                lambda: datetime.now(UTC) + ahead,
                timedelta(hours=1),
            )
            await repeat(purger.step, 1)
            assert await blobs.keys(BlobKey("assets")) == {*KEYS[4:], OTHERS}
            (erasure,) = keyring.ring().erasures
            assert erasure.entity_id == "cat"

            await blobs.put(late, b"what a worker stored that did not know", "image/webp")
            assert await discarding.step() == 0
            assert confirmations(kafka) == []
            ahead = timedelta(hours=2)
            await repeat(discarding.step, 1)
            assert await blobs.keys(BlobKey("assets")) == {*KEYS[4:], OTHERS}
            (command,) = confirmations(kafka)
            assert command.metadata.entity_id == "cat"

    asyncio.run(story())


@pytest.mark.slow
def test_an_eraser_that_is_killed_at_the_worst_moments_ends_each_purge(
    kafka: Kafka, tmp_path: Path
) -> None:
    blobs = open_blob_store(f"file://{tmp_path}/blobs")
    keyring = KeyringFile(tmp_path / "keyring", [""])
    keyring.make()
    of_an_eraser = {
        "SCALEHOSTER_KEYS__FILE": str(tmp_path / "keyring"),
        "SCALEHOSTER_DISPATCH__PURGE_DELAY_SECONDS": "0.1",
    }
    for key in (*KEYS, OTHERS):
        asyncio.run(blobs.put(key, b"bytes", "image/webp"))
    with ExitStack() as stack:
        processes = StreamProcesses(kafka=kafka, folder=tmp_path, allowed_origin="", stack=stack)
        processes.send(ASSET_EVENTS, ("cat", encode(purged("cat"))))
        for failpoint in (
            "purger.after_keys_before_bytes",
            "purger.after_bytes_before_commit",
            "discarding.before_confirming",
        ):
            victim = processes.start(ERASER, SCALEHOSTER_FAILPOINT=failpoint, **of_an_eraser)
            assert victim.wait(WITHIN_SECONDS) == KILLED
        last = processes.start(ERASER, **of_an_eraser)
        eventually(lambda: confirmations(kafka), within_seconds=WITHIN_SECONDS)
        assert end(last, signal.SIGTERM) == 0

    assert {erasure.entity_id for erasure in keyring.ring().erasures} == {"cat"}
    assert asyncio.run(blobs.keys(BlobKey("assets"))) == {*KEYS[4:], OTHERS}
    assert {command.metadata.entity_id for command in confirmations(kafka)} == {"cat"}
