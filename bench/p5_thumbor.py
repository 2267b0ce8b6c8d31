"""P5: a smaller picture of a 9-megapixel JPEG over HTTP, beside Thumbor on the same files.

Both sides make every answer anew and run two processes that render; neither meets a network or a
signature. Thumbor reads the photographs from a folder and keeps nothing. Ours is the query API, the
process that renders on demand, its sandbox and its blob store, where every answer is also kept.
Thumbor is installed by this measurement into a place of its own, for it wants an older Pillow.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx2
from fastapi import FastAPI
from PIL import Image

from bench.http_load import Load, Request, load
from bench.p4_pipeline import NAMES, camera_jpeg
from bench.p9_pictures import OnePicture
from bench.reporting import report
from bench.uvicorns import serving
from cli.api_client import responds_ok
from infra.blobs.store import open_blob_store
from infra.cassandra.session import Row
from infra.local_cluster import free_port
from query_api.app import BaseUrls, QueryApiDependencies, create_app
from read_models.registry import QUERIED_VIEWS
from read_models.renditions.on_demand_socket import RenditionClient
from read_models.view_reader import ViewReader
from tests.support.eventually import eventually
from tests.support.fakes.memory_log import MemoryLogEnds
from tests.support.samples import ACME
from tests.unit.query_api.conftest import MemoryKeys

ROOT = Path(__file__).parents[1]
LOCK = Path(__file__).with_name("thumbor.lock")
PLACE = ROOT / "var/bench/thumbor"
MEGAPIXELS, PROCESSES, CONNECTIONS, KEPT_BYTES = 9, 2, 4, 1_000_000
WISHES = {  # ours, and the same for Thumbor
    "WebP of 800 pixels": ("w_800,f_webp,q_80", "800x0/filters:format(webp):quality(80)"),
    "JPEG of 320 pixels": ("w_320,f_jpg,q_80", "320x0/filters:format(jpeg):quality(80)"),
}
THUMBOR = """
LOADER = "thumbor.loaders.file_loader"
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = None
FILE_LOADER_ROOT_PATH = {folder!r}
"""


class Photographs(OnePicture):
    """As many published assets as there are numbers, each with an original of its own by name.

    The bytes behind it are one of a few photographs: every answer has to be made anew.
    """

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Give its original."""
        if "FROM asset_by_id" not in statement:
            return await super().select(statement, parameters, page_size=page_size)
        tenant_id, asset_id = map(str, parameters)
        assert tenant_id == ACME
        number = int(asset_id[-6:])
        original = {
            "blob_key": f"originals/{number % len(NAMES)}.jpg",
            "sha256": asset_id.replace("-", "") * 2,
            "size_bytes": 1,
            "media_type": "image/jpeg",
            "width": 1,
            "height": 1,
            "frames": 1,
        }
        return [{"original": json.dumps(original), "watermark": "", "focal_point": "null"}]


def query_api(blobs_url: str, socket: Path) -> FastAPI:
    app, _ = create_app(
        QueryApiDependencies(
            views=ViewReader(Photographs(), QUERIED_VIEWS),
            log_end_offsets=MemoryLogEnds(),
            blobs=open_blob_store(blobs_url),
            keys=MemoryKeys(),
            renderer=RenditionClient(socket, timeout_seconds=60),
        ),
        cursor_secrets=["bench"],
        addresses=BaseUrls(
            public_base_url="http://127.0.0.1:3002", problem_base_url="http://127.0.0.1:3002"
        ),
        wait_seconds=2,
        blob_cache_bytes=KEPT_BYTES,
        unsigned=[words for words, _ in WISHES.values()],
        probes={},
    )
    return app


@contextmanager
def ours(folder: Path) -> Iterator[str]:
    """Run what renders on demand and the query API; give its address."""
    blobs_url, socket = f"file://{folder / 'blobs'}", folder / "t.socket"
    told = {
        "DATA_DIR": str(folder),
        "BLOBS__URL": blobs_url,
        "TRANSFORM__SOCKET": str(socket),
        "TRANSFORM__PROCESSES": str(PROCESSES),
        "LOG_LEVEL": "warning",
    }
    environment = os.environ | {f"SCALEHOSTER_{name}": value for name, value in told.items()}
    command = (sys.executable, "-m", "streams.rendering.on_demand")
    with (
        running(command, environment),
        serving(query_api, blobs_url, socket) as url,
    ):
        yield url


@contextmanager
def thumbor(folder: Path) -> Iterator[str]:
    """Run Thumbor, installed first if need be; give its address."""
    configuration, port = folder / "thumbor.conf", free_port()
    configuration.write_text(THUMBOR.format(folder=str(folder / "photographs")))
    command = (str(installed() / "bin/thumbor"), "--conf", str(configuration))
    where = ("--ip", "127.0.0.1", "--port", str(port), "--processes", str(PROCESSES))
    with running((*command, *where, "--log-level", "error"), os.environ):
        eventually(lambda: responds_ok(f"http://127.0.0.1:{port}/healthcheck"))
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # Thumbor's children too
        process.wait()


def installed() -> Path:
    """Make an environment that holds exactly the lock."""
    kept = PLACE / "installed.lock"
    if not (kept.exists() and kept.read_bytes() == LOCK.read_bytes()):
        print(f"installing {LOCK.name} into {PLACE.relative_to(ROOT)}", flush=True)
        subprocess.run((sys.executable, "-m", "venv", "--clear", PLACE), check=True)
        pip = (PLACE / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        subprocess.run((*pip, "install", "--require-hashes", "-r", LOCK), check=True)
        kept.write_bytes(LOCK.read_bytes())
    return PLACE


def lay_out(folder: Path, count: int) -> None:
    """Put the same photographs where both sides look for them."""
    originals, named = folder / "blobs/originals", folder / "photographs"
    originals.mkdir(parents=True)
    named.mkdir()
    for number, name in enumerate(NAMES):
        (originals / f"{number}.jpg").write_bytes(camera_jpeg(name, MEGAPIXELS))
    for number in range(1, count + 1):
        os.link(originals / f"{number % len(NAMES)}.jpg", named / f"{number:06d}.jpg")


def look(url: str) -> tuple[str | None, tuple[int, int], int]:
    """Ask once; say what came: its format, its size in pixels and in bytes."""
    answer = httpx2.get(url.replace("%23", "000001"), timeout=60).raise_for_status()
    picture = Image.open(io.BytesIO(answer.content))
    return picture.format, picture.size, len(answer.content)


def measure(*, quick: bool) -> None:
    count, rounds = (40, 2) if quick else (120, 5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lay_out(folder, count)
        our_url = stack.enter_context(ours(folder))
        their_url = stack.enter_context(thumbor(folder))
        for name, (our_words, their_words) in WISHES.items():
            their_request = f"{their_url}/unsafe/{their_words}/%23.jpg"
            loads: dict[str, list[Load]] = {"ours": [], "Thumbor": []}
            for turn in range(rounds + 1):
                asset = f"{turn:08x}-0000-4000-8000-000000%23"
                our_request = f"{our_url}/i/{asset}/{our_words}"
                if turn == 0:  # unmeasured: both have everything loaded then
                    seen = look(our_request), look(their_request)
                    assert seen[0][:2] == seen[1][:2], seen
                    continue
                for side, url in (("ours", our_request), ("Thumbor", their_request)):
                    loads[side].append(load(Request(url=url), connections=CONNECTIONS, count=count))
            compare(name, loads, answer_bytes=[size for *_, size in seen])


def compare(name: str, loads: dict[str, list[Load]], answer_bytes: list[int]) -> None:
    rates = {side: [one.per_second for one in found] for side, found in loads.items()}
    waits = {side: median(one.p50_ms for one in found) for side, found in loads.items()}
    said = [f"{side} {median(rates[side]):.1f}/s (median {waits[side]:.0f} ms)" for side in loads]
    report(
        f"P5, {name}",
        ", ".join(said),
        ratio=median(
            mine / theirs for mine, theirs in zip(rates["ours"], rates["Thumbor"], strict=True)
        ),
        target=1.5,
        figures={"rates": rates, "answer_bytes": answer_bytes},
    )
