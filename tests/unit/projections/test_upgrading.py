"""A projection older than a writer parks what it cannot read, and takes it once it is upgraded."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from avro_schemas import registry
from domain.asset.events import AssetDescribed
from tests.contract.test_schema_codec import forget
from tests.support.fakes.memory_views import MemoryViewStore
from tests.support.fakes.projection_fakes import LIVE, Log, Run
from tests.support.log_fold import expected_rows
from tests.unit.projections.test_consumer import EVENTS, shown


@contextmanager
def older_release(folder: Path) -> Iterator[None]:
    """Run the code of a release that does not know AssetDescribed yet."""
    copy = folder / "avro_schemas"
    shutil.copytree(Path(registry.__file__).parent, copy)
    (copy / "AssetDescribed.v1.avsc").unlink()
    ids = json.loads((copy / "ids.json").read_text("utf-8"))
    del ids["AssetDescribed.v1"]
    (copy / "ids.json").write_text(json.dumps(ids), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "files", lambda package: folder / package)
        forget()
        yield
    forget()


def test_what_a_newer_release_wrote_waits_until_the_projections_are_of_it_too(
    tmp_path: Path,
) -> None:
    log, store = Log(), MemoryViewStore()
    log.add(EVENTS)
    described = [event for event in EVENTS if isinstance(event, AssetDescribed)]
    behind = {event.metadata.entity_id for event in described}
    with older_release(tmp_path):
        old = Run(log, store)
        assert {letter.code for letter in old.letters} == {"undecodable"}
        assert len(old.letters) == len(described) > 0
        waiting = old.metric("entities_waiting", view="asset_by_id", generation="1")
        assert waiting == len(behind)

    new = Run(log, store)  # nobody does anything but start the newer one

    assert new.letters == []
    assert shown(store) == expected_rows(EVENTS)
    assert all(store.parked_records.parked(live.view.name, 1) == [] for live in LIVE)
    assert new.metric("entities_waiting", view="asset_by_id", generation="1") == 0
