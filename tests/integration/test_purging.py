"""The purger and what removes discarded bytes, on a real broker and a real folder of blobs."""

import asyncio
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
from streams.erasure.asset_purge import AssetPurger
from streams.erasure.blob_gc import BlobCollector
from streams.erasure.key_shredding import KeyShredder
from streams.runtime.process import now, open_reader
from tests.servers import Servers
from tests.unit.streams.samples import SUBMITTED
from tests.unit.streams.test_purging import KEYS, OTHERS, purged

WITHIN_SECONDS = 60.0


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka, [ASSET_COMMANDS, ASSET_EVENTS, DISCARDED_BLOBS])
    return kafka


def asked(kafka: Kafka) -> list[object]:
    """Give the commands that were sent to the decider."""
    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        return [decode(record.value) for record in reader.read_to_end()]


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
            erasing = KeyShredder(keyring, sender, now)
            readers = stack.enter_context(ExitStack())
            opening = partial(open_reader, kafka, readers, 60)
            purger = AssetPurger(
                partial(opening, ASSET_EVENTS, "purging"), blobs, erasing.erase, sender
            )
            ahead = timedelta(0)
            discarding = BlobCollector(
                partial(opening, DISCARDED_BLOBS, "discarding"),
                blobs,
                erasing.confirm,
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
            assert asked(kafka) == []
            ahead = timedelta(hours=2)
            await repeat(discarding.step, 1)
            assert await blobs.keys(BlobKey("assets")) == {*KEYS[4:], OTHERS}
            (command,) = asked(kafka)
            assert isinstance(command, ConfirmErasure)
            assert command.metadata.entity_id == "cat"

    asyncio.run(story())
