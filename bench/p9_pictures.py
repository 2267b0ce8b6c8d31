"""P9: a 50 kB rendition under its public URL, against Starlette's FileResponse of the same file.

Ours looks the asset up, negotiates the format and sends the security headers.
"""

import random
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from fastapi import FastAPI
from starlette.responses import FileResponse

from bench.http_load import requests_per_second
from bench.reporting import report
from bench.uvicorns import serving
from domain.values import AssetId, BlobKey, Rendition, Sha256, Status
from infra.blobs.store import open_blob_store
from infra.cassandra.session import Row
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.json_columns import as_json
from read_models.registry import QUERIED_VIEWS
from read_models.view_reader import ViewReader
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.fakes.memory_tables import MemoryTables
from tests.support.samples import ACME
from tests.unit.query_api.conftest import MemoryKeys, MemoryRenderer

SIZE_BYTES, CONNECTIONS, KEPT_BYTES = 50_000, 32, 64_000_000
CAT = AssetId(str(uuid.UUID(int=1, version=4)))
KEY = BlobKey("renditions/5e/" + "5e" * 32)


class OnePicture(MemoryTables):
    """Has one published asset, whoever asks for it."""

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give it."""
        if "FROM public_assets" not in statement:
            return await super().select(statement, parameters, page_size=page_size)
        rendition = Rendition(
            name="large",
            blob_key=KEY,
            sha256=Sha256("5e" * 32),
            size_bytes=SIZE_BYTES,
            media_type="image/webp",
            width=1024,
            height=768,
        )
        published = {"tenant_id": ACME, "status": Status.PUBLISHED, "leads_to": ""}
        return [{**published, "renditions": as_json([rendition])}]


def ours(folder: Path) -> FastAPI:
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(OnePicture(), QUERIED_VIEWS),
            log_end_offsets=MemoryLogEnds(),
            blobs=open_blob_store(f"file://{folder}"),
            keys=MemoryKeys(),
            renderer=MemoryRenderer(MemoryBlobStore()),
        ),
        cursor_secrets=["bench"],
        addresses=BaseUrls(
            public_base_url="http://127.0.0.1:3002", problem_base_url="http://127.0.0.1:3002"
        ),
        wait_seconds=2,
        blob_cache_bytes=KEPT_BYTES,
        probes={},
    )
    return app


def plain(folder: Path) -> FastAPI:
    app = FastAPI()

    @app.get("/i/{asset_id}")
    async def picture(asset_id: str) -> FileResponse:
        assert asset_id == CAT
        return FileResponse(folder / KEY, media_type="image/webp")

    return app


def measure(*, quick: bool) -> None:
    requests, rounds = (1_600, 2) if quick else (4_800, 5)
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / KEY).parent.mkdir(parents=True)
        (folder / KEY).write_bytes(random.Random(9).randbytes(SIZE_BYTES))
        with serving(ours, folder) as our_url, serving(plain, folder) as plain_url:
            for _ in range(rounds):
                for side, url in (("ours", our_url), ("plain", plain_url)):
                    rate = requests_per_second(
                        f"{url}/i/{CAT}", {}, connections=CONNECTIONS, count=requests
                    )
                    rates[side].append(rate)
    middle = {side: median(found) for side, found in rates.items()}
    report(
        "P9",
        f"a picture of 50 kB: ours {middle['ours']:.0f}/s, FileResponse {middle['plain']:.0f}/s",
        ratio=middle["ours"] / middle["plain"],
        target=1.0,
        figures=rates,
    )
