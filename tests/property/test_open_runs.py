"""Whatever happens, the runs that transitions leave open are those of the assets themselves."""

from hypothesis import example, given

from domain.asset import replay
from domain.asset.events import AssetEvent
from domain.asset.runs import OpenRuns, RunStarted, run_transition
from tests.property.test_projection_rows import A_LONG_LIFE
from tests.support.history_maker import Wish, tenant, wishes


@given(wishes)
@example(A_LONG_LIFE)
def test_the_fold_of_transitions_has_the_open_run_of_each_asset(chosen: list[Wish]) -> None:
    runs = OpenRuns()
    histories: dict[str, list[AssetEvent]] = {}
    for offset, event in enumerate(tenant(chosen).events):
        if not isinstance(event, AssetEvent):
            continue
        history = histories.setdefault(event.asset_id, [])
        history.append(event)
        runs.apply(event, (0, offset))
        asset = replay(history)
        assert asset is not None
        found = dict(runs.items()).get(event.asset_id)
        assert (found.run if found else None) == (asset.run if asset.is_open(asset.run) else None)


@given(wishes)
@example(A_LONG_LIFE)
def test_a_run_that_starts_works_on_what_the_asset_has(chosen: list[Wish]) -> None:
    histories: dict[str, list[AssetEvent]] = {}
    for event in tenant(chosen).events:
        if not isinstance(event, AssetEvent):
            continue
        history = histories.setdefault(event.asset_id, [])
        history.append(event)
        started, asset = run_transition(event), replay(history)
        if isinstance(started, RunStarted):
            assert asset is not None
            assert (started.run, started.preset) == (asset.run, asset.preset)
            assert started.focal_point == asset.aim == asset.description.focal_point
            if started.original is None:
                assert (started.source, started.duplicates) == (asset.source, asset.duplicates)
            else:
                assert started.source is None
                assert started.original == asset.original
