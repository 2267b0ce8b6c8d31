"""Metrics of a projection for Prometheus."""

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from infra.kafka.group_consumer import Partition

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LABELS = ("topic", "partition")


class ProjectionMetrics:
    """Counts what was applied, and shows how far behind the log the views are.

    Lag in seconds goes on rising while nothing is applied: it is worked out when it is asked for.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._applied = Counter(
            "scalehoster_projections_events_applied",
            "Messages applied to the views",
            ("topic",),
            registry=registry,
        )
        self.dead_letters = Counter(
            "scalehoster_projections_dead_letters",
            "Records that no view could be built from",
            ("topic",),
            registry=registry,
        )
        self.rewinds = Counter(
            "scalehoster_projections_rewinds",
            "Times the view store had lost what was written",
            registry=registry,
        )
        self._batch_seconds = Histogram(
            "scalehoster_projections_batch_seconds",
            "How long a batch took from the log to the checkpoint",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.heartbeat = Gauge(
            "scalehoster_projections_heartbeat_timestamp_seconds",
            "When the projection last looked for work",
            registry=registry,
        )
        self._lag_records = Gauge(
            "scalehoster_projections_lag_records",
            "Records in the log that are not applied",
            _LABELS,
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "scalehoster_projections_lag_seconds",
            "For how long the log has held something that is not applied",
            _LABELS,
            registry=registry,
        )
        self._waiting = Gauge(
            "scalehoster_projections_entities_waiting",
            "Entities whose events wait behind a record that a view could not take",
            ("view", "generation"),
            registry=registry,
        )
        self._fresh_as_of: dict[Partition, float] = {}
        self._waiting_of: set[tuple[str, str]] = set()

    def record_batch(
        self, counts: Mapping[str, int], newest_ms: Mapping[Partition, int], began: float
    ) -> None:
        """Note what a batch applied, up to which record's time, and since when it was under way."""
        self._batch_seconds.observe(time.monotonic() - began)
        for topic, count in counts.items():
            self._applied.labels(topic).inc(count)
        for partition, time_ms in newest_ms.items():
            fresh_as_of = self._fresh_as_of.get(partition, 0.0)
            self._fresh_as_of[partition] = max(fresh_as_of, time_ms / 1_000)

    def set_lag(self, partition: Partition, lag_records: int) -> None:
        """Show the lag of a partition as it was found now."""
        now = time.time()
        if lag_records <= 0:
            self._fresh_as_of[partition] = now
        fresh_as_of = self._fresh_as_of.setdefault(partition, now)
        self._lag_records.labels(*partition).set(max(0, lag_records))
        seconds = self._lag_seconds.labels(*partition)
        if lag_records > 0:
            seconds.set_function(lambda: max(0.0, time.time() - fresh_as_of))
        else:
            seconds.set_function(lambda: 0.0)

    def set_waiting_entities(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Show how many entities wait, by view and generation; nothing of others any more."""
        for gone in self._waiting_of - counts.keys():
            self._waiting.remove(*gone)
        for place, count in counts.items():
            self._waiting.labels(*place).set(count)
        self._waiting_of = set(counts)

    def forget(self, partition: Partition) -> None:
        """Show nothing of a partition that somebody else follows now."""
        if self._fresh_as_of.pop(partition, None) is not None:
            self._lag_records.remove(*partition)
            self._lag_seconds.remove(*partition)
