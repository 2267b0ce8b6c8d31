"""What each event means for the runs of its asset."""

from typing import get_args

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
from domain.asset.runs import (
    OpenRuns,
    RunCancelled,
    RunDelayed,
    RunEnded,
    RunStarted,
    run_transition,
)
from tests.property.test_projection_rows import A_LONG_LIFE
from tests.support.history_maker import tenant
from tests.support.stream_samples import CONFIRMED, DELAYED, REJECTED, REPLACED, SUBMITTED

MEANINGS: dict[type[AssetEvent], set[type | None]] = {
    AssetSubmitted: {RunStarted},
    AssetPublished: {RunEnded},
    AssetConfirmed: {RunEnded},
    AssetRejected: {RunEnded},
    AssetDelayed: {RunDelayed},
    AssetCategorised: {None},
    AssetDescribed: {None},
    AssetDeleted: {RunCancelled},
    AssetRestored: {RunStarted, None},
    AssetPurged: {None},
    AssetErased: {None},
    AssetReprocessingRequested: {RunStarted},
    AssetSourceReplaced: {RunStarted},
    AssetRefreshRequested: {RunStarted},
}


def test_every_event_means_something_for_runs_or_nothing() -> None:
    life = [*A_LONG_LIFE, ("submit", 1, 0, 0), ("describe", 1, 0, 0), ("delete", 1, 0, 0)]
    life += [("restore", 1, 0, 0), ("publish", 1, 0, 0), ("delete", 1, 0, 0)]
    life += [("restore", 1, 0, 0), ("erase", 0, 0, 0)]
    seen: dict[type, set[type | None]] = {}
    for event in tenant(life).events:
        if isinstance(event, AssetEvent):
            transition = run_transition(event)
            seen.setdefault(type(event), set()).add(type(transition) if transition else None)
    assert seen == MEANINGS
    assert set(MEANINGS) == set(get_args(AssetEvent))


def test_an_end_ends_earlier_runs_too_and_a_delay_only_its_own() -> None:
    runs = OpenRuns()
    events: list[AssetEvent] = [SUBMITTED, REPLACED, DELAYED, REJECTED]
    for offset, event in enumerate(events):
        runs.apply(event, (0, offset))
    ((_, found),) = runs.items()
    assert (found.run, found.event_offset) == (2, (0, 1))
    assert found.waiting_since == REPLACED.metadata.happened_at
    runs.apply(CONFIRMED, (0, 4))
    assert len(runs) == 0
