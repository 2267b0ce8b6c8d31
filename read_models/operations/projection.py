"""View: the bulk operations of a tenant, and how each is getting on."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.bulk_operation.events import (
    OperationEnded,
    OperationEvent,
    OperationPaused,
    OperationProgressed,
    OperationResumed,
    OperationSelected,
    OperationStarted,
    OperationThrottled,
)
from domain.bulk_operation.values import OperationState
from infra.cassandra.row_operations import ColumnValue, RowOperation, Table, Upsert
from infra.kafka.topics import OPERATION_EVENTS
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

OPERATIONS_TABLE = Table(
    name="operations",
    partition_key=("tenant_id",),
    clustering=("operation_id",),
    personal=(("filter", "{}"), ("instructions", "{}"), ("reason", "")),
    entity="operation_id",
)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case OperationStarted():
            yield _changed(message, _begun(message))
            if message.reverts is not None:
                yield _reverted(message, message.reverts)
        case OperationSelected():
            found: dict[str, ColumnValue] = {"total": message.total, "is_selected": message.is_last}
            yield _changed(message, found)
        case OperationProgressed():
            yield _changed(
                message,
                {
                    "changed": message.counts.changed,
                    "unchanged": message.counts.unchanged,
                    "conflicts": message.counts.conflicts,
                    "refused": message.counts.refused,
                    "refusals": as_json({each.code: each.items for each in message.refusals}),
                    "per_minute": message.per_minute,
                },
            )
        case OperationPaused():
            yield _changed(message, {"state": OperationState.PAUSED})
        case OperationResumed():
            yield _changed(message, {"state": OperationState.RUNNING})
        case OperationThrottled():
            yield _changed(message, {"per_second": message.per_second})
        case OperationEnded():
            ended_at_us = microseconds(message.metadata.happened_at)
            yield _changed(
                message,
                {"state": message.state, "reason": message.reason, "ended_at_us": ended_at_us},
            )


def _begun(event: OperationStarted) -> dict[str, ColumnValue]:
    return {
        "state": OperationState.RUNNING,
        "kind": event.instructions.kind,
        "filter": as_json(event.filter),
        "instructions": as_json(event.instructions),
        "per_second": event.per_second,
        "reverts": event.reverts or "",
        "actor": event.metadata.actor,
        "started_at_us": microseconds(event.metadata.happened_at),
        "ended_at_us": 0,
        "is_selected": event.reverts is not None,
        "total": event.total,
        "changed": 0,
        "unchanged": 0,
        "conflicts": 0,
        "refused": 0,
        "refusals": "{}",
        "per_minute": 0,
        "reason": "",
    }


def _changed(event: OperationEvent, columns: dict[str, ColumnValue]) -> Upsert:
    metadata = event.metadata
    happened_at_us = microseconds(metadata.happened_at)
    return Upsert(
        table=OPERATIONS_TABLE,
        key=(metadata.tenant_id, metadata.entity_id),
        columns={**columns, "version": metadata.entity_version, "updated_at_us": happened_at_us},
        written_at_us=happened_at_us,
    )


def _reverted(event: OperationStarted, reverts: str) -> Upsert:
    """Tell it in the row of the operation that is taken back, in a column of its own."""
    metadata = event.metadata
    return Upsert(
        table=OPERATIONS_TABLE,
        key=(metadata.tenant_id, reverts),
        columns={"reverted_by": metadata.entity_id},
        written_at_us=microseconds(metadata.happened_at),
    )


OPERATIONS = View(name="operations", topic=OPERATION_EVENTS, tables=(OPERATIONS_TABLE,), rows=_rows)
