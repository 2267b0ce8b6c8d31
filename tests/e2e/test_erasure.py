"""What is erased is gone from every disk, from the past and from backups; that it was stays."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from backup.log_export import ExportOptions, LogExporter
from backup.log_sources import ArchivedLog, KafkaLog
from infra.encryption import installation_keyring
from infra.kafka.topics import ASSET_EVENTS
from infra.settings import KafkaSettings, Settings
from projections.verification.consistency_checks import ConsistencyChecks
from read_models.consistency_results import ConsistencyResult
from tests.support.eventually import eventually
from tests.support.installation import Customer, Installation
from tests.support.servers import VAR, Servers
from tests.support.supplier import Supplier

pytestmark = pytest.mark.timeout(400)

ARTIST = 0x013B
VIEWS = ("asset_by_id", "asset_history", "assets_by_category", "assets_by_date", "listings_as_of")


def signed_by(artist: str) -> bytes:
    """Make a picture whose EXIF names somebody."""
    exif = Image.Exif()
    exif[ARTIST] = artist
    written = BytesIO()
    Image.new("RGB", (90, 60), (len(artist), 40, 90)).save(written, "JPEG", exif=exif)
    return written.getvalue()


def hits(word: str, *directories: Path) -> list[str]:
    """Name the files whose raw bytes hold a word."""
    return [str(file) for file in files(directories) if word.encode() in raw(file)]


def files(directories: tuple[Path, ...]) -> Iterator[Path]:
    for directory in directories:
        for file in directory.rglob("*"):
            if file.is_file() and not file.is_symlink():
                yield file


def raw(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # the servers are at work
        return b""


def hand_over(customer: Customer, supplier: Supplier, secret: str, number: int) -> list[str]:
    """Insert one by URL and one by upload, and say the secret wherever something can be said."""
    by_url = customer.submit(
        supplier.url(f"picture/{number}.jpg?{secret}"),
        "cats",
        title=f"{secret} by URL",
        alt_text=f"{secret} in words",
        tags=[secret],
        metadata={"who": secret},
    )
    answer = customer.commands.post(
        "/v1/assets",
        files={"file": (f"{secret}.jpg", signed_by(secret), "image/jpeg")},
        data={"category": "cats", "title": f"{secret} uploaded"},
    )
    assert answer.status_code == 202, answer.text
    found = [by_url, str(answer.json()["asset_id"])]
    for asset_id in found:
        assert customer.ended(asset_id)["status"] == "published"
    patch = {"title": f"{secret} described"}
    answer = customer.commands.patch(f"/v1/assets/{by_url}", json=patch)
    assert answer.status_code == 200, answer.text
    missing = customer.submit(supplier.url(f"nothing/{secret}.jpg"), "cats")
    assert customer.ended(missing)["status"] == "rejected"
    return [*found, missing]


def erase(installation: Installation, customer: Customer, key: Path, ids: list[str]) -> None:
    """Type the command as an operator does."""
    key.write_text(customer.queries.headers["Authorization"].removeprefix("Bearer "))
    typed = [sys.executable, "-m", "cli", "erase", *ids, "--key-file", str(key), "--json"]
    done = subprocess.run(
        typed, env=installation.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(row["erased"] for row in json.loads(done.stdout))


def settings_of(installation: Installation) -> Settings:
    host, _, port = installation.kafka.bootstrap_servers.partition(":")
    kafka = KafkaSettings(host=host, port=int(port), topic_prefix=installation.kafka.topic_prefix)
    return Settings(data_dir=installation.directory, kafka=kafka, cassandra=installation.cassandra)


def checked(installation: Installation, view: str) -> ConsistencyResult:
    with ConsistencyChecks(settings_of(installation)) as checks:
        return checks.check(view)


def test_what_is_erased_is_nowhere_and_what_is_not_is_where_it_was(
    installation: Installation,
    servers: Servers,
    customer: Customer,
    supplier: Supplier,
    tmp_path: Path,
) -> None:
    secret, known = f"canary{uuid4().hex}", f"kept{uuid4().hex}"
    public = uuid4().hex
    customer.create_category(public)
    gone = hand_over(customer, supplier, secret, 501)
    kept = hand_over(customer, supplier, known, 502)
    eventually(lambda: len(customer.by_category("cats")) == 4, within_seconds=60)
    keyring = installation_keyring(settings_of(installation))
    before = datetime.now(UTC)
    wish = ExportOptions(keyring=keyring.ring().ring_id.hex())
    archive = tmp_path / "archive"
    LogExporter(KafkaLog(installation.kafka), archive, wish, before).run(lambda *_: None)

    erase(installation, customer, tmp_path / "key", gone)

    for asset_id in gone:
        asset = customer.asset(asset_id)
        assert (asset["status"], asset["title"], asset["tags"]) == ("purged", "", [])
        assert asset["source"] == {"url": None, "file_name": None}
        assert customer.queries.get(f"/i/{asset_id}").status_code in (404, 410)
        past = customer.queries.get(f"/v1/assets/{asset_id}", params={"as_of": before.isoformat()})
        assert past.status_code == 410
        history = customer.queries.get(f"/v1/assets/{asset_id}/events").json()["items"]
        assert [event["name"] for event in history][-3:] == [
            "AssetDeleted",
            "AssetPurged",
            "AssetErased",
        ]
        assert {event["actor"] for event in history} >= {"system:purger"}
        assert secret not in json.dumps(history)
    assert sorted(customer.by_category("cats")) == sorted(kept[:2])
    assert customer.asset(kept[0])["title"] == f"{known} described"
    assert customer.asset(kept[1])["source"]["file_name"] == f"{known}.jpg"
    for view in VIEWS:
        result = checked(installation, view)
        assert result.is_equal, (view, result.differences)

    log = ArchivedLog(archive)
    records = [
        record
        for number in range(ASSET_EVENTS.partitions)
        for record in log.all_records(ASSET_EVENTS, number)
    ]
    assert {record.key.decode() for record in records} >= set(gone)
    disks = (installation.directory, archive, VAR)
    eventually(lambda: hits(secret, *disks) == [], within_seconds=60)
    assert hits(known, installation.directory / "blobs") != []  # what an upload's EXIF says
    assert hits(known, archive, VAR, installation.directory / "state") == []
    if servers.cluster is not None:
        for server in ("kafka", "cassandra"):  # a word that is no secret is found there
            assert hits(public, servers.cluster.directory / server) != []
