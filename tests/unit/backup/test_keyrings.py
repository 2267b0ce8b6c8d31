"""An archive is restored only where its keys are, and what was erased since is erased again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from avro_schemas.codec import decode, encode
from backup.errors import RestoreRefused
from backup.keyrings import archive_keyring, require_keys
from backup.log_export import ExportOptions, LogExporter
from domain.asset.commands import DeleteAsset, PurgeAsset
from domain.values import TenantId
from infra.encryption import WHOLE_TENANT, Erasure, Keyring, KeyringFile
from infra.kafka.partition_reader import Record
from streams.erasure.repeated_erasure import asset_erasures, repeated_erase_commands
from tests.support.fakes.memory_archive import MemoryLog
from tests.support.keyrings import fixed_keyring
from tests.support.samples import NOON
from tests.support.stream_samples import DELETED, SUBMITTED

STRANGER = TenantId("stranger")
RING = Keyring.from_secret(b"of the exported installation")


@pytest.fixture
def held(tmp_path: Path) -> KeyringFile:
    return KeyringFile(tmp_path / "var" / "keyring", [""])


def archive(directory: Path, *, is_masked: bool = False) -> Path:
    wish = ExportOptions(keyring=RING.ring_id.hex(), is_masked=is_masked)
    LogExporter(MemoryLog(), directory, wish, NOON).run(lambda *_: None)
    return directory


def test_with_its_keys_an_archive_can_be_restored(held: KeyringFile, tmp_path: Path) -> None:
    held.make(RING)
    require_keys(archive(tmp_path / "archive"), held, tmp_path)


def test_without_a_keyring_it_is_refused(held: KeyringFile, tmp_path: Path) -> None:
    with pytest.raises(RestoreRefused, match="there is no keyring"):
        require_keys(archive(tmp_path / "archive"), held, tmp_path)
    assert not held.exists()


def test_with_other_keys_it_is_refused(held: KeyringFile, tmp_path: Path) -> None:
    held.make()
    with pytest.raises(RestoreRefused, match="sealed by the keyring"):
        require_keys(archive(tmp_path / "archive"), held, tmp_path)


def test_a_masked_copy_brings_its_keys(held: KeyringFile, tmp_path: Path) -> None:
    copy = archive(tmp_path / "copy", is_masked=True)
    archive_keyring(copy).make(RING)
    require_keys(copy, held, tmp_path)
    assert held.ring().ring_id == RING.ring_id


def test_what_was_erased_is_deleted_and_purged_by_commands_that_may_be_repeated() -> None:
    erasure = Erasure(tenant_id="acme", entity_id="cat", erased_at=NOON)
    sent = list(repeated_erase_commands([erasure], NOON, fixed_keyring()))
    commands = [decode(value) for _, value in sent]
    assert [type(command) for command in commands] == [DeleteAsset, PurgeAsset]
    assert {key for key, _ in sent} == {"cat"}
    assert list(repeated_erase_commands([erasure], NOON, fixed_keyring())) == sent


def test_of_a_tenant_that_was_erased_whole_each_asset_of_the_log_is_named() -> None:
    def events() -> Iterator[Record]:
        strangers = replace(SUBMITTED, metadata=replace(SUBMITTED.metadata, tenant_id=STRANGER))
        values = encode(SUBMITTED), encode(DELETED), encode(strangers)
        for offset, value in enumerate(values):
            yield Record(
                topic="asset-events",
                partition=0,
                offset=offset,
                key=b"k",
                value=value,
                timestamp_ms=0,
            )

    single = Erasure(tenant_id="globex", entity_id="cat", erased_at=NOON)
    theirs = Erasure(tenant_id="acme", entity_id=WHOLE_TENANT, erased_at=NOON)
    named = list(asset_erasures([theirs, single], events))
    assert named == [single, replace(theirs, entity_id=SUBMITTED.asset_id)]
    assert list(asset_erasures([single], never_read)) == [single]


def never_read() -> Iterator[Record]:
    pytest.fail("nobody needs the log")
