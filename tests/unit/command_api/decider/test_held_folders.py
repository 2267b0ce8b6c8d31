"""Which folders of bytes count is folded with the assets, and found again in the log."""

from dataclasses import replace
from pathlib import Path

from avro_schemas.codec import encode
from command_api.decider.folded_state import FoldedState, StateChanges
from domain.asset.blob_keys import asset_folder, folder_of, upload_key
from domain.asset.events import AssetEvent
from domain.values import AssetId, BlobKey, Source
from infra.kafka.topics import ASSET_EVENTS
from tests.support.fakes.stream_fakes import record
from tests.support.samples import ACME, LARGE, NOON
from tests.support.stream_samples import METADATA, REPLACED, SUBMITTED

ASSET = asset_folder(ACME, AssetId(METADATA.entity_id))
FIRST, SECOND = (upload_key(ASSET, nonce, LARGE.sha256) for nonce in "ab")
HISTORY: list[AssetEvent] = [
    replace(SUBMITTED, source=Source(url=None, upload_key=FIRST, file_name=None)),
    replace(
        REPLACED,
        metadata=replace(METADATA, entity_version=2, happened_at=NOON.replace(minute=1)),
        source=Source(url=None, upload_key=SECOND, file_name=None),
    ),
]
RECORDS = [
    record(encode(event), topic=ASSET_EVENTS.name, offset=offset)
    for offset, event in enumerate(HISTORY)
]
OTHER = BlobKey(f"{ASSET}/uploads/c")


def test_folders_that_events_name_are_held_for_ever_in_their_partition(tmp_path: Path) -> None:
    state = FoldedState(tmp_path, "a log")
    state.fold(0, RECORDS)
    held = [folder_of(FIRST), folder_of(SECOND)]
    assert [state.is_held(0, folder) for folder in (*held, OTHER)] == [True, True, False]
    assert not state.is_held(1, held[0])
    state.close()

    state = FoldedState(tmp_path, "a log")
    assert all(state.is_held(0, folder) for folder in held)
    state.forget(0)
    assert not any(state.is_held(0, folder) for folder in held)
    state.fold(0, RECORDS)
    assert all(state.is_held(0, folder) for folder in held)
    state.close()


def test_what_a_batch_makes_count_is_held_once_it_took_effect(tmp_path: Path) -> None:
    state, changes = FoldedState(tmp_path, "a log"), StateChanges()
    changes.held.add(OTHER)
    assert not state.is_held(0, OTHER)
    state.apply(0, changes, 1)
    assert state.is_held(0, OTHER)
    state.close()
