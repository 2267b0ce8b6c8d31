"""View: what became of each command, for a week."""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.outcomes import CommandAccepted, CommandRefused
from infra.rows import Operation, Table, Upsert
from infra.topics import COMMAND_RESULTS
from projections.as_json import as_json
from projections.moments import microseconds
from projections.view import View

OUTCOMES = Table(name="commands", partition_key=("tenant_id", "command_id"))


def _rows(message: Message) -> Iterator[Operation]:
    match message:
        case CommandAccepted(position=position):
            yield _outcome(message, is_accepted=True, position=position or "")
        case CommandRefused():
            yield _outcome(message, is_accepted=False, position="")


def _outcome(
    outcome: CommandAccepted | CommandRefused, *, is_accepted: bool, position: str
) -> Upsert:
    decided_at_us = microseconds(outcome.decided_at)
    return Upsert(
        table=OUTCOMES,
        key=(outcome.tenant_id, outcome.command_id),
        columns={
            "entity_id": outcome.entity_id,
            "is_accepted": is_accepted,
            "decided_at_us": decided_at_us,
            "position": position,
            "outcome": as_json(outcome),
        },
        written_at_us=decided_at_us,
    )


COMMANDS = View(name="commands", topic=COMMAND_RESULTS, tables=(OUTCOMES,), rows=_rows)
