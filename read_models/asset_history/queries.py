"""Reading what happened to an asset, event by event."""

from contextlib import suppress
from typing import Any, cast

import msgspec

from avro_schemas.codec import KINDS
from avro_schemas.errors import Undecodable
from avro_schemas.registry import newest
from domain.asset.events import AssetEvent
from domain.values import AssetId, TenantId
from infra.cassandra.session import Row
from read_models.asset_history.projection import ASSET_HISTORY
from read_models.keyset import select_all
from read_models.view_reader import ViewReader

_EVENTS = (
    "SELECT * FROM asset_history$suffix WHERE tenant_id = ? AND asset_id = ? AND entity_version > ?"
)


async def asset_history(views: ViewReader, tenant_id: TenantId, asset_id: AssetId) -> list[Row]:
    """List every event of an asset that the view shows, the first one first."""
    return await select_all(
        views,
        ASSET_HISTORY,
        _EVENTS,
        lambda last: (tenant_id, asset_id, last["entity_version"] if last else 0),
    )


async def read_events(
    views: ViewReader, tenant_id: TenantId, asset_id: AssetId
) -> list[AssetEvent]:
    """Give the same as events; raises Undecodable when one has another shape."""
    return list(map(event_in, await asset_history(views, tenant_id, asset_id)))


def event_in(row: Row) -> AssetEvent:
    """Read the event that a row shows; raises Undecodable when it has another shape.

    A field that an older release did not write has its schema's default, as on the wire.
    """
    try:
        kind = KINDS[row["name"]]
        with suppress(msgspec.ValidationError):
            return cast("AssetEvent", msgspec.json.decode(row["event"], type=kind))
        schema = newest(kind.__name__).encryption.plain_schema
        completed = _completed(msgspec.json.decode(row["event"]), schema, {})
        return cast("AssetEvent", msgspec.convert(completed, type=kind))
    except (KeyError, msgspec.ValidationError) as error:
        raise Undecodable(f"{row['name']} in the history: {error}") from error


def _completed(value: Any, schema: Any, known: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Give the fields that a value lacks their defaults; raises KeyError for one without."""
    match known.get(schema, schema) if isinstance(schema, str) else schema:
        case {"type": "record", "name": name, "fields": fields} as record:
            known[name] = record
            return (
                None
                if value is None
                else {
                    field["name"]: _completed(
                        value[field["name"]] if field["name"] in value else field["default"],
                        field["type"],
                        known,
                    )
                    for field in fields
                }
            )
        case {"type": "array", "items": items}:
            return value and [_completed(item, items, known) for item in value]
        case ["null", inner]:
            return _completed(value, inner, known)
    return value
