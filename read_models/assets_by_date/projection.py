"""View: the published assets of each day, newest first."""

from collections.abc import Iterator
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
from domain.values import Listing
from infra.cassandra.row_operations import Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.listing_columns import LISTING_PERSONAL, listing_columns
from read_models.time import day, microseconds
from read_models.view import View

LISTING = Table(
    name="assets_by_date",
    partition_key=("tenant_id", "day"),
    clustering=("created_at_us", "asset_id"),
    personal=LISTING_PERSONAL,
    entity="asset_id",
)
BUCKETS = Table(name="date_buckets", partition_key=("tenant_id",), clustering=("day",))


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case (
            AssetPublished(listing=Listing() as listing)
            | AssetCategorised(listing=Listing() as listing)
            | AssetDescribed(listing=Listing() as listing)
            | AssetRestored(listing=Listing() as listing)
        ):
            written_at_us = microseconds(message.metadata.happened_at)
            yield Upsert(
                table=LISTING,
                key=_key(message, listing.created_at),
                columns=listing_columns(listing, message.category_ids),
                written_at_us=written_at_us,
            )
            yield Upsert(
                table=BUCKETS,
                key=(message.metadata.tenant_id, day(listing.created_at)),
                columns={},
                written_at_us=written_at_us,
            )
        case AssetDeleted():
            yield Delete(
                table=LISTING,
                key=_key(message, message.created_at),
                written_at_us=microseconds(message.metadata.happened_at),
            )


def _key(event: AssetEvent, created_at: datetime) -> tuple[str, str, int, str]:
    created_at_us = microseconds(created_at)
    return event.metadata.tenant_id, day(created_at), created_at_us, event.asset_id


ASSETS_BY_DATE = View(
    name="assets_by_date", topic=ASSET_EVENTS, tables=(LISTING, BUCKETS), rows=_rows
)
