"""The log of dead letters: their topics, and the topic of their resolutions."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.errors import NotFound
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import DEAD_LETTERS, DEAD_LETTERS_SETTLED, Topic

_DEAD_LETTER_ID = re.compile(r"([a-z.-]{1,100}):([0-9]{1,9}):([0-9]{1,18})")


class DeadLetterNotFound(NotFound):
    """No dead letter has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterResolution:
    """What was done with a dead letter, and when."""

    letter_id: str
    how: Literal["retried", "dropped"]
    settled_at: datetime

    def to_json(self) -> bytes:
        """Encode it for the topic, readable to operators."""
        fields = {"letter": self.letter_id, "how": self.how, "at": self.settled_at.isoformat()}
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "DeadLetterResolution":
        """Decode it; raises ValueError or KeyError for anything else."""
        fields = json.loads(text)
        at = datetime.fromisoformat(fields["at"])
        return cls(letter_id=fields["letter"], how=fields["how"], settled_at=at)


class KafkaDeadLetterLog:
    """Reads dead letters; all methods raise BrokerUnavailable, those with an id DeadLetterNotFound.

    Resolutions are read anew each time: calls are rare, and several processes may write them.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def records(self, topic: str | None, after: str | None) -> Iterator[Record]:
        """Yield all records of one topic, or of all topics, in order, after a dead letter."""
        begin = _location(after) if after else None
        topics = [each for each in DEAD_LETTERS if topic in (None, each.name)]
        if begin and begin[0] in topics:
            topics = topics[topics.index(begin[0]) :]
        for each in topics:
            is_first = begin is not None and begin[0] == each
            yield from self._from(each, *(begin[1:] if begin and is_first else (0, -1)))

    def record(self, letter_id: str) -> Record | None:
        """Find one record; None if its topic has removed it, or never had it."""
        topic, partition, offset = _location(letter_id)
        first, end = LogBounds(self._kafka).of([(topic.name, partition)])[topic.name, partition]
        if not first <= offset < end:
            return None
        with PartitionReader(self._kafka, topic, {partition: offset}) as reader:
            record = next(reader.read_to_end(), None)
        return record if record and record.offset == offset else None

    def resolutions(self) -> dict[str, DeadLetterResolution]:
        """Read all resolutions by letter id; the first one of a dead letter counts."""
        resolutions: dict[str, DeadLetterResolution] = {}
        for record in self._from(DEAD_LETTERS_SETTLED, 0, -1):
            resolution = DeadLetterResolution.from_json(record.value)
            resolutions.setdefault(resolution.letter_id, resolution)
        return resolutions

    def _from(self, topic: Topic, partition: int, offset: int) -> Iterator[Record]:
        """Yield a topic's records after an offset, one partition after the other."""
        wanted = [(topic.name, number) for number in range(partition, topic.partitions)]
        for (_, number), (first, end) in sorted(LogBounds(self._kafka).of(wanted).items()):
            start = max(first, offset + 1) if number == partition else first
            if start < end:
                with PartitionReader(self._kafka, topic, {number: start}) as reader:
                    yield from reader.read_to_end()


def _location(letter_id: str) -> tuple[Topic, int, int]:
    """Return topic, partition and offset of a dead letter; raises DeadLetterNotFound."""
    found = _DEAD_LETTER_ID.fullmatch(letter_id)
    topics = {topic.name: topic for topic in DEAD_LETTERS}
    if found and found[1] in topics and int(found[2]) < topics[found[1]].partitions:
        return topics[found[1]], int(found[2]), int(found[3])
    raise DeadLetterNotFound(f"no dead letter {letter_id}")
