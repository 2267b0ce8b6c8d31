"""A log of asset events in memory, a feed that follows it, and how far topics are written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from avro_schemas.codec import encode
from domain.asset.events import AssetEvent
from domain.values import EventId, TenantId
from infra.errors import BrokerUnavailable
from infra.kafka.partition_reader import Record
from infra.kafka.topics import Topic
from query_api.feed.feed import Feed
from query_api.feed.listeners import Listeners
from query_api.feed.resume_tokens import Offsets, ResumeTokens
from tests.support.samples import ACME, NOON
from tests.support.stream_samples import SUBMITTED

PARTITIONS = 3


class MemoryEventLog:
    """Events are appended to one partition after the other; all who listen hear of it."""

    def __init__(
        self, *, at_most: int = 10, per_tenant: int = 3, stall_timeout_seconds: float = 0.01
    ) -> None:
        self.records: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.opened: list[Offsets] = []
        self.open = self.most_open = 0
        self.listeners = Listeners(at_most=at_most, per_tenant=per_tenant)
        self.feed = Feed(
            self.listeners,
            ResumeTokens(["today", "yesterday"], PARTITIONS),
            open_history=self._open,
            offsets_at=self._offsets_at,
            public_base_url="https://img.example",
            heartbeat_seconds=0.01,
            stall_timeout_seconds=stall_timeout_seconds,
        )
        self.listeners.begin(dict.fromkeys(range(PARTITIONS), 0))
        self._count = 0

    def append(self, tenant_id: TenantId = ACME, *, is_heard: bool = True) -> AssetEvent:
        """Append the next event, one a minute; unheard it lies there before anybody reads it."""
        number, self._count = self._count, self._count + 1
        about = replace(
            SUBMITTED.metadata,
            event_id=EventId(f"e-{number}"),
            tenant_id=tenant_id,
            happened_at=NOON + timedelta(minutes=number),
        )
        event = replace(SUBMITTED, metadata=about)
        partition = number % PARTITIONS
        record = Record(
            topic="asset-events",
            partition=partition,
            offset=len(self.records[partition]),
            key=b"the key",
            value=encode(event),
            timestamp_ms=0,
        )
        self.records[partition].append(record)
        if is_heard:
            self.listeners.take(record)
        return event

    @contextmanager
    def _open(self, starts: Offsets) -> Iterator["MemoryHistory"]:
        self.opened.append(starts)
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            yield MemoryHistory(self.records, dict(starts))
        finally:
            self.open -= 1

    def _offsets_at(self, moment: datetime) -> dict[int, int]:
        before = max(0, round((moment - NOON) / timedelta(minutes=1)))
        return {p: len(range(p, before, PARTITIONS)) for p in range(PARTITIONS)}


class MemoryHistory:
    """Reads one record of each partition at a time."""

    def __init__(self, records: list[list[Record]], positions: dict[int, int]) -> None:
        self._records = records
        self._positions = positions

    def poll(self) -> list[Record]:
        """Give the next ones."""
        read = [
            self._records[partition][at]
            for partition, at in self._positions.items()
            if at < len(self._records[partition])
        ]
        self._positions |= {record.partition: record.offset + 1 for record in read}
        return read

    def position(self, partition: int) -> int:
        """Give the next offset."""
        return self._positions[partition]


class MemoryLogEnds:
    """How far topics have been written; for tests."""

    def __init__(self) -> None:
        self.ends: dict[str, dict[int, int]] = {}
        self.asked = 0
        self.is_away = False

    async def written(self, topic: Topic) -> Mapping[int, int]:
        self.asked += 1
        if self.is_away:
            raise BrokerUnavailable("it is away")
        return self.ends.get(topic.name, {})
