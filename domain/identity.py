"""Deterministic ids: the same input gives the same id, so that a repetition is recognised."""

import hmac
from uuid import UUID, uuid5

from domain.values import AssetId, CommandId, EventId, OperationId, TenantId

_NAMESPACE = UUID("6c1f5f5c-3c52-5c0e-9d0f-0f6d8d1b7a11")  # ours alone; never changes


_VERSION_8, _VARIANT = 0x8 << 76, 0b10 << 62  # RFC 9562 § 5.8: a UUID made in a way of our own
_VERSION_BITS, _VARIANT_BITS = 0xF << 76, 0b11 << 62


def asset_id_for(tenant_id: TenantId, idempotency_key: str, tenant_secret: bytes) -> AssetId:
    """Name the asset that this key inserts: its URL cannot be worked out without the secret."""
    message = f"asset\n{tenant_id}\n{idempotency_key}".encode()
    number = int.from_bytes(hmac.digest(tenant_secret, message, "sha256")[:16], "big")
    number = number & ~(_VERSION_BITS | _VARIANT_BITS) | _VERSION_8 | _VARIANT
    return AssetId(str(UUID(int=number)))


def command_id_for(tenant_id: TenantId, scope: str, idempotency_key: str) -> CommandId:
    """Name the command of one request; ``scope`` is its method and path."""
    return CommandId(str(uuid5(_NAMESPACE, f"command\n{tenant_id}\n{scope}\n{idempotency_key}")))


def result_command_id(job_id: EventId) -> CommandId:
    """Name the command that ends a job: published or rejected, whichever is first."""
    return CommandId(str(uuid5(_NAMESPACE, f"result\n{job_id}")))


def item_command_id(operation_id: OperationId, item: str) -> CommandId:
    """Name the command by which an operation changes one of its items."""
    return CommandId(str(uuid5(_NAMESPACE, f"item\n{operation_id}\n{item}")))


def progress_command_id(operation_id: OperationId, version: int) -> CommandId:
    """Name the step by which an operation that stood at a version goes on."""
    return CommandId(str(uuid5(_NAMESPACE, f"progress\n{operation_id}\n{version}")))


def erasure_command_id(purge_id: EventId) -> CommandId:
    """Name the command that confirms what a purge asked for."""
    return CommandId(str(uuid5(_NAMESPACE, f"erasure\n{purge_id}")))


def delay_command_id(job_id: EventId, attempts: int) -> CommandId:
    """Name the command that tells of a job's attempts so far."""
    return CommandId(str(uuid5(_NAMESPACE, f"delay\n{job_id}\n{attempts}")))


def retry_command_id(dead_letter_id: str) -> CommandId:
    """Name the command that tries a dead letter again."""
    return CommandId(str(uuid5(_NAMESPACE, f"retry\n{dead_letter_id}")))


def event_id_for(command_id: CommandId, number: int) -> EventId:
    """Name the number-th event of a command, counted from 0."""
    return EventId(str(uuid5(_NAMESPACE, f"event\n{command_id}\n{number}")))
