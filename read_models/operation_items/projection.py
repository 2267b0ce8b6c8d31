"""View: what became of each item of a bulk operation, in the order they were dealt with."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.bulk_operation.events import OperationProgressed
from infra.cassandra.row_operations import RowOperation, Table, Upsert
from infra.kafka.topics import OPERATION_EVENTS
from read_models.sharding import bucket_of
from read_models.time import microseconds
from read_models.view import View

ITEMS = Table(
    name="operation_items",
    partition_key=("tenant_id", "operation_id", "bucket"),
    clustering=("place",),
    personal=(("detail", ""),),
    entity="operation_id",
)


def _rows(message: Message) -> Iterator[RowOperation]:
    if not isinstance(message, OperationProgressed):
        return
    metadata = message.metadata
    first = message.counts.processed - len(message.outcomes)
    for place, outcome in enumerate(message.outcomes, first):
        yield Upsert(
            table=ITEMS,
            key=(metadata.tenant_id, metadata.entity_id, bucket_of(place), place),
            columns={
                "item": outcome.item,
                "result": outcome.result,
                "code": outcome.code,
                "detail": outcome.detail,
                "version": outcome.version,
            },
            written_at_us=microseconds(metadata.happened_at),
        )


OPERATION_ITEMS = View(name="operation_items", topic=OPERATION_EVENTS, tables=(ITEMS,), rows=_rows)
