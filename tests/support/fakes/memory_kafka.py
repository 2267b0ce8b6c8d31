"""A Kafka in memory for those who write in transactions: logs, a group's offsets, refusals."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Event
from typing import Self

import pytest

from infra.kafka.client import Kafka
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.record_limits import require_writable
from infra.kafka.topics import Topic
from infra.kafka.transactions import RecordsRefused, TransactionFailed

KAFKA = Kafka(bootstrap_servers="127.0.0.1:1")  # nobody is there


class MemoryKafka:
    """Keeps what was committed; hand its parts to whoever opens the real ones.

    ``refuses`` says of which records the broker finds that they can never be written; then it
    refuses the whole batch, as brokers do. ``failures`` are what the next commits come to: "lost"
    takes no effect, "unheard" takes effect, and both are reported as failed.
    """

    def __init__(self) -> None:
        self.logs: defaultdict[Partition, list[Record]] = defaultdict(list)
        self.committed: dict[Partition, int] = {}
        self.refuses: Callable[[str, bytes], bool] = lambda _topic, _value: False
        self.failures: list[str] = []
        self.transactions: list[int] = []  # how many records each had that took effect
        self.is_idle = False

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand for every client of Kafka that deciders open."""
        stands_for = {
            "infra.decider_runtime.runtime.TransactionalProducer": self.writer,
            "infra.decider_runtime.runtime.OpenTransactionScanner": self.tails,
            "infra.decider_runtime.runtime.HangingTransactionRecovery": self.recovery,
            "infra.decider_runtime.runtime.GroupConsumer": self.group_reader,
            "read_models.category_catalogues.PartitionReader": self.reader,
            "read_models.category_catalogues.OpenTransactionScanner": self.tails,
            "command_api.decider.partition_catch_up.PartitionReader": self.reader,
            "command_api.decider.partition_catch_up.OpenTransactionScanner": self.tails,
            "command_api.decider.partition_catch_up.LogBounds": self.bounds,
            "streams.bulk_operations.operation_decider.PartitionReader": self.reader,
            "streams.bulk_operations.operation_model.PartitionReader": self.reader,
            "streams.bulk_operations.operation_model.OpenTransactionScanner": self.tails,
        }
        for name, made in stands_for.items():
            monkeypatch.setattr(name, made)

    def append(self, topic: Topic, value: bytes, *, partition: int = 0, key: str = "k") -> int:
        """Let a record lie in a log, whoever wrote it."""
        return self._append((topic.name, partition), key.encode(), value)

    def values(self, topic: Topic) -> list[bytes]:
        """Give all that lies in a topic, partition by partition."""
        return [
            record.value
            for (name, _), records in sorted(self.logs.items())
            if name == topic.name
            for record in records
        ]

    def _append(self, partition: Partition, key: bytes, value: bytes) -> int:
        records = self.logs[partition]
        records.append(
            Record(
                topic=partition[0],
                partition=partition[1],
                offset=len(records),
                key=key,
                value=value,
                timestamp_ms=0,
            )
        )
        return len(records) - 1

    def reader(self, _kafka: Kafka, topic: Topic, starts: Mapping[int, int]) -> "MemoryReader":
        """Stand for infra.kafka.partition_reader.PartitionReader."""
        return MemoryReader(self, topic, starts)

    def group_reader(
        self,
        _kafka: Kafka,
        _group: str,
        topics: Iterable[Topic],
        *,
        starts_of: Callable[[list[Partition]], Mapping[Partition, int]],
        on_revoked: object = None,
        max_poll_seconds: int,
    ) -> "MemoryGroupReader":
        """Stand for infra.kafka.group_consumer.GroupConsumer, the only member of its group."""
        del on_revoked, max_poll_seconds
        return MemoryGroupReader(self, topics, starts_of)

    def writer(self, _kafka: Kafka, transactional_id: str) -> "MemoryWriter":
        """Stand for infra.kafka.transactions.TransactionalProducer."""
        return MemoryWriter(self, transactional_id)

    def tails(self, *_: object) -> "MemoryTails":
        """Stand for infra.kafka.hanging_transactions.open_transactions.OpenTransactionScanner."""
        return MemoryTails()

    def recovery(self, *_: object, **__: object) -> "MemoryMender":
        """Stand for infra.kafka.hanging_transactions.recovery.Mender."""
        return MemoryMender()

    def bounds(self, _kafka: Kafka) -> "MemoryBounds":
        """Stand for infra.kafka.offsets.log_bounds.LogBounds."""
        return MemoryBounds(self)

    def until_idle(self) -> Event:
        """Stop whoever runs once everything was read."""
        return _UntilIdle(self)


class _UntilIdle(Event):
    def __init__(self, kafka: MemoryKafka) -> None:
        super().__init__()
        self._kafka = kafka
        kafka.is_idle = False

    def is_set(self) -> bool:
        return self._kafka.is_idle

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self._kafka.is_idle


class MemoryReader:
    """Reads from chosen offsets."""

    def __init__(self, kafka: MemoryKafka, topic: Topic, starts: Mapping[int, int]) -> None:
        self._kafka = kafka
        self._topic = topic.name
        self._positions = dict(starts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def position(self, partition: int) -> int:
        return self._positions[partition]

    def poll(self, *_: object, **__: object) -> list[Record]:
        found = []
        for partition, start in self._positions.items():
            records = self._kafka.logs[self._topic, partition][start:]
            self._positions[partition] = start + len(records)
            found += records
        return found

    def read_to_end(self) -> Iterator[Record]:
        yield from self.poll()


class MemoryGroupReader:
    """Owns every partition of some topics."""

    def __init__(
        self,
        kafka: MemoryKafka,
        topics: Iterable[Topic],
        starts_of: Callable[[list[Partition]], Mapping[Partition, int]],
    ) -> None:
        self._kafka = kafka
        self._partitions = [(each.name, n) for each in topics for n in range(each.partitions)]
        self._starts_of = starts_of
        self._positions: dict[Partition, int] = {}

    def close(self) -> None: ...

    def poll(self, at_most: int, _timeout_seconds: float) -> list[Record]:
        found: list[Record] = []
        if not self._positions:
            self._positions = self.committed(self._partitions)
            self._positions |= self._starts_of(self._partitions)
        for partition in self._partitions:
            start = self._positions[partition]
            records = self._kafka.logs[partition][start : start + at_most - len(found)]
            self._positions[partition] = start + len(records)
            found += records
        self._kafka.is_idle = not found
        return found

    def assigned(self) -> list[Partition]:
        return list(self._positions)

    def position(self, partition: Partition) -> int:
        return self._positions[partition]

    def committed(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return {each: self._kafka.committed.get(each, 0) for each in partitions}

    def rewind(self, at_least: Mapping[Partition, int]) -> None:
        for each, offset in self.committed(self.assigned()).items():
            self._positions[each] = max(offset, at_least.get(each, 0))


class MemoryWriter:
    """Writes transactions."""

    def __init__(self, kafka: MemoryKafka, transactional_id: str) -> None:
        self.id = transactional_id
        self._kafka = kafka
        self._open: list[tuple[Partition, bytes, bytes]] | None = None

    def renew(self) -> None:
        self._open = None

    def begin(self) -> None:
        assert self._open is None, "the one before was never ended"
        self._open = []

    def append(
        self,
        topic: Topic,
        partition: int,
        key: str | bytes,
        value: bytes,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> int:
        assert self._open is not None
        require_writable(topic, key, value, headers)
        key = key.encode() if isinstance(key, str) else key
        self._open.append(((topic.name, partition), key, value))
        return len(self._open) - 1

    def flush(self) -> list[int]:
        assert self._open is not None
        if any(self._kafka.refuses(topic, value) for (topic, _), _, value in self._open):
            raise RecordsRefused("Broker: Message size too large")
        seen: defaultdict[Partition, int] = defaultdict(int)
        offsets = []
        for partition, _, _ in self._open:
            offsets.append(len(self._kafka.logs[partition]) + seen[partition])
            seen[partition] += 1
        return offsets

    def commit(self, _reader: object, offsets: Mapping[Partition, int]) -> None:
        assert self._open is not None
        self.flush()
        failure = self._kafka.failures.pop(0) if self._kafka.failures else ""
        if failure != "lost":
            for partition, key, value in self._open:
                self._kafka._append(partition, key, value)  # noqa: SLF001 - part of it
            self._kafka.committed.update(offsets)
            self._kafka.transactions.append(len(self._open))
        if failure:
            raise TransactionFailed(f"commit: {failure}")
        self._open = None


class MemoryTails:
    """No transaction is ever left open here."""

    def wait_until_closed(self, _partitions: object) -> None: ...


class MemoryMender:
    """Nothing is to be mended here."""

    decided: Mapping[Partition, int] = {}

    def note(self, _offsets: object) -> None: ...

    def look(self, _own_id: str) -> None: ...

    def recover(self, _writer: object, _reader: object) -> None: ...

    def starts(self, _partitions: object, _reader: object) -> dict[Partition, int]:
        return {}


class MemoryBounds:
    """Tells where logs end."""

    def __init__(self, kafka: MemoryKafka) -> None:
        self._kafka = kafka

    def stable(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return {each: len(self._kafka.logs[each]) for each in partitions}
