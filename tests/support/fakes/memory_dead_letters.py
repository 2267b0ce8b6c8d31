"""Dead letters in memory, and what is sent because of them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from avro_schemas.codec import encode
from domain.dead_letter import DeadLetter
from infra.kafka.dead_letter_queue import DeadLetterNotFound, DeadLetterResolution
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import DEAD_LETTERS_SETTLED, IMAGE_JOBS_DEAD_LETTERS, Topic
from tests.support.samples import NOON


class MemoryDeadLetterLog:
    """Stands for the topics and for the sender; ``sent`` is all but what was settled."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.failures: list[Exception] = []
        self._records: list[Record] = []
        self._settled: dict[str, DeadLetterResolution] = {}

    def park(
        self,
        value: bytes,
        *,
        origin: str = "image-jobs",
        code: str = "internal",
        minutes: int = 0,
        topic: Topic = IMAGE_JOBS_DEAD_LETTERS,
    ) -> str:
        """Let a letter lie, and name it."""
        letter = DeadLetter(
            topic=origin,
            partition=3,
            offset=70,
            key=b"the key",
            value=value,
            code=code,
            detail="nobody could work on it",
            parked_at=NOON + timedelta(minutes=minutes),
        )
        return self.lay(encode(letter), topic)

    def lay(self, value: bytes, topic: Topic = IMAGE_JOBS_DEAD_LETTERS) -> str:
        """Let any record lie among the letters."""
        offset = len(self._records)
        self._records.append(
            Record(
                topic=topic.name,
                partition=0,
                offset=offset,
                key=b"the key",
                value=value,
                timestamp_ms=0,
            )
        )
        return f"{topic.name}:0:{offset}"

    def records(self, topic: str | None, after: str | None) -> Iterator[Record]:
        names = [self._name(record) for record in self._records]
        if after is not None and after not in names:
            raise DeadLetterNotFound(after)
        start = 0 if after is None else names.index(after) + 1
        yield from (each for each in self._records[start:] if topic in (None, each.topic))

    def record(self, letter_id: str) -> Record | None:
        found = [each for each in self._records if self._name(each) == letter_id]
        return found[0] if found else None

    def resolutions(self) -> Mapping[str, DeadLetterResolution]:
        return dict(self._settled)

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        if self.failures:
            raise self.failures.pop(0)
        assert value is not None
        if topic == DEAD_LETTERS_SETTLED:
            self._settled.setdefault(key, DeadLetterResolution.from_json(value))
        else:
            self.sent.append((topic.name, key, value))
        return LogPosition(topic=topic.name, partition=0, offset=0)

    def _name(self, record: Record) -> str:
        return f"{record.topic}:{record.partition}:{record.offset}"
