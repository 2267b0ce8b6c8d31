"""View: published pictures by each quarter of their perceptual hash, so that near ones are found.

Of two hashes that differ in at most three bits of 64 one quarter is the same: three bits cannot
spoil all four.
"""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.asset.events import AssetEvent, AssetPublished, AssetPurged
from infra.cassandra.row_operations import ColumnValue, Delete, RowOperation, Table, Upsert
from infra.kafka.topics import ASSET_EVENTS
from read_models.time import microseconds
from read_models.view import View

QUARTERS = Table(
    name="similar_assets",
    partition_key=("tenant_id", "place", "quarter"),
    clustering=("asset_id", "perceptual_hash"),
)
_DIGITS = 4  # hexadecimal ones, of 16


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case AssetPublished(facts=facts):
            for key in _keys(message, facts.perceptual_hash):
                yield Upsert(
                    table=QUARTERS,
                    key=key,
                    columns={},
                    written_at_us=microseconds(message.metadata.happened_at),
                )
            before = message.previous_perceptual_hash
            if before is not None and before != facts.perceptual_hash:
                yield from _gone(message, before)
        case AssetPurged():
            if message.perceptual_hash is not None:
                yield from _gone(message, message.perceptual_hash)


def _gone(event: AssetPublished | AssetPurged, perceptual_hash: str) -> Iterator[Delete]:
    for key in _keys(event, perceptual_hash):
        yield Delete(
            table=QUARTERS, key=key, written_at_us=microseconds(event.metadata.happened_at)
        )


def _keys(event: AssetEvent, perceptual_hash: str) -> Iterator[tuple[ColumnValue, ...]]:
    for quarter in quarters_of(perceptual_hash):
        yield event.metadata.tenant_id, *quarter, event.asset_id, perceptual_hash


def quarters_of(perceptual_hash: str) -> Iterator[tuple[int, str]]:
    """Cut a hash into its quarters, each with its place."""
    for start in range(0, len(perceptual_hash), _DIGITS):
        yield start // _DIGITS, perceptual_hash[start : start + _DIGITS]


SIMILAR_ASSETS = View(name="similar_assets", topic=ASSET_EVENTS, tables=(QUARTERS,), rows=_rows)
