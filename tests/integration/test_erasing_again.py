"""After a restore a tenant that was erased since is erased once more, on a real broker."""

import asyncio
from dataclasses import replace
from pathlib import Path

from avro_schemas.codec import decode, encode
from domain.asset.commands import DeleteAsset, PurgeAsset
from domain.values import TenantId
from infra.encryption import WHOLE_TENANT, Erasure, KeyringFile
from infra.http.authentication.api_keys import issue_api_key, stored_api_keys
from infra.kafka.admin import apply_topics
from infra.kafka.client import Kafka
from infra.kafka.dead_letter_queue import KafkaDeadLetterLog
from infra.kafka.partition_reader import read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from read_models.dead_letters import DeadLetterQueue
from read_models.webhooks.endpoint_records import store_endpoint
from streams.erasure.repeated_erasure import repeat_erasures
from streams.erasure.tenant_belongings import read_belongings
from tests.support.keyrings import fixed_keyring
from tests.support.samples import ACME, NOON
from tests.support.servers import Servers
from tests.support.stream_samples import SUBMITTED
from tests.support.webhook_parts import endpoint

STRANGER = TenantId("stranger")


async def live(kafka: Kafka) -> None:
    """Have two tenants with an asset, a key and an endpoint each."""
    async with RecordProducer(kafka) as sender:
        for tenant_id in (ACME, STRANGER):
            about = replace(SUBMITTED.metadata, tenant_id=tenant_id, entity_id=f"of {tenant_id}")
            event = replace(SUBMITTED, metadata=about)
            await sender.send(ASSET_EVENTS, about.entity_id, encode(event))
            await issue_api_key(
                sender, tenant_id=tenant_id, scopes=("admin",), name="Ann", now=NOON
            )
            await store_endpoint(sender, endpoint(f"hook of {tenant_id}", tenant_id))


def test_a_tenant_that_was_erased_since_the_export_loses_what_came_back(
    servers: Servers, topic_prefix: str, tmp_path: Path
) -> None:
    kafka = Kafka(bootstrap_servers=servers.bootstrap_servers, topic_prefix=topic_prefix)
    apply_topics(kafka)
    asyncio.run(live(kafka))
    keyring = KeyringFile(tmp_path / "keyring", [""])
    keyring.make(fixed_keyring())
    keyring.erase([Erasure(tenant_id=ACME, entity_id=WHOLE_TENANT, erased_at=NOON)])

    assert asyncio.run(repeat_erasures(kafka, keyring, NOON)) == 2
    assert asyncio.run(repeat_erasures(kafka, keyring, NOON)) == 2, "it may be done again"

    with read_from_beginning(kafka, ASSET_COMMANDS) as reader:
        commands = [decode(record.value) for record in reader.read_to_end()]
    kinds = {type(each) for each in commands}
    assert kinds == {DeleteAsset, PurgeAsset}
    queue = DeadLetterQueue(KafkaDeadLetterLog(kafka), lambda: NOON)
    assert not any(read_belongings(kafka, ACME, queue).counts.values())
    left = read_belongings(kafka, STRANGER, queue)
    assert (len(left.keys), len(left.endpoints)) == (1, 1)
    revoked = {key.tenant_id for key in stored_api_keys(kafka).values() if key.revoked_at}
    assert revoked == {ACME}
