"""The consumer: reads the log, projects, writes rows, then checkpoints; skips nothing."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event

from domain.dead_letter import DeadLetter
from infra.cassandra.view_store import ViewStore
from infra.errors import BrokerUnavailable, Overloaded, StoreUnavailable, ViewsMissing
from infra.kafka.group_consumer import Partition
from infra.kafka.partition_reader import Record
from projections.batch import project_records
from projections.log_reader import OpenReader
from projections.metrics import ProjectionMetrics
from projections.parked_record_retry import retry_parked
from projections.partition_state import OwnedPartitions, ViewPosition
from projections.writer import BatchWriter, StoreRolledBack
from read_models.view import ViewGeneration

GROUP = "projections"

_BATCH = 2_000
_POLL_SECONDS = 0.5
_REPORT_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 60.0
_SHORTEST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
_BROKER_WAIT_SECONDS = 1.0

log = logging.getLogger(__name__)


class ProjectionConsumer:
    """Keeps generations of views up to date with the partitions that the group gives us.

    ``live`` tells which; it is asked every second.

    Rows are written before the checkpoint, so a checkpoint is never ahead of them; after a kill a
    batch is written again, which changes nothing. The checkpoints in the view store say where to
    read on; the group's own offsets are only there to be looked at. A batch of a partition that
    was taken away meanwhile does no harm either: it writes what the next owner writes.
    """

    def __init__(
        self,
        *,
        open_reader: OpenReader,
        store: ViewStore,
        live: Callable[[], Sequence[ViewGeneration]],
        send_dead_letters: Callable[[Sequence[DeadLetter]], None],
        metrics: ProjectionMetrics,
    ) -> None:
        self._open_reader = open_reader
        self._store = store
        self._retried_at = -_RETRY_SECONDS
        self._find_live = live
        self._owned = OwnedPartitions(store, live())
        self._produce_dead_letters = send_dead_letters
        self._metrics = metrics
        self._writer = BatchWriter(store, self._owned)
        self._stopping = Event()
        self._refreshed_at = time.monotonic()
        self._reported_at = 0.0
        self._reported: dict[Partition, int] = {}

    def run(self, stopping: Event) -> None:
        """Follow until told to stop; the batch under way is finished if the servers let it.

        Raises ProjectionStopped when going on would make the views wrong, and ViewsMissing when a
        table is gone.
        """
        self._stopping = stopping
        topics = self._owned.topics
        with self._open_reader(topics, self._starts_of, self._revoked) as self._reader:
            while not stopping.is_set():
                try:
                    self._poll_once()
                except StoreRolledBack:
                    self._rewind()
                except ViewsMissing:
                    if not self._has_other_generations():
                        raise
                    self._owned.drop()  # of no topic is it known how much of the batch was written
            self._report()

    def _poll_once(self) -> None:
        self._metrics.heartbeat.set_to_current_time()
        if time.monotonic() - self._refreshed_at > _LOOK_SECONDS:
            self._with_retries(self._refresh_generations)
        if not self._with_retries(self._load_new_partitions):
            return
        if time.monotonic() - self._retried_at > _RETRY_SECONDS:
            self._with_retries(self._retry_parked)
        records = self._poll(_BATCH, _POLL_SECONDS)
        began = time.monotonic()
        batch = project_records(records, self._owned, self._reader.position, datetime.now(UTC))
        if batch.dead_letters and not self._with_retries(
            lambda: self._report_dead_letters(batch.dead_letters)
        ):
            return
        if batch.steps and self._with_retries(lambda: self._writer.write(batch)):
            self._metrics.record_batch(batch.applied, batch.newest_ms, began)
        if time.monotonic() - self._reported_at > _REPORT_SECONDS:
            self._report()

    def _poll(self, at_most: int, timeout_seconds: float) -> list[Record]:
        try:
            return self._reader.poll(at_most, timeout_seconds)
        except BrokerUnavailable as error:
            log.warning("waiting for the log: %s", error)
            self._owned.drop()  # records may have been lost on the way; read them again
            self._stopping.wait(_BROKER_WAIT_SECONDS)
            return []

    def _with_retries(self, action: Callable[[], None]) -> bool:
        """Do it, however long a server is down; False when told to stop before it was done.

        The reader is paused meanwhile, and polled so that we stay in the group.
        """
        wait_seconds = 0.0
        try:
            while not self._stopping.is_set():
                try:
                    action()
                except (StoreUnavailable, BrokerUnavailable, Overloaded) as error:
                    log.warning("waiting: %s", error)
                    self._writer.doubt()
                    self._reader.pause()
                    wait_seconds = min(
                        2 * wait_seconds + _SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS
                    )
                    if self._poll(1, wait_seconds):
                        self._owned.drop()  # a record in spite of the pause: read it again
                    self._metrics.heartbeat.set_to_current_time()
                else:
                    return True
        finally:
            if wait_seconds:
                self._reader.resume()
        return False

    def _report_dead_letters(self, dead_letters: Sequence[DeadLetter]) -> None:
        self._produce_dead_letters(dead_letters)
        for dead_letter in dead_letters:
            self._metrics.dead_letters.labels(dead_letter.topic).inc()
            log.error(
                "parked %s:%d:%d, %s: %s",
                dead_letter.topic,
                dead_letter.partition,
                dead_letter.offset,
                dead_letter.code,
                dead_letter.detail,
            )

    def _retry_parked(self) -> None:
        """Apply what waits for a view, as far as the view can take it by now.

        That may take longer than a member may be silent, so the group is polled all along.
        """
        waiting = [
            view_position for view_position in self._owned.view_positions() if view_position.waiting
        ]
        if waiting:
            self._reader.pause()
        try:
            for view_position in waiting:
                if view_position in self._owned.view_positions():  # still ours
                    self._retry(view_position)
        finally:
            if waiting:
                self._reader.resume()
        self._retried_at = time.monotonic()

    def _retry(self, view_position: ViewPosition) -> None:
        applied = 0
        for count in retry_parked(view_position, self._store, self._store.parked_records):
            applied += count
            if self._poll(1, 0):
                self._owned.drop()  # a record in spite of the pause: read it again
            if view_position not in self._owned.view_positions():
                break  # somebody else has the partition now, or it is placed anew
        if applied:
            log.info("%s took %d parked records", view_position.live.view.name, applied)

    def _report(self) -> None:
        """Show how far we are: in the metrics, and as the group's offsets, which nobody needs."""
        self._reported_at = time.monotonic()
        starts = {
            partition_state.partition: partition_state.start
            for partition_state in self._owned.all()
        }
        ends = self._reader.ends()
        for partition, start in starts.items():
            if partition in ends:
                self._metrics.set_lag(partition, ends[partition] - start)
        waiting: Counter[tuple[str, str]] = Counter()
        for view_position in self._owned.view_positions():
            live = view_position.live
            waiting[live.view.name, str(live.generation)] += len(view_position.waiting)
        self._metrics.set_waiting_entities(waiting)
        if starts and starts != self._reported:
            try:
                self._reader.commit(starts)
                self._reported = starts
            except BrokerUnavailable as error:
                log.warning("%s", error)

    def _refresh_generations(self) -> None:
        """Take along what was rebuilt, leave what was dropped, and see that nothing was lost."""
        if self._owned.follow(self._find_live()):
            log.info("the generations to be followed changed")
        self._refreshed_at = time.monotonic()
        self._writer.verify_checkpoints(self._owned.view_positions())

    def _has_other_generations(self) -> bool:
        """Tell whether a table was missing because its generation was dropped, or all was lost."""
        before = self._owned.live
        try:
            self._with_retries(self._refresh_generations)
        except StoreRolledBack:
            self._rewind()
            return True
        return self._owned.live != before

    def _rewind(self) -> None:
        log.warning("the view store lost what was written; applying it again")
        self._metrics.rewinds.inc()
        self._owned.drop()

    def _load_new_partitions(self) -> None:
        new = [each for each in self._reader.assigned() if self._owned.get(each) is None]
        if not new:
            return
        try:
            for partition, start in self._owned.add(new, self._reader.bounds).items():
                self._reader.seek(partition, start)
        except BaseException:
            self._owned.drop(new)
            raise

    def _starts_of(self, partitions: list[Partition]) -> Mapping[Partition, int]:
        log.info("following %d more partitions", len(partitions), extra={"partitions": partitions})
        self._retried_at = -_RETRY_SECONDS  # this code may take what was parked before
        try:
            return self._owned.add(partitions, self._reader.bounds)
        except (StoreUnavailable, BrokerUnavailable) as error:
            log.warning("where to begin is not known yet: %s", error)
            return {}  # they stay without a place until that is known, and are left alone

    def _revoked(self, partitions: list[Partition]) -> None:
        log.info("leaving %d partitions", len(partitions), extra={"partitions": partitions})
        self._owned.drop(partitions)
        for partition in partitions:
            self._metrics.forget(partition)
