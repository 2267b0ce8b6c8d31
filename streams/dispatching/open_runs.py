"""Which pipeline runs were started and have not ended."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.events import AssetDeleted, AssetPublished, AssetPurged, AssetRejected, Event
from domain.jobs import ImageJob
from domain.values import AssetId
from streams.dispatching.orders import job_for


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run under way; ``patience`` doubles each time its job is ordered again."""

    job: ImageJob
    partition: int
    ordered_at: datetime
    patience: timedelta


class OpenRuns:
    """A fold of asset-events that keeps only what is under way."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._runs: dict[AssetId, OpenRun] = {}

    def __len__(self) -> int:
        """Count the runs under way."""
        return len(self._runs)

    def apply(self, event: Event, partition: int) -> None:
        """Take in the next event of a partition of asset-events."""
        job = job_for(event)
        if job:
            self._runs[event.asset_id] = OpenRun(
                job=job,
                partition=partition,
                ordered_at=event.metadata.happened_at,
                patience=self._patience,
            )
            return
        match event:
            case AssetPublished() | AssetRejected():
                run = self._runs.get(event.asset_id)
                if run and run.job.run == event.run:
                    del self._runs[event.asset_id]
            case AssetDeleted() | AssetPurged():
                self._runs.pop(event.asset_id, None)

    def take_overdue(self, now: datetime, partitions: set[int], at_most: int) -> list[ImageJob]:
        """Name jobs of these partitions that should have ended by now, and wait for them anew."""
        overdue = [
            run
            for run in self._runs.values()
            if run.partition in partitions and now - run.ordered_at >= run.patience
        ]
        overdue = sorted(overdue, key=lambda run: run.ordered_at)[:at_most]
        for run in overdue:
            self._runs[run.job.asset_id] = replace(run, ordered_at=now, patience=2 * run.patience)
        return [run.job for run in overdue]
