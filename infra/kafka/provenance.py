"""Provenance: the header that says who wrote a record, and which command it follows from."""

from dataclasses import dataclass
from typing import Self

from confluent_kafka import Message

PROVENANCE_HEADER = "decided"


def without_provenance(headers: tuple[tuple[str, bytes], ...]) -> tuple[tuple[str, bytes], ...]:
    """Return a record's headers without its provenance, which only its own cluster understands."""
    return tuple(header for header in headers if header[0] != PROVENANCE_HEADER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The transactional id of the writer, and the place of the command; ``str`` spells it.

    What follows from no command names the place in its own topic that everything was known up to.
    """

    writer: str
    command: tuple[str, int]
    offset: int

    @property
    def place(self) -> tuple[str, int, int]:
        """Where the command lies."""
        return *self.command, self.offset

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """Return the headers of a record with this provenance."""
        return ((PROVENANCE_HEADER, str(self).encode()),)

    def __str__(self) -> str:
        topic, partition = self.command
        return f"{self.writer} {topic}:{partition}:{self.offset}"

    @classmethod
    def read(cls, message: Message) -> Self | None:
        """Read the provenance of a record; None when it has none that can be read."""
        value = dict(message.headers() or ()).get(PROVENANCE_HEADER) or b""
        try:
            text = value if isinstance(value, str) else value.decode()
            writer, _, place = text.rpartition(" ")
            topic, partition, offset = place.split(":")
            return cls(writer=writer, command=(topic, int(partition)), offset=int(offset))
        except ValueError:
            return None
