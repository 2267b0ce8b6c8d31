"""View: what became of each command, for a week.

One command may be answered several ways: refused until its category existed, accepted, refused
when its Idempotency-Key came again with another body. It took effect if it ever did, whatever else
was said of it before or since and whatever order that arrives in. So each kind of answer has a row
of its own, and readers take the first.
"""

from collections.abc import Iterator

from avro_schemas.codec import Message
from domain.outcomes import CommandAccepted, CommandRefused
from infra.cassandra.row_operations import RowOperation, Table, Upsert
from infra.kafka.topics import COMMAND_RESULTS
from read_models.json_columns import as_json
from read_models.time import microseconds
from read_models.view import View

OUTCOMES = Table(
    name="commands",
    partition_key=("tenant_id", "command_id"),
    clustering=("precedence",),
    personal=(("outcome", "{}"),),
    entity="entity_id",
)
_TOOK_EFFECT, _CHANGED_NOTHING, _REFUSED = range(3)


def _rows(message: Message) -> Iterator[RowOperation]:
    match message:
        case CommandAccepted(position=str() as position):
            yield _outcome(message, _TOOK_EFFECT, position=position)
        case CommandAccepted():
            yield _outcome(message, _CHANGED_NOTHING, position="")
        case CommandRefused():
            yield _outcome(message, _REFUSED, position="")


def _outcome(
    outcome: CommandAccepted | CommandRefused, precedence: int, *, position: str
) -> Upsert:
    decided_at_us = microseconds(outcome.decided_at)
    return Upsert(
        table=OUTCOMES,
        key=(outcome.tenant_id, outcome.command_id, precedence),
        columns={
            "entity_id": outcome.entity_id,
            "is_accepted": precedence != _REFUSED,
            "decided_at_us": decided_at_us,
            "position": position,
            "outcome": as_json(outcome),
        },
        written_at_us=decided_at_us,
    )


COMMANDS = View(name="commands", topic=COMMAND_RESULTS, tables=(OUTCOMES,), rows=_rows)
