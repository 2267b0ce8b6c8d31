"""The history of an asset in a response: its events, and what each of them changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from avro_schemas.errors import Undecodable
from domain.asset.changes import changes
from infra.cassandra.session import Row
from query_api.responses.json_response import raw_json
from read_models.asset_history.queries import event_in
from read_models.time import moment


class ChangeAnswer(TypedDict, closed=True):
    """One field that an event changed."""

    field: Annotated[str, Field(examples=["categories"])]
    before: str | int | Sequence[str] | None
    after: str | int | Sequence[str] | None


class EventAnswer(TypedDict, closed=True):
    """One thing that happened to an asset; `event` is all that was recorded, null once erased.

    `correlation_id` is the operation's id when a bulk operation caused it.
    """

    event_id: str
    name: Annotated[str, Field(examples=["AssetPublished"])]
    version: int
    happened_at: datetime
    actor: str
    command_id: str
    correlation_id: str
    changes: list[ChangeAnswer]
    event: dict[str, Any] | None


class HistoryAnswer(TypedDict, closed=True):
    """All that ever happened to an asset, the first first."""

    items: list[EventAnswer]


def changes_by_event(rows: Sequence[Row]) -> list[list[ChangeAnswer]]:
    """Give for each event of a whole history what it changed.

    That is nothing for all of them when one has the shape of an older release.
    """
    try:
        changed = changes(map(event_in, rows))
    except Undecodable:
        return [[] for _ in rows]
    return [
        [{"field": one.field, "before": one.before, "after": one.after} for one in each]
        for each in changed
    ]


def history_answer(rows: Sequence[Row]) -> HistoryAnswer:
    """Show all events of an asset, and what each of them changed."""
    return {"items": list(map(_event, rows, changes_by_event(rows)))}


def _event(row: Row, changed: list[ChangeAnswer]) -> EventAnswer:
    return {
        "event_id": row["event_id"],
        "name": row["name"],
        "version": row["entity_version"],
        "happened_at": moment(row["happened_at_us"]),
        "actor": row["actor"],
        "command_id": row["command_id"],
        "correlation_id": row["correlation_id"],
        "changes": changed,
        "event": raw_json(row["event"]),
    }
