"""The outcome of a command in a response."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field
from typing_extensions import TypedDict

from infra.cassandra.session import Row
from infra.http.position_header import position_to_header
from infra.http.problems import problem_kinds, problem_name, status_of, title_of
from read_models.time import moment


class CausedEvent(TypedDict, closed=True):
    """An event that a command caused."""

    event_id: str
    name: str


class CommandAnswer(TypedDict, closed=True):
    """What became of a command; `problem` is what a write would have answered."""

    command_id: str
    status: Literal["accepted", "refused"]
    entity_id: str
    decided_at: datetime
    position: Annotated[
        str | None, Field(description="Send it as `ScaleHoster-Position` to see the effect.")
    ]
    events: list[CausedEvent]
    asset: dict[str, Any] | None
    category: dict[str, Any] | None
    problem: dict[str, Any] | None


def command_answer(row: Row, *, problem_base_url: str) -> CommandAnswer:
    """Show what became of a command."""
    outcome = msgspec.json.decode(row["outcome"])  # empty once the asset in it is erased
    is_accepted = row["is_accepted"]
    return {
        "command_id": row["command_id"],
        "status": "accepted" if is_accepted else "refused",
        "entity_id": row["entity_id"],
        "decided_at": moment(row["decided_at_us"]),
        "position": position_to_header(row["position"]) if row["position"] else None,
        "events": outcome.get("events", []),
        "asset": outcome.get("asset"),
        "category": outcome.get("category"),
        "problem": _problem(outcome, problem_base_url) if outcome and not is_accepted else None,
    }


def _problem(refusal: Mapping[str, Any], problem_base_url: str) -> dict[str, Any]:
    name = problem_name(refusal["problem"])
    kind = problem_kinds()[name]
    return {
        **refusal["members"],
        "type": f"{problem_base_url.rstrip('/')}/problems/{name}",
        "title": title_of(kind),
        "status": status_of(kind).value,
        "detail": refusal["detail"],
    }
