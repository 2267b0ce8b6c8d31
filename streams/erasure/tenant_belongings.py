"""The belongings of a tenant besides its assets: API keys, webhooks, operations, dead letters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from avro_schemas.codec import decode, encode
from avro_schemas.errors import Undecodable
from domain.asset.blob_keys import tenant_folder
from domain.bulk_operation.commands import CancelOperation
from domain.bulk_operation.events import OperationEnded, OperationStarted
from domain.commands import CommandMetadata
from domain.values import Actor, CommandId, CorrelationId, OperationId, TenantId
from domain.webhook.endpoint import WebhookEndpoint
from infra.blobs.store import BlobStore
from infra.encryption import WHOLE_TENANT, Erasure
from infra.http.authentication.api_keys import ApiKey, revoke_api_key, stored_api_keys
from infra.kafka.client import Kafka
from infra.kafka.partition_reader import Record, read_from_beginning
from infra.kafka.producer import RecordSender
from infra.kafka.topics import OPERATION_COMMANDS, OPERATION_EVENTS, WEBHOOK_ENDPOINTS
from read_models.dead_letters import DeadLetterEntry, DeadLetterFilter, DeadLetterQueue
from read_models.webhooks.endpoint_records import forget_endpoint
from read_models.webhooks.endpoint_table import WebhookEndpointTable

_ERASER = Actor("system:eraser")


class KeyDestroyer(Protocol):
    """Destroys keys: infra.encryption.KeyringFile, or a fake of it."""

    def erase(self, erasures: Iterable[Erasure], /) -> None:
        """Destroy keys for good; raises KeysLost, OSError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantBelongings:
    """Belongings of one tenant; an API key counts while it works or has a name."""

    tenant_id: TenantId
    keys: Sequence[ApiKey]
    endpoints: Sequence[WebhookEndpoint]
    operations: Sequence[OperationId]
    letters: Sequence[DeadLetterEntry]

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of each kind, by its name."""
        return {
            "API keys": len(self.keys),
            "webhook endpoints": len(self.endpoints),
            "operations under way": len(self.operations),
            "dead letters": len(self.letters),
        }


def collect_belongings(
    tenant_id: TenantId,
    *,
    keys: Iterable[ApiKey],
    endpoints: Iterable[Record],
    operation_events: Iterable[Record],
    queue: DeadLetterQueue,
) -> TenantBelongings:
    """Select a tenant's belongings from topics; raises BrokerUnavailable, KeysLost."""
    table = WebhookEndpointTable()
    for record in endpoints:
        table.learn(record)
    return TenantBelongings(
        tenant_id=tenant_id,
        keys=[
            each
            for each in keys
            if each.tenant_id == tenant_id and (each.revoked_at is None or each.name)
        ],
        endpoints=table.of(tenant_id),
        operations=_running_operations(tenant_id, operation_events),
        letters=list(queue.entries(DeadLetterFilter(tenant_id=tenant_id))),
    )


def read_belongings(kafka: Kafka, tenant_id: TenantId, queue: DeadLetterQueue) -> TenantBelongings:
    """Read a tenant's belongings of an installation; raises BrokerUnavailable, KeysLost."""
    with (
        read_from_beginning(kafka, WEBHOOK_ENDPOINTS) as endpoints,
        read_from_beginning(kafka, OPERATION_EVENTS) as operation_events,
    ):
        return collect_belongings(
            tenant_id,
            keys=stored_api_keys(kafka).values(),
            endpoints=endpoints.read_to_end(),
            operation_events=operation_events.read_to_end(),
            queue=queue,
        )


async def erase_belongings(
    theirs: TenantBelongings,
    *,
    keyring: KeyDestroyer,
    sender: RecordSender,
    queue: DeadLetterQueue,
    now: datetime,
    correlation_id: CorrelationId,
) -> None:
    """Let nobody act for the tenant any more, and destroy its key; again it changes nothing.

    From then on nothing that was ever encrypted for it can be read, and nothing can be encrypted.
    Its assets and their blobs are not removed by this. Raises KeysLost, OSError,
    Overloaded, BrokerUnavailable.
    """
    for api_key in theirs.keys:
        await revoke_api_key(sender, replace(api_key, name=""), now=now)
    keyring.erase([Erasure(tenant_id=theirs.tenant_id, entity_id=WHOLE_TENANT, erased_at=now)])
    for endpoint in theirs.endpoints:
        await forget_endpoint(sender, endpoint.endpoint_id)
    for operation_id in theirs.operations:
        cancel = CancelOperation(
            metadata=CommandMetadata.from_system(
                _ERASER,
                CommandId(str(uuid4())),
                tenant_id=theirs.tenant_id,
                entity_id=operation_id,
                correlation_id=correlation_id,
                now=now,
            )
        )
        await sender.send(OPERATION_COMMANDS, theirs.tenant_id, encode(cancel))
    for entry in theirs.letters:
        await queue.drop(sender, entry)


async def remove_tenant_blobs(tenant_id: TenantId, blobs: BlobStore) -> int:
    """Remove all bytes of a tenant that are there yet, and count them; raises StoreUnavailable.

    Only once all its assets are purged. What is left then was uploaded and never decided, for what
    was decided is encrypted with a key that is destroyed.
    """
    removed = 0
    while found := await blobs.clear(tenant_folder(tenant_id)):
        removed += found
    return removed


def _running_operations(tenant_id: TenantId, records: Iterable[Record]) -> list[OperationId]:
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
