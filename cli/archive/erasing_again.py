"""After a restore: erase once more what the keyring says was erased since the export."""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

from avro_schemas.sealing import using
from cli.archive.keys import erased_again, of_single_assets
from cli.erasing_tenant import belongings_in, erase
from domain.values import CorrelationId, TenantId
from infra.dead_letters import KafkaLetterLog, Shelf
from infra.kafka import Kafka
from infra.keyring import WHOLE_TENANT, KeyringFile
from infra.reading import Record, whole
from infra.sending import Sender
from infra.topics import ASSET_COMMANDS, ASSET_EVENTS


async def erase_again(kafka: Kafka, keyring: KeyringFile, now: datetime) -> int:
    """Ask for it, and count the commands; the decider carries them out when it runs.

    A tenant that was erased whole loses the API keys and endpoints that came back. It may be done
    any number of times. Raises KeysLost, BrokerUnavailable.
    """
    erasures = keyring.ring().erasures
    again = CorrelationId(str(uuid4()))
    shelf = Shelf(KafkaLetterLog(kafka), lambda: now)

    def events() -> Iterator[Record]:
        with whole(kafka, ASSET_EVENTS) as reader:
            yield from reader.read_to_end()

    with using(keyring):
        async with Sender(kafka) as sender:
            for each in erasures:
                if each.entity_id == WHOLE_TENANT:
                    await erase(
                        belongings_in(kafka, TenantId(each.tenant_id), shelf),
                        keyring=keyring,
                        sender=sender,
                        shelf=shelf,
                        now=now,
                        correlation_id=again,
                    )
            commands = erased_again(of_single_assets(erasures, events), now)
            sent = [await sender.send(ASSET_COMMANDS, *command) for command in commands]
    return len(sent)
