"""View: which assets were last published with the very same bytes."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.asset.events import AssetPublished, AssetPurged
from domain.values import Sha256
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.time import microseconds
from read_models.view import View

CONTENTS = Table(
    name="assets_by_content", partition_key=("tenant_id", "sha256"), clustering=("asset_id",)
)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetPublished():
            happened_at_us = microseconds(message.metadata.happened_at)
            yield Upsert(
                table=CONTENTS,
                key=(message.metadata.tenant_id, message.original.sha256, message.asset_id),
                columns={"published_at_us": happened_at_us},
                written_at_us=happened_at_us,
            )
            before = message.previous_sha256
            if before is not None and before != message.original.sha256:
                yield _gone(message, before)
        case AssetPurged():
            if message.sha256 is not None:
                yield _gone(message, message.sha256)


def _gone(event: AssetPublished | AssetPurged, sha256: Sha256) -> Delete:
    return Delete(
        table=CONTENTS,
        key=(event.metadata.tenant_id, sha256, event.asset_id),
        written_at_us=microseconds(event.metadata.happened_at),
    )


ASSETS_BY_CONTENT = View(
    name="assets_by_content", topic=ASSET_EVENTS, tables=(CONTENTS,), rows=_rows
)
