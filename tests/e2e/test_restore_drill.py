"""A restore drill: what one installation promised is kept by another that has only its archive."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from backup.blob_copy import BlobExporter, BlobRestorer
from backup.blob_verification import verify_blobs
from backup.log_export import ExportOptions, LogExporter
from backup.log_restore import LogRestorer
from backup.log_sources import KafkaLog
from backup.restore_target import LiveInstallation as Target
from backup.verification import verify_archive
from infra.blobs.store import BlobStore, open_blob_store
from infra.kafka.admin import apply_topics
from infra.kafka.topics import ASSET_EVENTS
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.keyrings import fixed_keyring
from tests.support.servers import Servers
from tests.support.supplier import Supplier

PICTURES = 6
KEY = b"k" * 32  # what the archive is chained with


@pytest.fixture
def elsewhere(servers: Servers, supplier: Supplier, tmp_path: Path) -> Iterator[Installation]:
    """Another installation, not started yet, with nothing of its own."""
    other = Installation(servers, tmp_path / "var", [supplier.host])
    try:
        yield other
    finally:
        other.down()
        other.remove()


@contextmanager
def at(installation: Installation, customer: Customer) -> Iterator[Customer]:
    """Ask another installation as the same customer, with the same API key."""
    headers = {"Authorization": customer.queries.headers["Authorization"]}
    with (
        httpx2.Client(base_url=installation.command_url, headers=headers, timeout=30) as commands,
        httpx2.Client(base_url=installation.query_url, headers=headers, timeout=30) as queries,
    ):
        yield Customer(tenant_id=customer.tenant_id, commands=commands, queries=queries)


def submitted_at(installation: Installation, asset_id: str) -> datetime:
    """Tell when the first event of an asset was appended."""
    log = KafkaLog(installation.kafka)
    times = [
        record.timestamp_ms
        for number, end in log.ends(ASSET_EVENTS).items()
        for record in log.records(ASSET_EVENTS, number, 0, end)
        if record.key == asset_id.encode()
    ]
    return datetime.fromtimestamp(min(times) / 1_000, UTC)


def blobs_of(installation: Installation) -> BlobStore:
    """Open the folder in which an installation keeps its pictures."""
    return open_blob_store(f"file://{installation.directory / 'blobs'}")


def ignore(_done: int, _total: int) -> None:
    """Show nobody."""


def shown(customer: Customer, asset_id: str) -> str:
    """Give all that is told of an asset but where it is served."""
    told = json.dumps(customer.asset(asset_id), sort_keys=True)
    return told.replace(str(customer.queries.base_url).rstrip("/"), "")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_promised_is_kept_by_a_restored_installation(
    installation: Installation,
    elsewhere: Installation,
    customer: Customer,
    supplier: Supplier,
    tmp_path: Path,
) -> None:
    paths = [f"picture/{number}.jpg?drill" for number in range(300, 300 + PICTURES)]
    ids = [customer.submit(supplier.url(path), "cats", key=f"drill {path}") for path in paths]
    assert {customer.ended(asset_id)["status"] for asset_id in ids} == {"published"}
    pending = customer.submit(supplier.url("picture/399.jpg"), "cats")
    customer.ended(pending)
    until = submitted_at(installation, pending)  # the archive ends before it was published
    listing = [pending, *reversed(ids)]
    eventually(lambda: customer.by_category("cats") == listing, within_seconds=60)

    archive = tmp_path / "archive"
    LogExporter(
        KafkaLog(installation.kafka),
        archive,
        ExportOptions(
            keyring=fixed_keyring().ring_id.hex(), until=until, with_tables=True, chain_key=KEY
        ),
        until,
    ).run(ignore)
    asyncio.run(BlobExporter(archive, blobs_of(installation), ignore, KEY).run())
    assert [*verify_archive(archive, chain_key=KEY), *verify_blobs(archive, chain_key=KEY)] == []
    apply_topics(elsewhere.kafka)
    LogRestorer(archive, Target(elsewhere.kafka, elsewhere.cassandra), ignore, chain_key=KEY).run()
    asyncio.run(BlobRestorer(archive, blobs_of(elsewhere), ignore, KEY).run())
    elsewhere.up()

    with at(elsewhere, customer) as there:
        # The checkpoint of a view may be a moment behind that of another.
        eventually(lambda: there.by_category("cats") == listing, within_seconds=60)
        eventually(lambda: there.by_date() == customer.by_date(), within_seconds=60)
        assert [shown(there, one) for one in ids] == [shown(customer, one) for one in ids]
        for asset_id in ids:
            found, kept = (each.queries.get(f"/i/{asset_id}") for each in (there, customer))
            assert (found.status_code, found.content) == (200, kept.content)
        again = [there.submit(supplier.url(path), "cats", key=f"drill {path}") for path in paths]
        assert again == ids  # the same key is the same insert
        picture = there.queries.get(f"/i/{pending}")
        assert picture.status_code == 200
