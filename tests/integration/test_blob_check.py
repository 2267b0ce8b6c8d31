"""`scalehoster blobs check`, typed against a real log and a real folder of blobs."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from avro_schemas.codec import decode, encode
from cli.__main__ import app
from domain.asset.commands import ReprocessAsset
from domain.values import BlobKey
from infra.blobs.store import open_blob_store
from infra.encryption import KeyringFile
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from tests.support.byte_owners import World
from tests.support.keyrings import fixed_keyring
from tests.support.servers import Servers


def run(*words: str, code: int = 0) -> list[dict[str, object]]:
    result = CliRunner().invoke(app, ["blobs", "check", "--json", *words])
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_is_too_much_is_removed_and_what_is_missing_is_made_again(
    servers: Servers, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = servers.bootstrap_servers.partition(":")
    store_url = f"file://{tmp_path}/blobs"
    for name, value in {
        "DATA_DIR": f"{tmp_path}/var",
        "KAFKA__HOST": host,
        "KAFKA__PORT": port,
        "KAFKA__TOPIC_PREFIX": topic_prefix,
        "BLOBS__URL": store_url,
    }.items():
        monkeypatch.setenv(f"SCALEHOSTER_{name}", value)
    KeyringFile(tmp_path / "var" / "keys" / "keyring", [""]).make(fixed_keyring())
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    store = open_blob_store(store_url)
    stray = BlobKey("assets/acme/0190b6f0-0000-7000-8000-000000000000/run-1/killed/a")

    async def story() -> World:
        world = World()
        world.insert(0, 1)
        world.decide(1)
        world.work(0, 1)
        while world.executions:
            await world.go_on(0)
        world.decide(1)
        async with RecordProducer(kafka) as sender:
            for event in world.events:
                await sender.send(ASSET_EVENTS, event.asset_id, encode(event))
        for key, data in (*world.store.blobs.items(), (stray, b"")):
            await store.put(key, data, "image/webp")
        return world

    world = asyncio.run(story())
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(tmp_path / "blobs" / stray, (long_ago, long_ago))
    lost = world.known_picture(0).renditions[0].blob_key
    asyncio.run(store.delete(lost))

    unknown, missing, totals = run(code=3)
    assert (unknown["unknown"], missing["missing"]) == (stray, lost)
    assert totals["totals"]["stored"] == len(world.store.blobs)  # type: ignore[index] # a dict

    run("--repair", code=3)
    assert asyncio.run(store.keys(BlobKey("assets"))) == world.store.blobs.keys() - {lost}
    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        (command,) = [decode(record.value) for record in reader.read_to_end()]
    assert isinstance(command, ReprocessAsset)

    result = CliRunner().invoke(app, ["blobs", "check", "--repair"])
    assert result.exit_code == 1, "nobody decides the command that waits, so nothing is removed"
