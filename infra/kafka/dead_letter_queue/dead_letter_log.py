"""The topics in which dead letters and what was done with them lie."""

import re
from collections.abc import Iterator

from infra.kafka.client import Kafka
from infra.kafka.dead_letter_queue.entry import DeadLetterNotFound, DeadLetterResolution
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader, Record
from infra.kafka.topics import DEAD_LETTERS, DEAD_LETTERS_SETTLED, Topic

_DEAD_LETTER_ID = re.compile(r"([a-z.-]{1,100}):([0-9]{1,9}):([0-9]{1,18})")


class KafkaDeadLetterLog:
    """Reads them; every method raises BrokerUnavailable, and what takes an id DeadLetterNotFound.

    What is settled is read anew each time: calls are rare, and several processes may settle.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def records(self, topic: str | None, after: str | None) -> Iterator[Record]:
        """Yield all records of one topic, or of all, in order, behind a letter."""
        begin = _location(after) if after else None
        topics = [each for each in DEAD_LETTERS if topic in (None, each.name)]
        if begin and begin[0] in topics:
            topics = topics[topics.index(begin[0]) :]
        for each in topics:
            is_first = begin is not None and begin[0] == each
            yield from self._from(each, *(begin[1:] if begin and is_first else (0, -1)))

    def record(self, letter_id: str) -> Record | None:
        """Find one record; None when it is forgotten, or never was."""
        topic, partition, offset = _location(letter_id)
        first, end = LogBounds(self._kafka).of([(topic.name, partition)])[topic.name, partition]
        if not first <= offset < end:
            return None
        with PartitionReader(self._kafka, topic, {partition: offset}) as reader:
            record = next(reader.read_to_end(), None)
        return record if record and record.offset == offset else None

    def resolutions(self) -> dict[str, DeadLetterResolution]:
        """Read what was settled; the first word about a letter holds."""
        resolutions: dict[str, DeadLetterResolution] = {}
        for record in self._from(DEAD_LETTERS_SETTLED, 0, -1):
            resolution = DeadLetterResolution.from_json(record.value)
            resolutions.setdefault(resolution.letter_id, resolution)
        return resolutions

    def _from(self, topic: Topic, partition: int, offset: int) -> Iterator[Record]:
        """Yield a topic's records behind a place, one partition after the other."""
        wanted = [(topic.name, number) for number in range(partition, topic.partitions)]
        for (_, number), (first, end) in sorted(LogBounds(self._kafka).of(wanted).items()):
            start = max(first, offset + 1) if number == partition else first
            if start < end:
                with PartitionReader(self._kafka, topic, {number: start}) as reader:
                    yield from reader.read_to_end()


def _location(letter_id: str) -> tuple[Topic, int, int]:
    """Say where a letter lies; raises DeadLetterNotFound."""
    found = _DEAD_LETTER_ID.fullmatch(letter_id)
    topics = {topic.name: topic for topic in DEAD_LETTERS}
    if found and found[1] in topics and int(found[2]) < topics[found[1]].partitions:
        return topics[found[1]], int(found[2]), int(found[3])
    raise DeadLetterNotFound(f"no dead letter {letter_id}")
