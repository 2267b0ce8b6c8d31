"""View: every event of each asset, for audit and time travel."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.events import Event
from infra.cassandra.row_operations import RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

EVENTS = Table(
    name="asset_history",
    partition_key=("tenant_id", "asset_id"),
    clustering=("entity_version",),
    personal=(("event", "null"),),
    entity="asset_id",
)


def _rows(message: Message) -> Iterator[RowOperation]:
    if not isinstance(message, Event):
        return
    metadata = message.metadata
    happened_at_us = microseconds(metadata.happened_at)
    yield Upsert(
        table=EVENTS,
        key=(metadata.tenant_id, metadata.entity_id, metadata.entity_version),
        columns={
            "event_id": metadata.event_id,
            "name": type(message).__name__,
            "happened_at_us": happened_at_us,
            "command_id": metadata.command_id,
            "correlation_id": metadata.correlation_id,
            "actor": metadata.actor,
            "event": as_json(message),
        },
        written_at_us=happened_at_us,
    )


ASSET_HISTORY = View(name="asset_history", topic=ASSET_EVENTS, tables=(EVENTS,), rows=_rows)
