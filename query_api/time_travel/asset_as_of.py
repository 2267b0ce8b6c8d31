"""An asset as it was: its history folded up to a version or a moment.

The result has the shape of a row of the view ``asset_by_id``, and is folded from the columns that
the view itself takes from each event.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from avro_schemas.codec import KINDS
from domain.errors import AssetNotFound
from domain.values import AssetId, Status
from infra.cassandra.row_operations import ColumnValue
from infra.cassandra.session import Row
from query_api.errors import AssetGone
from query_api.parameters import AssetAsOfParameters
from read_models.asset_by_id.projection import PURGED_ASSET, asset_columns, blank_asset
from read_models.asset_history.queries import event_in
from read_models.time import microseconds

_ERASED = "null"
_GONE = ("AssetPurged", "AssetErased")


def asset_as_of(history: Sequence[Row], asset_id: AssetId, asked: AssetAsOfParameters) -> Row:
    """Fold all that had happened by then.

    Raises AssetNotFound when that was nothing, or when there is no such version yet; AssetGone when
    the asset was purged since; Undecodable for an event of a shape that cannot be read any more.
    """
    latest = history[-1]["entity_version"] if history else 0
    if asked.version is not None and asked.version > latest:
        raise AssetNotFound(f"no asset {asset_id} has a version {asked.version}")
    row: dict[str, Any] = {"asset_id": asset_id}
    for each in history:
        if not _is_within(each, asked):
            break
        row |= _columns(each)
        row |= {"version": each["entity_version"], "updated_at_us": each["happened_at_us"]}
    if "version" not in row:
        raise AssetNotFound(f"no asset had the id {asset_id} then")
    if history[-1]["name"] in _GONE and row["status"] != Status.PURGED:
        raise AssetGone(f"asset {asset_id} was purged since, and with it what it was before")
    return row


def _is_within(event: Row, asked: AssetAsOfParameters) -> bool:
    if asked.version is not None:
        return bool(event["entity_version"] <= asked.version)
    return asked.as_of is None or bool(event["happened_at_us"] <= microseconds(asked.as_of))


def _columns(event: Row) -> Mapping[str, ColumnValue]:
    """Return what an event changed, or what is known of that once its words are erased."""
    if event["name"] not in KINDS:
        return {}  # of a newer release, which may be taken back
    if event["event"] != _ERASED:
        return asset_columns(event_in(event))
    match event["name"]:
        case "AssetSubmitted":
            return blank_asset(event["happened_at_us"])
        case "AssetPurged":
            return PURGED_ASSET
        case "AssetErased":
            return {"erased_at_us": event["happened_at_us"]}
    return {}
