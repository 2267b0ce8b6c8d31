"""Restores the log of an archive into an installation whose log is empty."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from avro_schemas.containers import LoggedRecord
from avro_schemas.registry import schemas
from backup.errors import RestoreRefused
from backup.log_sources import COMPACTED_TOPICS, EVENT_TOPICS, ArchivedLog
from backup.manifest import SchemaFile, TableFile
from backup.progress import OnProgress
from backup.verification import require_undamaged
from infra.kafka.topics import ASSET_EVENTS, WEBHOOK_ENDPOINTS, Topic
from read_models.webhooks.endpoint_records import with_start_offsets


class RestoreTarget(Protocol):
    """An installation that a log is restored into; every method raises BrokerUnavailable."""

    def require_unused(self) -> None:
        """Raise RestoreRefused when a process uses the log, or a view was built from another."""

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the offset after the last committed record of each partition."""

    def records(self, topic: Topic, partition: int) -> Iterator[LoggedRecord]:
        """Yield the records that a partition holds now."""

    def append(self, topic: Topic, partition: int, records: Iterator[LoggedRecord]) -> None:
        """Append records to a partition in order; if it raises, the first of them may be kept."""

    def add_keys(self, topic: Topic, records: list[LoggedRecord]) -> int:
        """Add the keys that a compacted topic lacks, and count them."""

    def hand_over(self) -> None:
        """Set the offsets at which services begin; repeated, it changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreResult:
    """The number of records in the archive, appended now, and of keys added."""

    records: int
    appended: int
    keys_added: int


class LogRestorer:
    """Appends every record of an archive to the partition it came from, in order, as it was.

    ``run`` may be killed at any point and repeated: what is there already is compared, byte for
    byte, and the rest is appended. Offsets are not kept: transactions put markers between records.
    """

    def __init__(
        self,
        directory: Path,
        target: RestoreTarget,
        on_progress: OnProgress,
        *,
        chain_key: bytes | None = None,
        trusts_keys: bool | None = None,
    ) -> None:
        """``trusts_keys``: take API keys and endpoints from an archive without a key, or not."""
        self._chain_key = chain_key
        self._trusts_keys = trusts_keys
        self._directory = directory
        self._target = target
        self._on_progress = on_progress
        self._done = 0
        self._total = 0

    def run(self) -> RestoreResult:
        """Restore, read all of it back, and count.

        Raises NotAnArchive, ArchiveDamaged or ChainKeyWrong for the archive; RestoreRefused when
        the log holds anything else, is in use, this release does not know a schema, or it has to be
        said whether API keys are taken over; BrokerUnavailable, StoreUnavailable. Whatever it
        raises, it can be run again once that is mended.
        """
        log = self._opened()
        places = [(topic, number) for topic in EVENT_TOPICS for number in range(topic.partitions)]
        total = log.record_count
        self._total = 2 * total  # there or appended, then read back
        present = {place: self._equal(log, *place) for place in places}
        appended = total - sum(present.values())
        if appended:
            self._target.require_unused()
            for place, count in present.items():
                self._target.append(
                    *place, self._counted(islice(log.all_records(*place), count, None))
                )
        if sum(self._equal(log, *place) for place in places) != total:
            raise RestoreRefused("the log lacks records after all; is another restore running?")
        tables = COMPACTED_TOPICS if self._takes_tables(log) else ()
        added = sum(self._target.add_keys(topic, self._table(log, topic)) for topic in tables)
        self._target.hand_over()
        return RestoreResult(records=total, appended=appended, keys_added=added)

    def _table(self, log: ArchivedLog, topic: Topic) -> list[LoggedRecord]:
        """Read a compacted topic; webhooks begin at the end of the restored log.

        So they deliver nothing twice, and all that happens from now on. Their offset in the old log
        means nothing here.
        """
        records = log.table(topic)
        if topic != WEBHOOK_ENDPOINTS:
            return records
        ends = self._target.ends(ASSET_EVENTS)
        starts = tuple(ends.get(number, 0) for number in range(ASSET_EVENTS.partitions))
        return [replace(each, value=with_start_offsets(starts, each.value)) for each in records]

    def _takes_tables(self, log: ArchivedLog) -> bool:
        """Return True if API keys are restored: a forged one would open every tenant."""
        if self._chain_key is not None or not any(log.manifest.of(TableFile)):
            return True
        if self._trusts_keys is None:
            raise RestoreRefused(
                "no key says who made this archive, and it brings API keys along: whoever could"
                " write to it may have put one of their own there. Say --leave-keys and make new"
                " ones, or --trust-keys if nobody could; or name the key it was made with"
            )
        return self._trusts_keys

    def _opened(self) -> ArchivedLog:
        log = ArchivedLog(self._directory, self._chain_key)
        require_undamaged(self._directory, self._chain_key)
        self._takes_tables(log)
        ours = {topic.name: topic.partitions for topic in EVENT_TOPICS}
        for name, partitions in log.manifest.origin.partitions.items():
            if ours.get(name) != partitions:
                raise RestoreRefused(
                    f"the archive has {partitions} partitions of {name}, this release"
                    f" {ours.get(name, 'none')}"
                )
        for entry in log.manifest.of(SchemaFile):
            known = schemas().get(entry.schema_id)
            theirs = json.loads((self._directory / entry.file).read_text("utf-8"))
            if known is None or json.loads(known.text) != theirs:
                raise RestoreRefused(
                    f"this release does not know schema {entry.schema_id} as the archive has it;"
                    " restore with the release that wrote it, or a newer one"
                )
        return log

    def _equal(self, log: ArchivedLog, topic: Topic, partition: int) -> int:
        """Count the records that are there already; raises RestoreRefused for any other."""
        wanted = log.all_records(topic, partition)
        count = 0
        for found in self._counted(self._target.records(topic, partition)):
            expected = next(wanted, None)
            if expected is None or replace(found, offset=expected.offset) != expected:
                raise RestoreRefused(
                    f"{topic.name} {partition} holds a record at offset {found.offset} that is not"
                    " of this archive; restore into an installation that is empty: another"
                    " SCALEHOSTER_DATA_DIR, or another SCALEHOSTER_KAFKA__TOPIC_PREFIX together"
                    " with another SCALEHOSTER_CASSANDRA__KEYSPACE"
                )
            count += 1
        return count

    def _counted(self, records: Iterator[LoggedRecord]) -> Iterator[LoggedRecord]:
        for record in records:
            yield record
            self._done += 1
            self._on_progress(self._done, self._total)
