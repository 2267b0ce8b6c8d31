"""What is personal is gone from a masked copy, and all else is as it was."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest

from avro_schemas.codec import decode, encode
from avro_schemas.containers import LoggedRecord
from backup.log_export import LogExporter
from backup.log_restore import LogRestorer
from backup.log_sources import ArchivedLog
from backup.masking import EventMask, MaskRefused
from backup.verification import verify_archive
from domain.asset.events import AssetEvent
from domain.bulk_operation.events import OperationEvent
from domain.category.events import CatalogueEvent
from infra.encryption import Keyring
from tests.contract.make_golden import made_up
from tests.support.fakes.memory_archive import SMALL, MemoryLog, export, history
from tests.support.keyrings import fixed_keyring, using_encryptor
from tests.support.log_fold import expected_rows
from tests.support.samples import NOON

MASK = EventMask(b"a key", fixed_keyring())
HIDDEN = {
    *("actor", "correlation_id", "fingerprint"),
    *("url", "file_name", "title", "alt_text", "tags", "metadata"),
    *("exif", "captured_at", "camera", "final_url", "etag", "last_modified", "detail"),
}
SHOWN = {
    *("event_id", "tenant_id", "entity_id", "entity_version", "happened_at", "command_id"),
    *("upload_key", "blob_key", "sha256", "previous_sha256", "thumbnail_sha256"),
    *("category_id", "category_ids", "previous_category_ids", "parent_id", "previous_parent_id"),
    *("slug", "name", "previous_slug", "previous_name"),
    *("is_bulk", "preset", "run", "starts_run", "status", "previous_status"),
    *("created_at", "pipeline_version"),
    *("watermark", "x", "y"),
    *("size_bytes", "media_type", "width", "height", "frames", "duration_ms"),
    *("code", "attempts", "keeps_published", "retry_at"),
    *("duplicates", "duplicate_of", "leads_there"),
    *("category", "since", "until", "statuses", "rendered_before", "asset_ids"),  # of operations
    *("kind", "categories", "add", "remove", "parent", "per_second", "reverts", "origin", "depth"),
    *("total", "items", "after", "is_last", "item", "result", "version", "per_minute", "state"),
    *("changed", "unchanged", "conflicts", "refused", "reason"),
    *("dominant_colour", "dominant_colours", "thumbhash", "perceptual_hash"),
    "previous_perceptual_hash",
    *("shown_since", "shown_in"),
}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, object]]:  # noqa: ANN401 - any part
    """Name every plain field of an event, however deep."""
    if is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), field.name)
    elif isinstance(value, tuple):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, value


def record(event: object) -> LoggedRecord:
    return LoggedRecord(
        offset=1,
        timestamp_ms=2,
        key=b"k",
        headers=(),
        value=encode(event),  # type: ignore[arg-type] # made up from the class
    )


@pytest.mark.parametrize("kind", get_args(AssetEvent | CatalogueEvent | OperationEvent))
def test_every_field_of_every_event_is_either_hidden_or_known_to_be_harmless(kind: type) -> None:
    event = made_up(kind, "", count(1))
    if hasattr(event, "description"):  # its metadata is JSON
        event = replace(event, description=replace(event.description, metadata='{"a": 1}'))
    if hasattr(event, "previous_description"):
        event = replace(
            event, previous_description=replace(event.previous_description, metadata='{"a": 2}')
        )
    masked = decode(MASK(record(event)).value)
    before, after = list(leaves(event)), list(leaves(masked))
    assert [name for name, _ in before] == [name for name, _ in after]
    for (name, was), (_, now) in zip(before, after, strict=True):
        assert name in HIDDEN | SHOWN, f"is {name} personal? say so in Mask, or here"
        assert (was == now) == (name in SHOWN), name


def test_equal_values_stay_equal_and_other_keys_mask_otherwise() -> None:
    events = [event for event in history() if isinstance(event, AssetEvent)]
    again = [MASK(record(event)).value for event in events]
    assert again == [MASK(record(event)).value for event in events]
    assert again != [
        EventMask(b"another", fixed_keyring())(record(event)).value for event in events
    ]
    urls = {said for e in events for name, said in leaves(e) if name == "url"}
    hidden = {said for v in again for name, said in leaves(decode(v)) if name == "url"}
    assert len(hidden) == len(urls) > 1


def test_a_masked_copy_is_verified_and_restored_and_shows_the_same_shape(tmp_path: Path) -> None:
    log = MemoryLog()
    events = history()
    log.write(events)
    export(log, tmp_path / "whole")
    copied = Keyring.from_secret(b"of the copy")
    mask = EventMask(b"a key", copied)
    wish = replace(SMALL, is_masked=True, change=mask, keyring=copied.ring_id.hex())
    LogExporter(ArchivedLog(tmp_path / "whole"), tmp_path / "copy", wish, NOON).run(lambda *_: None)
    assert list(verify_archive(tmp_path / "copy")) == []
    target = MemoryLog("staging")
    LogRestorer(tmp_path / "copy", target, lambda *_: None).run()
    files = b"".join(file.read_bytes() for file in (tmp_path / "copy").rglob("*.avro"))
    for canary in (b"example.com", b"A cat", b"Title 1", b"key:k1", b"Acme One"):
        assert canary not in files
    with using_encryptor(copied):  # and with the keys of the original nothing of it can be read
        whole, copy = expected_rows(events), expected_rows(target.events())  # type: ignore[arg-type] # all are events
    assert {name: set(rows) for name, rows in whole.items()} == {
        name: set(rows) for name, rows in copy.items()
    }


@pytest.mark.parametrize("value", [b"", b"\0\0\0\0\1"])
def test_what_cannot_be_read_is_not_copied_unmasked(value: bytes) -> None:
    poison = LoggedRecord(offset=7, timestamp_ms=1, key=b"", headers=(), value=value)
    with pytest.raises(MaskRefused, match="offset 7"):
        MASK(poison)
