"""What a tenant has beside its assets, and how that is erased: its key, and who could still act."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.blob_keys import tenant_folder
from domain.bulk_commands import CancelOperation
from domain.bulk_events import OperationEnded, OperationStarted
from domain.commands import CommandMetadata
from domain.values import Actor, BlobKey, CommandId, CorrelationId, OperationId, TenantId
from infra.api_keys import ApiKey, revoke, stored_keys
from infra.dead_letters import Letter, LetterFilter, Shelf
from infra.kafka import Kafka
from infra.keyring import WHOLE_TENANT, Erasure
from infra.reading import Record, whole
from infra.sending import Position
from infra.topics import OPERATION_COMMANDS, OPERATION_EVENTS, WEBHOOK_ENDPOINTS, Topic
from infra.webhook_endpoints import Endpoint, forget_endpoint
from infra.webhook_table import EndpointTable

_ERASER = Actor("system:eraser")
_PAGE = 500


class Appends(Protocol):
    """What appends records: infra.sending.Sender."""

    async def send(self, topic: Topic, key: str, value: bytes | None) -> Position:
        """Append one record, or with no value the end of one."""


class Destroys(Protocol):
    """What destroys keys: infra.keyring.KeyringFile."""

    def erase(self, erasures: Iterable[Erasure], /) -> None:
        """Destroy keys for good; raises KeysLost, OSError."""


class Clearing(Protocol):
    """Where bytes lie: infra.blob_store.BlobStore."""

    async def clear(self, folder: BlobKey) -> int:
        """Remove some of what lies below a folder, and count it; 0 when nothing is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """What a tenant has beside its assets: keys that work or are named, endpoints, open work."""

    tenant_id: TenantId
    keys: Sequence[ApiKey]
    endpoints: Sequence[Endpoint]
    operations: Sequence[OperationId]
    letters: Sequence[Letter]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        return {
            "API keys": len(self.keys),
            "webhook endpoints": len(self.endpoints),
            "operations under way": len(self.operations),
            "dead letters": len(self.letters),
        }


def belongings(
    tenant_id: TenantId,
    *,
    keys: Iterable[ApiKey],
    endpoints: Iterable[Record],
    operation_events: Iterable[Record],
    shelf: Shelf,
) -> Belongings:
    """Read what a tenant has out of the topics; raises BrokerUnavailable, KeysLost."""
    table = EndpointTable()
    for record in endpoints:
        table.learn(record)
    return Belongings(
        tenant_id=tenant_id,
        keys=[
            each
            for each in keys
            if each.tenant_id == tenant_id and (each.revoked_at is None or each.name)
        ],
        endpoints=table.of(tenant_id),
        operations=_under_way(tenant_id, operation_events),
        letters=list(_letters(tenant_id, shelf)),
    )


def belongings_in(kafka: Kafka, tenant_id: TenantId, shelf: Shelf) -> Belongings:
    """Read the same of an installation; raises BrokerUnavailable, KeysLost."""
    with (
        whole(kafka, WEBHOOK_ENDPOINTS) as endpoints,
        whole(kafka, OPERATION_EVENTS) as operation_events,
    ):
        return belongings(
            tenant_id,
            keys=stored_keys(kafka).values(),
            endpoints=endpoints.read_to_end(),
            operation_events=operation_events.read_to_end(),
            shelf=shelf,
        )


async def erase(
    theirs: Belongings,
    *,
    keyring: Destroys,
    sender: Appends,
    shelf: Shelf,
    now: datetime,
    correlation_id: CorrelationId,
) -> None:
    """Let nobody act for the tenant any more, and destroy its key; again it changes nothing.

    From then on nothing that was ever sealed for it can be read, and nothing can be sealed. What
    it has in the clear, its assets above all, is not removed by this. Raises KeysLost, OSError,
    Overloaded, BrokerUnavailable.
    """
    for api_key in theirs.keys:
        await revoke(sender, replace(api_key, name=""), now=now)
    keyring.erase([Erasure(tenant_id=theirs.tenant_id, entity_id=WHOLE_TENANT, erased_at=now)])
    for endpoint in theirs.endpoints:
        await forget_endpoint(sender, endpoint.endpoint_id)
    for operation_id in theirs.operations:
        cancel = CancelOperation(
            metadata=CommandMetadata(
                command_id=CommandId(str(uuid4())),
                tenant_id=theirs.tenant_id,
                entity_id=operation_id,
                issued_at=now,
                correlation_id=correlation_id,
                actor=_ERASER,
                expected_version=None,
                fingerprint=None,
                reply_partition=None,
            )
        )
        await sender.send(OPERATION_COMMANDS, theirs.tenant_id, encode(cancel))
    for letter in theirs.letters:
        await shelf.drop(sender, letter)


async def remove_bytes(tenant_id: TenantId, blobs: Clearing) -> int:
    """Remove all bytes of a tenant that are there yet, and count them; raises StoreUnavailable.

    Only once all its assets are purged. What is left then was uploaded and never decided, for what
    was decided is sealed with a key that is destroyed.
    """
    removed = 0
    while found := await blobs.clear(tenant_folder(tenant_id)):
        removed += found
    return removed


def _under_way(tenant_id: TenantId, records: Iterable[Record]) -> list[OperationId]:
    found: dict[OperationId, None] = {}
    for record in records:
        try:
            event = decode(record.value)
        except Undecodable:
            continue  # the projections keep it as a dead letter
        if isinstance(event, OperationStarted) and event.metadata.tenant_id == tenant_id:
            found[OperationId(event.metadata.entity_id)] = None
        elif isinstance(event, OperationEnded):
            found.pop(OperationId(event.metadata.entity_id), None)
    return list(found)


def _letters(tenant_id: TenantId, shelf: Shelf) -> Iterator[Letter]:
    after = None
    while True:
        page = shelf.page(LetterFilter(tenant_id=tenant_id), topic=None, after=after, at_most=_PAGE)
        yield from page.letters
        after = page.next_after
        if after is None:
            return
