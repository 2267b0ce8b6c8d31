"""What a browser makes of Server-Sent Events."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One block: an event, or without data only a new id."""

    id: str
    type: str | None = None
    data: dict[str, Any] | None = None

    @property
    def event_id(self) -> str:
        assert self.data is not None
        return str(self.data["data"]["event_id"])


def pieces(lines: Iterable[str]) -> Iterator[Piece]:
    """Read blocks, each as soon as it is complete."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield Piece(id=fields["id"], type=fields.get("event"), data=data)
            fields = {}
