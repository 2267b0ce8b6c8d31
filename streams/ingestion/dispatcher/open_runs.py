"""Which pipeline runs were started and have not ended."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.asset.events import (
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetPublished,
    AssetPurged,
    AssetRejected,
)
from domain.events import Event
from domain.values import AssetId
from streams.ingestion.dispatcher.image_jobs import job_for
from streams.ingestion.dispatcher.tenant_queues import EventOffset


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run under way, begun by the event at ``event_offset``.

    ``overdue_after`` doubles each time its job is ordered again.
    """

    run: int
    event_offset: EventOffset
    ordered_at: datetime
    overdue_after: timedelta


class OpenRuns:
    """A fold of asset-events that keeps only what is under way, and of that only where it began."""

    def __init__(self, overdue_after: timedelta) -> None:
        self._overdue_after = overdue_after
        self._runs: dict[AssetId, OpenRun] = {}

    def __len__(self) -> int:
        """Count the runs under way."""
        return len(self._runs)

    def apply(self, event: Event, event_offset: EventOffset) -> None:
        """Take in the next event of a partition of asset-events."""
        job = job_for(event)
        if job:
            self._runs[event.asset_id] = OpenRun(
                run=job.run,
                event_offset=event_offset,
                ordered_at=event.metadata.happened_at,
                overdue_after=self._overdue_after,
            )
            return
        match event:
            case AssetDelayed():
                run = self._runs.get(event.asset_id)
                if run and run.run == event.run:
                    self._runs[event.asset_id] = replace(run, ordered_at=event.retry_at)
            case AssetPublished() | AssetConfirmed() | AssetRejected():
                run = self._runs.get(event.asset_id)
                if run and run.run <= event.run:
                    del self._runs[event.asset_id]
            case AssetDeleted() | AssetPurged():
                self._runs.pop(event.asset_id, None)

    def take_overdue(
        self,
        now: datetime,
        enqueued_up_to: Mapping[int, int],
        is_admitted: Callable[[AssetId], bool],
        at_most: int,
    ) -> list[EventOffset]:
        """Say where runs began that should have ended by now, and wait for them anew.

        Only what lies before the offset named for its partition: what follows waits for its turn,
        or was ordered too lately to be lost. What has its turn now is not overdue either.
        """
        overdue = [
            (asset_id, run)
            for asset_id, run in self._runs.items()
            if now - run.ordered_at >= run.overdue_after
            and run.event_offset[1] < enqueued_up_to.get(run.event_offset[0], 0)
            and not is_admitted(asset_id)
        ]
        overdue = sorted(overdue, key=lambda found: found[1].ordered_at)[:at_most]
        for asset_id, run in overdue:
            self._runs[asset_id] = replace(run, ordered_at=now, overdue_after=2 * run.overdue_after)
        return [run.event_offset for _, run in overdue]
