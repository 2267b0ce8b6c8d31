"""Renditions on demand: made once, bounded, and nothing left of a purged picture."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import ImageChops

from domain.transformations import derived_folder, derived_key, parse_transformation
from domain.values import BlobKey, Sha256
from infra.errors import BlobNotFound, Overloaded, StoreUnavailable, TransformationFailed
from read_models.renditions.on_demand_socket import (
    RenditionClient,
    RenditionRequest,
    serve_rendition_requests,
)
from streams.rendering import Preset, RenderFailed, RenderResult, RenditionBytes, Sandbox
from streams.rendering.on_demand.rendition_server import RenditionServer
from tests.support.fakes.memory_blob_store import MemoryBlobStore
from tests.support.pictures import encoded, opened, pixels, wheel
from tests.support.presets import PRESETS

SHA256 = Sha256("ab" * 32)
ASSET = BlobKey("assets/acme/cat")
ORIGINAL = BlobKey(f"{ASSET}/run-1/0/{SHA256}")
WORDS = "w_80,f_webp,q_80"
KEY = derived_key(ASSET, SHA256, parse_transformation(WORDS), None)


PROOF = PRESETS["proof"]


def order(words: str = WORDS, watermark: Sha256 | None = None) -> RenditionRequest:
    return RenditionRequest(
        asset=ASSET, original_key=ORIGINAL, original=SHA256, words=words, watermark=watermark
    )


@dataclass
class FakeSandbox:
    """Renders nothing; ``meanwhile`` happens while it does."""

    meanwhile: Callable[[], None] = lambda: None
    failure: Exception | None = None
    rendered: list[Preset] = field(default_factory=list)
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def render(self, source: Path, preset: Preset) -> RenderResult:
        self.rendered.append(preset)
        await self.going_on.wait()
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        spec = preset.renditions[0]
        made = RenditionBytes(
            name=spec.name,
            media_type=spec.media_type,
            width=spec.width,
            height=spec.height,
            sha256=Sha256("cd" * 32),
            data=b"made",
        )
        return RenderResult(original=None, facts=None, renditions=(made,))  # type: ignore[arg-type] # not looked at


@pytest.fixture
def blobs() -> MemoryBlobStore:
    store = MemoryBlobStore()
    store.blobs[ORIGINAL] = b"original"
    return store


@pytest.fixture
def sandbox() -> FakeSandbox:
    free = FakeSandbox()
    free.going_on.set()
    return free


@pytest.fixture
def rendition_server(
    sandbox: FakeSandbox, blobs: MemoryBlobStore, tmp_path: Path
) -> RenditionServer:
    return RenditionServer(
        sandbox=sandbox, blobs=blobs, scratch=tmp_path, at_once=2, per_original=3, proof=PROOF
    )


def test_it_is_made_once(
    rendition_server: RenditionServer, sandbox: FakeSandbox, blobs: MemoryBlobStore
) -> None:
    for _ in range(2):
        assert asyncio.run(rendition_server.render(order())).outcome == "made"
    assert blobs.blobs[KEY] == b"made"
    assert len(sandbox.rendered) == 1


def test_those_who_ask_at_once_share_one_rendering_and_more_than_there_is_room_for_wait(
    rendition_server: RenditionServer, sandbox: FakeSandbox
) -> None:
    async def ask() -> list[str]:
        sandbox.going_on.clear()
        asked = [
            asyncio.create_task(rendition_server.render(order(words)))
            for words in (WORDS, WORDS, "w_81", "w_82")
        ]
        busy = await asked[3]
        sandbox.going_on.set()
        return [told.outcome for told in (*await asyncio.gather(*asked[:3]), busy)]

    assert asyncio.run(ask()) == ["made", "made", "made", "busy"]
    assert len(sandbox.rendered) == 2


def test_who_hangs_up_does_not_take_it_from_the_others(
    rendition_server: RenditionServer, sandbox: FakeSandbox
) -> None:
    async def ask() -> str:
        sandbox.going_on.clear()
        first, second = (asyncio.create_task(rendition_server.render(order())) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        sandbox.going_on.set()
        return (await second).outcome

    assert asyncio.run(ask()) == "made"


def test_a_flood_of_sizes_of_one_picture_is_bounded(rendition_server: RenditionServer) -> None:
    async def ask() -> list[str]:
        return [
            (await rendition_server.render(order(f"w_{width}"))).outcome for width in range(1, 6)
        ]

    assert asyncio.run(ask()) == ["made"] * 3 + ["too_many"] * 2


def test_what_bears_a_mark_is_kept_and_counted_apart_from_what_bears_none(
    rendition_server: RenditionServer, sandbox: FakeSandbox, blobs: MemoryBlobStore
) -> None:
    wanted = [order(f"w_{width}", mark) for mark in (None, PROOF.mark) for width in range(1, 5)]
    outcomes = [asyncio.run(rendition_server.render(each)).outcome for each in wanted]
    assert outcomes == (["made"] * 3 + ["too_many"]) * 2
    assert [each.watermark for each in sandbox.rendered] == [None] * 3 + [PROOF.watermark] * 3
    assert [each.renditions[0].is_marked for each in sandbox.rendered] == [False] * 3 + [True] * 3
    assert len(blobs.blobs) == 1 + 6


def test_a_mark_that_is_another_than_ours_is_laid_on_nothing(
    rendition_server: RenditionServer, sandbox: FakeSandbox
) -> None:
    told = asyncio.run(rendition_server.render(order(watermark=Sha256("ef" * 32))))
    assert told.outcome == "busy"
    assert not sandbox.rendered


def test_nothing_is_left_of_a_picture_that_is_purged_meanwhile(
    rendition_server: RenditionServer, sandbox: FakeSandbox, blobs: MemoryBlobStore
) -> None:
    sandbox.meanwhile = blobs.blobs.clear
    assert asyncio.run(rendition_server.render(order())).outcome == "gone"
    assert blobs.blobs == {}


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (RenderFailed("corrupt_image", "no picture"), "failed"),
        (StoreUnavailable("no room"), "store"),
        (RuntimeError("what?"), "fault"),
    ],
)
def test_what_goes_wrong_is_told_and_leaves_nothing(
    rendition_server: RenditionServer,
    sandbox: FakeSandbox,
    blobs: MemoryBlobStore,
    failure: Exception,
    outcome: str,
) -> None:
    sandbox.failure = failure
    assert asyncio.run(rendition_server.render(order())).outcome == outcome
    assert KEY not in blobs.blobs
    sandbox.failure = None
    assert asyncio.run(rendition_server.render(order())).outcome == "made"


def test_a_real_picture_is_made_over_the_socket(blobs: MemoryBlobStore, tmp_path: Path) -> None:
    blobs.blobs[ORIGINAL] = encoded(wheel(), "JPEG")
    place = tmp_path / "transform.socket"
    wanted = "w_40,h_20,fit_cover,g_fp_0_1,f_jpg"

    async def ask() -> None:
        async with Sandbox(processes=1) as sandbox:
            rendition_server = RenditionServer(
                sandbox=sandbox,
                blobs=blobs,
                scratch=tmp_path,
                at_once=2,
                per_original=1,
                proof=PROOF,
            )
            server = await serve_rendition_requests(place, rendition_server.render)
            assert place.stat().st_mode & 0o077 == 0
            asker = RenditionClient(place, timeout_seconds=60)
            await asker.make(order(wanted))
            await asker.make(order(wanted, PROOF.mark))
            with pytest.raises(TransformationFailed, match="already"):
                await asker.make(order("w_41"))
            with pytest.raises(TransformationFailed, match="none of"):
                await asker.make(order("w_41,f_gif"))
            server.close()

    asyncio.run(ask())
    picture = opened(blobs.blobs[derived_key(ASSET, SHA256, parse_transformation(wanted), None)])
    assert (picture.format, picture.size) == ("JPEG", (40, 20))
    assert pixels(picture)[-1, 0, 1] > 230, "the lower edge is kept, where green is strongest"
    marked = opened(
        blobs.blobs[derived_key(ASSET, SHA256, parse_transformation(wanted), PROOF.mark)]
    )
    differs = ImageChops.difference(picture, marked).point(lambda n: 255 if n > 30 else 0).getbbox()
    assert differs, "the mark is seen"
    assert differs[0] > 0, "and lies in the middle"
    assert differs[2] < 40, "and lies in the middle"
    assert set(blobs.blobs) > set(asyncio.run(blobs.keys(derived_folder(ASSET, SHA256))))


def test_an_original_that_is_gone_is_said_so(tmp_path: Path) -> None:
    async def ask() -> None:
        rendition_server = RenditionServer(
            sandbox=FakeSandbox(),
            blobs=MemoryBlobStore(),
            scratch=tmp_path,
            at_once=1,
            per_original=1,
            proof=PROOF,
        )
        server = await serve_rendition_requests(tmp_path / "socket", rendition_server.render)
        with pytest.raises(BlobNotFound):
            await RenditionClient(tmp_path / "socket", timeout_seconds=60).make(order())
        server.close()

    asyncio.run(ask())


def test_nobody_there_means_try_again(tmp_path: Path) -> None:
    with pytest.raises(Overloaded):
        asyncio.run(RenditionClient(tmp_path / "nowhere", timeout_seconds=60).make(order()))
