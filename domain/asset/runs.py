"""Pipeline runs of an asset: how each event starts, delays or ends one, and which are open.

This is the one place that says so; followers of runs take a transition instead of an event.
"""

from collections.abc import ItemsView
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.asset.events import (
    AssetCategorised,
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetDescribed,
    AssetErased,
    AssetEvent,
    AssetPublished,
    AssetPurged,
    AssetRefreshRequested,
    AssetRejected,
    AssetReprocessingRequested,
    AssetRestored,
    AssetSourceReplaced,
    AssetSubmitted,
)
from domain.values import AssetId, Duplicates, FocalPoint, Original, Picture, Source

EventOffset = tuple[int, int]  # partition of the log of asset events, offset


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run started, and supersedes every earlier one of its asset; the rest is what it works on.

    See ImageJob, which has the same fields.
    """

    run: int
    preset: str
    focal_point: FocalPoint | None
    source: Source | None = None
    original: Original | None = None
    picture: Picture | None = None
    is_bulk: bool = False
    duplicates: Duplicates = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDelayed:
    """An attempt at a run failed; the run stays open, its next attempt is due at ``retry_at``."""

    run: int
    retry_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run ended, and with it every earlier one; it need not have started.

    An earlier result that is shown again ends a run of its own.
    """

    run: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled:
    """The asset was deleted; a result of any of its runs counts no more."""


RunTransition = RunStarted | RunDelayed | RunEnded | RunCancelled


def run_transition(event: AssetEvent) -> RunTransition | None:
    """Return how an event changes the runs of its asset; None if it does not."""
    match event:
        case AssetSubmitted():
            return RunStarted(
                run=event.run,
                preset=event.preset,
                focal_point=event.description.focal_point,
                source=event.source,
                is_bulk=event.is_bulk,
                duplicates=event.duplicates,
            )
        case AssetRestored(starts_run=True) | AssetSourceReplaced():
            return RunStarted(
                run=event.run,
                preset=event.preset,
                focal_point=event.focal_point,
                source=event.source,
                duplicates=event.duplicates,
            )
        case AssetReprocessingRequested():
            return RunStarted(
                run=event.run,
                preset=event.preset,
                focal_point=event.focal_point,
                original=event.original,
                is_bulk=event.is_bulk,
            )
        case AssetRefreshRequested():
            return RunStarted(
                run=event.run,
                preset=event.preset,
                focal_point=event.focal_point,
                source=event.source,
                picture=event.picture,
                is_bulk=event.is_bulk,
                duplicates=event.duplicates,
            )
        case AssetDelayed():
            return RunDelayed(run=event.run, retry_at=event.retry_at)
        case AssetPublished() | AssetConfirmed() | AssetRejected():
            return RunEnded(run=event.run)
        case AssetDeleted():
            return RunCancelled()
        case (
            AssetRestored()
            | AssetCategorised()
            | AssetDescribed()
            | AssetPurged()  # it was deleted before
            | AssetErased()
        ):
            return None
        case _:
            assert_never(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that started with the event at ``event_offset`` and has not ended.

    ``waiting_since`` is when it started, when its next attempt is due, or when its job was last
    enqueued again, whichever came last; ``requeues`` counts how often it was.
    """

    run: int
    event_offset: EventOffset
    waiting_since: datetime
    requeues: int = 0


class OpenRuns:
    """A fold of asset events that keeps of each open run only where it started and since when."""

    def __init__(self) -> None:
        self._runs: dict[AssetId, OpenRun] = {}

    def __len__(self) -> int:
        """Count the open runs."""
        return len(self._runs)

    def items(self) -> ItemsView[AssetId, OpenRun]:
        """Show the open run of each asset that has one."""
        return self._runs.items()

    def apply(self, event: AssetEvent, event_offset: EventOffset) -> None:
        """Fold the next event of a partition."""
        transition, asset_id = run_transition(event), event.asset_id
        open_run = self._runs.get(asset_id)
        match transition:
            case RunStarted():
                self._runs[asset_id] = OpenRun(
                    run=transition.run,
                    event_offset=event_offset,
                    waiting_since=event.metadata.happened_at,
                )
            case RunDelayed():
                if open_run and open_run.run == transition.run:
                    self._runs[asset_id] = replace(open_run, waiting_since=transition.retry_at)
            case RunEnded():
                if open_run and open_run.run <= transition.run:
                    del self._runs[asset_id]
            case RunCancelled():
                self._runs.pop(asset_id, None)
            case None:
                pass
            case _:
                assert_never(transition)

    def requeued(self, asset_id: AssetId, now: datetime) -> None:
        """Note that the job of an asset's open run was enqueued again."""
        run = self._runs[asset_id]
        self._runs[asset_id] = replace(run, waiting_since=now, requeues=run.requeues + 1)
