"""View: what each listing showed, and from when until when, so that the past can be listed.

Each event that changes what listings show of an asset ends one interval and begins another. It
names the version that began the one it ends, so that nothing needs to be read.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from avro_schemas.codec import Message
from domain.asset.events import (
    AssetCategorised,
    AssetDeleted,
    AssetDescribed,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRestored,
)
from domain.values import CategoryId, Listing
from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.listing_columns import LISTING_PERSONAL, listing_columns
from read_models.time import day, microseconds, month
from read_models.view import View

INTERVALS = Table(
    name="listings_as_of",
    partition_key=("tenant_id", "shelf", "bucket"),
    clustering=("created_at_us", "asset_id", "since_version"),
    personal=LISTING_PERSONAL,
    entity="asset_id",
)
BUCKETS = Table(
    name="listing_buckets_as_of", partition_key=("tenant_id", "shelf"), clustering=("bucket",)
)
EVERYTHING = ""  # the listing of all that a tenant has; each other one is named by its category
_STILL_US = 2**63 - 1

IntervalKey = tuple[str, str, str, int, str]  # without the version that began it


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetPublished(listing=listing) | AssetDescribed(listing=Listing() as listing):
            yield from _ended(message, message.category_ids, listing.created_at)
            yield from _begun(message, listing, message.category_ids)
        case AssetCategorised(listing=Listing() as listing):
            yield from _ended(message, message.previous_category_ids, listing.created_at)
            yield from _begun(message, listing, message.category_ids)
        case AssetRestored(listing=Listing() as listing):
            yield from _begun(message, listing, message.category_ids)
        case AssetDeleted():
            yield from _ended(message, message.category_ids, message.created_at)
        case AssetPurged():  # reaches back: nobody sees what is purged, not even in the past
            for place in _listing_keys(message, message.shown_in, message.created_at):
                yield Delete(
                    table=INTERVALS,
                    key=place,
                    written_at_us=microseconds(message.metadata.happened_at),
                )


def _begun(
    event: AssetEvent, listing: Listing, category_ids: tuple[CategoryId, ...]
) -> Iterator[RowOperation]:
    now_us = microseconds(event.metadata.happened_at)
    columns: dict[str, ColumnValue] = {
        **listing_columns(listing, category_ids),
        "valid_from_us": now_us,
        "valid_to_us": _STILL_US,
    }
    for place in _listing_keys(event, category_ids, listing.created_at):
        version = event.metadata.entity_version
        yield Upsert(table=INTERVALS, key=(*place, version), columns=columns, written_at_us=now_us)
        yield Upsert(table=BUCKETS, key=place[:3], columns={}, written_at_us=now_us)


def _ended(
    event: AssetPublished | AssetDescribed | AssetCategorised | AssetDeleted,
    category_ids: tuple[CategoryId, ...],
    created_at: datetime,
) -> Iterator[RowOperation]:
    if event.shown_since is None:
        return
    now_us = microseconds(event.metadata.happened_at)
    for place in _listing_keys(event, category_ids, created_at):
        yield Upsert(
            table=INTERVALS,
            key=(*place, event.shown_since),
            columns={"valid_to_us": now_us},
            written_at_us=now_us,
        )


def _listing_keys(
    event: AssetEvent, category_ids: Iterable[CategoryId], created_at: datetime
) -> Iterator[IntervalKey]:
    tenant_id, created_at_us = event.metadata.tenant_id, microseconds(created_at)
    yield tenant_id, EVERYTHING, day(created_at), created_at_us, event.asset_id
    for category_id in category_ids:
        yield tenant_id, category_id, month(created_at), created_at_us, event.asset_id


LISTINGS_AS_OF = View(
    name="listings_as_of", topic=ASSET_EVENTS, tables=(INTERVALS, BUCKETS), rows=_rows
)
