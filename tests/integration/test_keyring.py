"""A keyring is made for an empty log, and never again for one that has events."""

import asyncio
from pathlib import Path

import pytest

from avro_schemas.codec import encode
from avro_schemas.errors import KeysLost
from infra.encryption import use_keyring
from infra.kafka.admin import apply_topics
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_EVENTS
from infra.settings import KafkaSettings, KeysSettings, Settings
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.servers import Servers
from tests.support.stream_samples import SUBMITTED


def test_a_lost_keyring_is_never_replaced_by_a_new_one(
    servers: Servers, topic_prefix: str, tmp_path: Path
) -> None:
    host, _, port = servers.bootstrap_servers.partition(":")
    place = tmp_path / "keys" / "keyring"
    settings = Settings(
        kafka=KafkaSettings(host=host, port=int(port), topic_prefix=topic_prefix),
        keys=KeysSettings(file=str(place)),
    )
    kafka = settings.kafka.connection()
    apply_topics(kafka, [ASSET_EVENTS])

    async def tell() -> None:
        async with RecordProducer(kafka) as sender:
            await sender.send(ASSET_EVENTS, SUBMITTED.asset_id, encode(SUBMITTED))

    with using_encryptor(fixed_keyring()):
        made = use_keyring(settings).ring().ring_id
        assert use_keyring(settings).ring().ring_id == made
        asyncio.run(tell())
        place.rename(tmp_path / "lost")
        with pytest.raises(KeysLost, match="nothing was erased"):
            use_keyring(settings)
        assert not place.exists()
        (tmp_path / "lost").rename(place)
        assert use_keyring(settings).ring().ring_id == made
