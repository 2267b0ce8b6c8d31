"""Webhook endpoints whose topics are lists in memory."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from avro_schemas.codec import Message, decode
from command_api.delivery_log import DeliveryLog
from command_api.webhook_registry import WebhookRegistry
from infra.encryption import Erasure
from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import ASSET_EVENTS, WEBHOOK_ATTEMPTS, WEBHOOK_ENDPOINTS, Topic
from read_models.webhooks.endpoint_table import WebhookEndpointTable
from read_models.webhooks.signing_secrets import WebhookSecrets

SECRETS = WebhookSecrets(["a secret of the tests"])


@dataclass(kw_only=True)
class MemoryTopics:
    """Appends to lists; ``is_down``: nothing is acknowledged."""

    table: WebhookEndpointTable = field(default_factory=WebhookEndpointTable)
    records: dict[str, list[Record]] = field(default_factory=dict)
    is_down: bool = False

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        """Append a record, as infra.kafka.producer does; a table follows the endpoints."""
        if self.is_down:
            raise BrokerUnavailable("127.0.0.1:9092 did not acknowledge")
        written = self.records.setdefault(topic.name, [])
        record = Record(
            topic=topic.name,
            partition=0,
            offset=len(written),
            key=key.encode(),
            value=value or b"",
            timestamp_ms=0,
        )
        written.append(record)
        if topic == WEBHOOK_ENDPOINTS:
            self.table.learn(record)
        return LogPosition(topic=topic.name, partition=0, offset=record.offset)

    def on(self, topic: Topic) -> list[Message]:
        """Read what lies in a topic of messages."""
        return [decode(record.value) for record in self.records.get(topic.name, [])]

    def of(self, partitions: list[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Tell where partitions begin and end: everything lies in partition 0."""
        return {
            (topic, number): (0, 0 if number else len(self.records.get(topic, [])))
            for topic, number in partitions
        }

    @contextmanager
    def open(self, starts: Mapping[int, int]) -> Iterator["MemoryReader"]:
        """Read the attempts from an offset on."""
        yield MemoryReader(self.records.get(WEBHOOK_ATTEMPTS.name, []), starts[0])


class MemoryReader:
    """Reads a list, a few records at a time."""

    def __init__(self, records: list[Record], start: int) -> None:
        self._records = records
        self._at = start

    def poll(self) -> list[Record]:
        """Give the next few."""
        read = self._records[self._at : self._at + 7]
        self._at += len(read)
        return read

    def position(self, partition: int) -> int:
        """Give the next offset."""
        assert partition == 0
        return self._at


class MemoryKeys:
    """Knows which keys were destroyed; ``trouble`` is raised instead."""

    def __init__(self) -> None:
        self.erased: set[tuple[str, str]] = set()
        self.trouble: Exception | None = None

    def is_erased(self, tenant_id: str, entity_id: str) -> bool:
        """Tell whether this one was."""
        return (tenant_id, entity_id) in self.erased

    def erase(self, erasures: Iterable[Erasure]) -> None:
        """Destroy some."""
        if self.trouble:
            raise self.trouble
        self.erased |= {(each.tenant_id, each.entity_id) for each in erasures}


def memory_webhooks(
    topics: MemoryTopics | None = None,
    *,
    max_per_tenant: int = 50,
    keys: MemoryKeys | None = None,
) -> WebhookRegistry:
    """Make what the command API works with."""
    topics = topics or MemoryTopics()

    async def at_once() -> None:
        """Have nothing to catch up with."""

    async def event_ends() -> Mapping[int, int]:
        return dict.fromkeys(range(ASSET_EVENTS.partitions), 7)

    return WebhookRegistry(
        sender=topics,
        table=topics.table,
        secrets=SECRETS,
        log=DeliveryLog(topics, topics.open),
        keys=keys or MemoryKeys(),
        catch_up=at_once,
        event_ends=event_ends,
        max_per_tenant=max_per_tenant,
    )
