"""Sources of records to export: the log in Kafka, or an archive of it."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from avro_schemas.containers import ContainerBroken, LoggedRecord, read_container
from backup.errors import ArchiveDamaged, ExportRefused
from backup.manifest import Chunk, Manifest, TableFile
from infra.errors import BrokerUnavailable
from infra.kafka.client import Kafka
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.partition_reader import PartitionReader, Record, read_from_beginning
from infra.kafka.provenance import without_provenance
from infra.kafka.topics import TOPICS, Topic

EVENT_TOPICS = tuple(topic for topic in TOPICS if topic.is_kept_forever)
COMPACTED_TOPICS = tuple(topic for topic in TOPICS if topic.cleanup == "compact")

_SILENT_SECONDS = 60.0


class LogSource(Protocol):
    """A log that can be exported."""

    @property
    def log_id(self) -> str:
        """Name the log, so that two are never mixed in one archive."""

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the offset after the last committed record of each partition."""

    def records(self, topic: Topic, partition: int, start: int, end: int) -> Iterator[LoggedRecord]:
        """Yield the records of a partition from ``start`` up to, not including, ``end``."""

    def table(self, topic: Topic) -> list[LoggedRecord]:
        """Return the newest record of each key of a compacted topic, by key."""


class KafkaLog:
    """The log in Kafka; every method raises BrokerUnavailable."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._bounds = LogBounds(kafka)
        self.log_id = kafka.log_id()

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the end of each partition; raises ExportRefused when its beginning is gone."""
        bounds = self._bounds.of((topic.name, number) for number in range(topic.partitions))
        for (name, number), (first, _) in bounds.items():
            if first > 0:
                raise ExportRefused(
                    f"{name} {number} begins at offset {first}: events before it are lost"
                )
        return {number: end for (_, number), (_, end) in bounds.items()}

    def records(self, topic: Topic, partition: int, start: int, end: int) -> Iterator[LoggedRecord]:
        """Read committed records; raises BrokerUnavailable after a minute without any."""
        with PartitionReader(self._kafka, topic, {partition: start}) as reader:
            heard_at = time.monotonic()
            while reader.position(partition) < end:
                before = reader.position(partition)
                for record in reader.poll():
                    if record.offset < end:
                        yield to_logged_record(record)
                if reader.position(partition) > before:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > _SILENT_SECONDS:
                    raise BrokerUnavailable(f"{topic.name} {partition} brings nothing any more")

    def table(self, topic: Topic) -> list[LoggedRecord]:
        """Read a compacted topic whole."""
        with read_from_beginning(self._kafka, topic) as reader:
            newest = {record.key: to_logged_record(record) for record in reader.read_to_end()}
        return [newest[key] for key in sorted(newest)]


class ArchivedLog:
    """The log in an archive, up to the last export that was completed.

    Reading raises ArchiveDamaged at the first record that is not as it was written.
    """

    def __init__(self, directory: Path, chain_key: bytes | None = None) -> None:
        """Open it; raises NotAnArchive, ChainKeyWrong."""
        self.manifest = Manifest.load(directory, chain_key).completed()
        self.log_id = self.manifest.origin.log_id
        self._directory = directory

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the end of each partition that has records."""
        return {
            chunk.partition: chunk.next_offset
            for chunk in self.manifest.of(Chunk)
            if chunk.topic == topic.name
        }

    def records(self, topic: Topic, partition: int, start: int, end: int) -> Iterator[LoggedRecord]:
        """Read the files of a partition."""
        for chunk in self.manifest.of(Chunk):
            if (chunk.topic, chunk.partition) == (topic.name, partition):
                for record in self._content(chunk.file):
                    if start <= record.offset < end:
                        yield record

    @property
    def record_count(self) -> int:
        """Count the records of all events."""
        return sum(chunk.record_count for chunk in self.manifest.of(Chunk))

    def all_records(self, topic: Topic, partition: int) -> Iterator[LoggedRecord]:
        """Read a partition from its first record to its last."""
        return self.records(topic, partition, 0, self.ends(topic).get(partition, 0))

    def table(self, topic: Topic) -> list[LoggedRecord]:
        """Read what was exported of a compacted topic last; nothing when it was left out."""
        files = [file for file in self.manifest.of(TableFile) if file.topic == topic.name]
        return list(self._content(files[-1].file)) if files else []

    def _content(self, file: str) -> Iterator[LoggedRecord]:
        try:
            yield from read_container((self._directory / file).read_bytes())
        except ContainerBroken as error:
            raise ArchiveDamaged(f"{file}, {error}") from error


def to_logged_record(record: Record) -> LoggedRecord:
    """Convert a record as it was read from a topic, without its provenance header.

    The header names offsets of this cluster; in another one they would mean other commands.
    """
    return LoggedRecord(
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=record.key,
        headers=without_provenance(record.headers),
        value=record.value,
    )
