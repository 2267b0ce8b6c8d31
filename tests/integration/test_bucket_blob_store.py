"""A bucket of a real S3 server keeps the blob store's contract."""

import asyncio
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from pydantic import SecretStr

from domain.values import BlobKey
from infra.blobs.store import BlobStore, open_blob_store
from infra.errors import StoreUnavailable
from infra.local_cluster import free_port
from infra.settings import BlobSettings
from tests.contract.blob_store import CAT, KEY, BlobStoreContract
from tests.support.eventually import eventually

WEED = Path(sys.executable).with_name("weed")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobSettings]:
    """Give a SeaweedFS of our own on loopback, with one bucket named ``pictures``."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
    with (folder / "weed.log").open("wb") as log:
        server = subprocess.Popen(
            [
                WEED,
                "server",
                f"-dir={folder}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=4",
                "-s3",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                *(f"-{name}.port={port}" for name, port in ports.items()),
                *(f"-{name}.port.grpc={free_port()}" for name in ports),
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    settings = BlobSettings(
        url="s3://pictures",
        s3_endpoint=f"http://127.0.0.1:{ports['s3']}",
        s3_access_key=SecretStr("any"),
        s3_secret_key=SecretStr("any"),
    )
    try:
        eventually(lambda: _make_bucket(settings.s3_endpoint), within_seconds=60)
        eventually(lambda: _takes_a_blob(settings), within_seconds=60)
        yield settings
    finally:
        server.kill()  # asked politely it takes a minute
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


class TestBucketBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self, bucket: BlobSettings) -> BlobStore:
        return open_blob_store(f"s3://pictures/{uuid.uuid4().hex}", bucket)


def test_a_bucket_that_is_gone_is_away_and_not_a_blob_that_is_missing(
    bucket: BlobSettings,
) -> None:
    store = open_blob_store("s3://never-made", bucket)

    with pytest.raises(StoreUnavailable):
        asyncio.run(store.get(KEY))
    with pytest.raises(StoreUnavailable):
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))


def test_a_silent_server_is_named_unavailable() -> None:
    nobody = BlobSettings(
        s3_endpoint=f"http://127.0.0.1:{free_port()}",
        s3_access_key=SecretStr("any"),
        s3_secret_key=SecretStr("any"),
    )
    store = open_blob_store("s3://pictures", nobody)

    with pytest.raises(StoreUnavailable):
        asyncio.run(store.put(KEY, CAT, "image/jpeg"))


def _make_bucket(endpoint: str) -> bool:
    request = Request(f"{endpoint}/pictures", method="PUT")  # noqa: S310 - always http
    with urlopen(request, timeout=5) as answer:  # noqa: S310 - always http
        return bool(answer.status == HTTPStatus.OK)


def _takes_a_blob(settings: BlobSettings) -> bool:
    asyncio.run(open_blob_store(settings.url, settings).put(BlobKey("probe"), b"?", "text/plain"))
    return True
