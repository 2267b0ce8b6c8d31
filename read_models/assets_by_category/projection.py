"""View: the published assets of each category, newest first."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetCategorised,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetPublished,
    AssetRestored,
)
from domain.values import CategoryId, Listing
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.listing_columns import LISTING_PERSONAL, listing_columns
from read_models.time import microseconds, month
from read_models.view import View

LISTING = Table(
    name="assets_by_category",
    partition_key=("tenant_id", "category_id", "bucket"),
    clustering=("created_at_us", "asset_id"),
    personal=LISTING_PERSONAL,
    entity="asset_id",
)
BUCKETS = Table(
    name="category_buckets", partition_key=("tenant_id", "category_id"), clustering=("bucket",)
)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetPublished(listing=listing):
            yield from _placed(message, listing, message.category_ids)
        case AssetDescribed(listing=Listing() as listing):
            yield from _placed(message, listing, message.category_ids)
        case AssetRestored(listing=Listing() as listing):
            yield from _placed(message, listing, message.category_ids)
        case AssetCategorised(listing=Listing() as listing):
            yield from _placed(message, listing, message.category_ids)
            left = set(message.previous_category_ids) - set(message.category_ids)
            yield from _removed(message, left, listing.created_at)
        case AssetDeleted():
            yield from _removed(message, message.category_ids, message.created_at)


def _placed(
    event: AssetEvent, listing: Listing, category_ids: tuple[CategoryId, ...]
) -> Iterator[RowOperation]:
    written_at_us = microseconds(event.metadata.happened_at)
    tenant_id, bucket = event.metadata.tenant_id, month(listing.created_at)
    for category_id in category_ids:
        yield Upsert(
            table=LISTING,
            key=_key(event, category_id, listing.created_at),
            columns=listing_columns(listing, category_ids),
            written_at_us=written_at_us,
        )
        yield Upsert(
            table=BUCKETS,
            key=(tenant_id, category_id, bucket),
            columns={},
            written_at_us=written_at_us,
        )


def _removed(
    event: AssetEvent, category_ids: Iterable[CategoryId], created_at: datetime
) -> Iterator[RowOperation]:
    for category_id in category_ids:
        yield Delete(
            table=LISTING,
            key=_key(event, category_id, created_at),
            written_at_us=microseconds(event.metadata.happened_at),
        )


def _key(
    event: AssetEvent, category_id: CategoryId, created_at: datetime
) -> tuple[str, str, str, int, str]:
    bucket, created_at_us = month(created_at), microseconds(created_at)
    return event.metadata.tenant_id, category_id, bucket, created_at_us, event.asset_id


ASSETS_BY_CATEGORY = View(
    name="assets_by_category", topic=ASSET_EVENTS, tables=(LISTING, BUCKETS), rows=_rows
)
