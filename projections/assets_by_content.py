"""View: which assets were published with the very same bytes."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.events import AssetPublished, AssetPurged
from infra.rows import Delete, Operation, Table, Upsert
from infra.topics import ASSET_EVENTS
from projections.moments import microseconds
from projections.view import View

CONTENTS = Table(
    name="assets_by_content", partition_key=("tenant_id", "sha256"), clustering=("asset_id",)
)
_ORIGINALS = "originals/"


def _rows(message: Message) -> Iterator[Operation]:
    match message:
        case AssetPublished():
            happened_at_us = microseconds(message.metadata.happened_at)
            yield Upsert(
                table=CONTENTS,
                key=(message.metadata.tenant_id, message.original.sha256, message.asset_id),
                columns={"published_at_us": happened_at_us},
                written_at_us=happened_at_us,
            )
        case AssetPurged():
            for blob_key in message.blob_keys:
                if blob_key.startswith(_ORIGINALS):
                    sha256 = blob_key.rpartition("/")[2]
                    yield Delete(
                        table=CONTENTS,
                        key=(message.metadata.tenant_id, sha256, message.asset_id),
                        written_at_us=microseconds(message.metadata.happened_at),
                    )


ASSETS_BY_CONTENT = View(
    name="assets_by_content", topic=ASSET_EVENTS, tables=(CONTENTS,), rows=_rows
)
