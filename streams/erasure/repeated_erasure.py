"""Repeated erasure: after a restore, what the keyring says was erased since the export."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from avro_schemas.codec import decode, encode
from avro_schemas.encryption import Encryptor, KeylessEncryptor
from domain.asset.commands import DeleteAsset, PurgeAsset
from domain.asset.events import AssetSubmitted
from domain.commands import CommandMetadata
from domain.values import Actor, CommandId, CorrelationId, TenantId
from infra.encryption import WHOLE_TENANT, Erasure, KeyringFile
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record, read_from_beginning
from infra.kafka.producer import RecordProducer
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from read_models.dead_letters import DeadLetterQueue
from streams.erasure.tenant_belongings import erase_belongings, read_belongings

_RESTORE = Actor("system:restore")
_NAMESPACE = UUID("5b1f1f1e-63a5-5c8e-9a53-3d2b3a7d7a10")  # never changes: repeats are known by it


async def repeat_erasures(kafka: Kafka, keyring: KeyringFile, now: datetime) -> int:
    """Send the commands of all erasures again, and count them; the decider may run later.

    A tenant that was erased whole loses the API keys and endpoints that came back. It may be done
    any number of times. Raises KeysLost, BrokerUnavailable.
    """
    erasures = keyring.ring().erasures
    again = CorrelationId(str(uuid4()))
    queue = DeadLetterQueue.connect(kafka)

    def events() -> Iterator[Record]:
        with read_from_beginning(kafka, ASSET_EVENTS) as reader:
            yield from reader.read_to_end()

    async with RecordProducer(kafka) as sender:
        for each in erasures:
            if each.entity_id == WHOLE_TENANT:
                await erase_belongings(
                    read_belongings(kafka, TenantId(each.tenant_id), queue),
                    keyring=keyring,
                    sender=sender,
                    queue=queue,
                    now=now,
                    correlation_id=again,
                )
        commands = repeated_erase_commands(asset_erasures(erasures, events), now, keyring)
        sent = [await sender.send(ASSET_COMMANDS, *command) for command in commands]
    return len(sent)


def asset_erasures(
    erasures: Iterable[Erasure], events: Callable[[], Iterator[Record]]
) -> Iterator[Erasure]:
    """Yield an erasure for each asset, also of tenants that were erased whole.

    Raises BrokerUnavailable; the log is read only if there is such a tenant.
    """
    whole: dict[str, Erasure] = {}
    for erasure in erasures:
        if erasure.entity_id == WHOLE_TENANT:
            whole[erasure.tenant_id] = erasure
        else:
            yield erasure
    for record in events() if whole else ():
        event = decode(record.value, KeylessEncryptor())
        if isinstance(event, AssetSubmitted) and event.metadata.tenant_id in whole:
            yield replace(whole[event.metadata.tenant_id], entity_id=event.asset_id)


def repeated_erase_commands(
    erasures: Iterable[Erasure], now: datetime, keyring: Encryptor
) -> Iterator[tuple[str, bytes]]:
    """Yield the commands that repeat erasures, each with the key of its record.

    They change nothing about assets that are erased, so they may be sent any number of times.
    """
    for erasure in erasures:
        for kind in (DeleteAsset, PurgeAsset):
            named = f"{kind.__name__}\n{erasure.tenant_id}\n{erasure.entity_id}"
            command_id = CommandId(str(uuid5(_NAMESPACE, named)))
            metadata = CommandMetadata.from_system(
                _RESTORE,
                command_id,
                tenant_id=TenantId(erasure.tenant_id),
                entity_id=erasure.entity_id,
                correlation_id=CorrelationId(command_id),
                now=now,
            )
            yield erasure.entity_id, encode(kind(metadata=metadata), keyring)
