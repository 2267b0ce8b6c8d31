"""The decoder of records that views are built from."""

from avro_schemas.codec import Message, decode
from avro_schemas.errors import Undecodable
from domain.events import Event
from domain.outcomes import CommandAccepted, CommandRefused


def decode_record(value: bytes, topic: str) -> Message:
    """Decode a record; raises Undecodable, also for what does not belong into its topic."""
    message = decode(value)
    if not isinstance(message, Event | CommandAccepted | CommandRefused):
        raise Undecodable(f"a {type(message).__name__} does not belong into {topic}")
    return message
