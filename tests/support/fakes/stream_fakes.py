"""Parts of the stream processes that do what a test tells them."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from avro_schemas.codec import Message, decode
from domain.asset.commands import ConfirmAsset, PublishAsset
from domain.asset.jobs import ImageJob
from domain.values import AssetId, Sha256, TenantId
from infra.errors import BrokerUnavailable
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from infra.kafka.producer import LogPosition
from infra.kafka.topics import Topic
from streams.ingestion.fetcher import CacheValidators, FetchedSource
from streams.rendering import MeasuredSource, Preset, RenderResult, RenditionBytes
from tests.support.samples import FACTS


class FakeSender:
    """Keeps what is sent; ``failures`` are raised first, one by one."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.failures = deque(failures)

    async def send(self, topic: Topic, key: str, value: bytes | None) -> LogPosition:
        if self.failures:
            raise self.failures.popleft()
        assert value is not None
        self.sent.append((topic.name, key, value))
        return LogPosition(topic=topic.name, partition=0, offset=len(self.sent) - 1)

    def on(self, topic: Topic) -> list[Message]:
        return [decode(value) for name, _, value in self.sent if name == topic.name]


class FakeRuns:
    """Ends each job with what it was made with: a command, or an exception."""

    def __init__(self, outcome: PublishAsset | ConfirmAsset | Exception) -> None:
        self.outcome = outcome
        self.ran: list[ImageJob] = []

    async def run(self, job: ImageJob) -> PublishAsset | ConfirmAsset:
        self.ran.append(job)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class FakeFetcher:
    """Writes the same bytes for every URL; ``etag`` says which they are."""

    def __init__(self, data: bytes, etag: str | None = None) -> None:
        self.data = data
        self.etag = etag
        self.urls: list[str] = []
        self.tenants: list[TenantId] = []
        self.asked_by: list[CacheValidators | None] = []

    async def fetch(
        self,
        url: str,
        *,
        tenant_id: TenantId,
        into: Path,
        conditional: CacheValidators | None = None,
    ) -> FetchedSource:
        self.urls.append(url)
        self.tenants.append(tenant_id)
        self.asked_by.append(conditional)
        is_known = conditional is not None and self.etag == conditional.etag
        data = b"" if is_known else self.data
        if not is_known:
            into.write_bytes(data)  # noqa: ASYNC240 - a few bytes
        return FetchedSource(
            final_url=url,
            status=304 if is_known else 200,
            etag=None if is_known else self.etag,
            last_modified=None,
            content_type_claimed=None,
            duration_ms=1,
            size_bytes=len(data),
            sha256=sha256(data).hexdigest(),
            not_modified=is_known,
        )


class FakeTwins:
    """Knows which asset has which bytes."""

    def __init__(self) -> None:
        self.known: dict[Sha256, AssetId] = {}
        self.asked: list[tuple[AssetId, TenantId, Sha256]] = []

    async def of(self, asset_id: AssetId, tenant_id: TenantId, sha256: Sha256) -> AssetId | None:
        self.asked.append((asset_id, tenant_id, sha256))
        return self.known.get(sha256)


class FakeSandbox:
    """Sees no picture, but makes renditions of it."""

    def __init__(self) -> None:
        self.sources: list[bytes] = []
        self.presets: list[Preset] = []

    async def render(self, source: Path, preset: Preset) -> RenderResult:
        self.sources.append(source.read_bytes())  # noqa: ASYNC240 - a few bytes
        self.presets.append(preset)
        return RenderResult(
            original=MeasuredSource(
                sha256=Sha256("a" * 64),
                size_bytes=source.stat().st_size,  # noqa: ASYNC240 - a few bytes
                media_type="image/png",
                width=4,
                height=3,
                frames=1,
            ),
            facts=FACTS,
            renditions=(_made("b", b"large"), _made("c", b"thumb")),
        )


def _made(digit: str, data: bytes) -> RenditionBytes:
    return RenditionBytes(
        name=data.decode(),
        media_type="image/webp",
        width=4,
        height=3,
        sha256=Sha256(64 * digit),
        data=data,
    )


class FakeReader:
    """Gives batch after batch of records, then nothing; keeps what is committed."""

    def __init__(self, *batches: list[Record], commits: Callable[[], None] | None = None) -> None:
        self.batches = deque(batches)
        self.committed: dict[Partition, int] = {}
        self.is_paused = False
        self.is_behind = False
        self.revoke: Callable[[list[Partition]], None] = lambda _: None
        self._commits = commits
        self._positions: dict[Partition, int] = {}

    def open(self, on_revoked: Callable[[list[Partition]], None]) -> "FakeReader":
        def revoke(partitions: list[Partition]) -> None:
            for partition in partitions:
                del self._positions[partition]
            on_revoked(partitions)

        self.revoke = revoke
        return self

    def poll(self, *_: float) -> list[Record]:
        if self.is_paused or not self.batches:
            return []
        batch = self.batches.popleft()
        for read in batch:
            self._positions[read.topic, read.partition] = read.offset + 1
        return batch

    def has_caught_up(self) -> bool:
        return not self.is_behind

    def positions(self) -> Mapping[Partition, int]:
        return dict(self._positions)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        if self._commits:
            self._commits()
        self.committed |= offsets

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False


class FakeFinder:
    """Finds single records again; ``failures`` are raised first, one by one."""

    def __init__(self, records: Iterable[Record], *failures: Exception) -> None:
        self._records = records
        self._failures = deque(failures)

    def read(self, places: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], Record]:
        if self._failures:
            raise self._failures.popleft()
        known = {(each.partition, each.offset): each for each in self._records}
        return {place: known[place] for place in places}


def away() -> BrokerUnavailable:
    return BrokerUnavailable("nobody is there")


def record(
    value: bytes,
    *,
    topic: str = "image-jobs",
    offset: int = 0,
    partition: int = 0,
    timestamp_ms: int = 0,
) -> Record:
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=b"the key",
        value=value,
        timestamp_ms=timestamp_ms,
    )
