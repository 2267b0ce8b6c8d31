"""View: the assets whose pipeline run has not ended, so that stuck ones are found."""

from collections.abc import Iterator
from typing import assert_never

from avro_schemas.codec import Message
from domain.asset.events import AssetEvent
from domain.asset.runs import RunCancelled, RunDelayed, RunEnded, RunStarted, run_transition
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.sharding import shard_of
from read_models.time import microseconds
from read_models.view import View

_SHARDS = 16
PENDING = Table(name="pending_assets", partition_key=("shard",), clustering=("asset_id",))


def _rows(message: Message) -> Iterator[RowOperation]:
    if not isinstance(message, AssetEvent):
        return
    key = (shard_of(message.asset_id, _SHARDS), message.asset_id)
    happened_at_us = microseconds(message.metadata.happened_at)
    transition = run_transition(message)
    match transition:
        case RunStarted():
            yield Upsert(
                table=PENDING,
                key=key,
                columns={
                    "tenant_id": message.metadata.tenant_id,
                    "submitted_at_us": happened_at_us,
                    "run": transition.run,
                },
                written_at_us=happened_at_us,
            )
        case RunEnded() | RunCancelled():
            yield Delete(table=PENDING, key=key, written_at_us=happened_at_us)
        case RunDelayed() | None:
            pass
        case _:
            assert_never(transition)


PENDING_ASSETS = View(
    name="pending_assets", topic=ASSET_EVENTS, tables=(PENDING,), rows=_rows, is_queried=False
)
