"""P4: the image pipeline in its sandbox, against a bare loop of the same library written for speed.

Both sides turn the same photographs into the default preset's files on disk, on all cores. The
loop decodes once, at a reduced size where JPEG allows it, resizes from size to size and encodes
with the same settings; it takes each picture as it is: no check, no limit, no facts, no profile.
"""

import asyncio
import io
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from PIL import Image, ImageOps

from bench.reporting import report
from streams.rendering import RenderResult, Sandbox
from tests.support.presets import PRESETS

PRESET = PRESETS["default"]
SAMPLES = Path(__file__).parents[1] / "samples"
NAMES = ("dandelions.jpg", "raccoon.jpg", "retina.jpg", "deep-field.jpg", "tulips.png")
MEGAPIXELS = (2, 6, 9, 12, 16)


def photographs(count: int) -> list[bytes]:
    """Make photographs of camera size out of the samples: JPEG, every fifth lying on its side."""
    return [
        camera_jpeg(
            NAMES[number % len(NAMES)],
            MEGAPIXELS[number // 5 % 5],
            orientation=6 if number % 5 == 1 else 1,
        )
        for number in range(count)
    ]


def camera_jpeg(name: str, megapixels: float, orientation: int = 1) -> bytes:
    """Enlarge a sample to what a camera writes."""
    picture = ImageOps.exif_transpose(Image.open(SAMPLES / name))
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    size = (round(picture.width * scale), round(picture.height * scale))
    exif = Image.Exif()
    exif[274] = orientation
    file = io.BytesIO()
    picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(
        file, "JPEG", quality=88, exif=exif
    )
    return file.getvalue()


def as_they_are(count: int) -> list[bytes]:
    """Take the samples themselves: JPEG, PNG and WebP, mostly small."""
    paths = sorted(path for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png", ".webp"})
    return [paths[number % len(paths)].read_bytes() for number in range(count)]


def bare(source: bytes, folder: str, number: int) -> None:
    """Do what a good engineer would do with Pillow alone."""
    picture: Image.Image = Image.open(io.BytesIO(source))
    scale = min(1.0, 2048 / max(picture.size))
    picture.draft(None, (round(picture.width * scale), round(picture.height * scale)))
    picture.thumbnail((2048, 2048), Image.Resampling.LANCZOS, reducing_gap=None)
    picture = ImageOps.exif_transpose(picture)
    for box in (2048, 1024, 256):
        picture.thumbnail((box, box), Image.Resampling.LANCZOS, reducing_gap=3.0)
        quality = 78 if box == 256 else 80
        picture.save(f"{folder}/{number}-{box}.webp", quality=quality, method=2)
        if box == 1024:
            picture.convert("RGB").save(f"{folder}/{number}-{box}.jpg", quality=82, optimize=True)


def store(made: RenderResult, folder: str, number: int) -> None:
    """Write the files, as a blob store would."""
    for rendition in made.renditions:
        ending = rendition.media_type.partition("/")[2]
        Path(f"{folder}/{number}-{rendition.name}.{ending}").write_bytes(rendition.data)


async def through_sandbox(sandbox: Sandbox, photos: list[bytes], folder: str) -> None:
    async def one(number: int, source: bytes) -> None:
        store(await sandbox.render(source, PRESET), folder, number)

    await asyncio.gather(*(one(number, source) for number, source in enumerate(photos)))


def run_through_sandbox(
    runner: asyncio.Runner, sandbox: Sandbox, photos: list[bytes], folder: str
) -> None:
    runner.run(through_sandbox(sandbox, photos, folder))


def through_loop(pool: ProcessPoolExecutor, photos: list[bytes], folder: str) -> None:
    jobs = [pool.submit(bare, source, folder, number) for number, source in enumerate(photos)]
    for job in jobs:
        job.result()


def per_second(work: Callable[[], None], count: int) -> float:
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def measure(*, quick: bool) -> None:
    count, rounds = (10, 2) if quick else (50, 5)
    cores = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool,
        asyncio.Runner() as runner,
    ):
        sandbox = runner.run(Sandbox(processes=cores).__aenter__())
        for name, photos in (
            ("P4", photographs(count)),
            ("P4, samples as they are", as_they_are(count)),
        ):
            compare(
                name,
                photos,
                rounds,
                loop_side=partial(through_loop, pool, photos, folder),
                sandbox_side=partial(run_through_sandbox, runner, sandbox, photos, folder),
            )
        runner.run(sandbox.__aexit__(None, None, None))


def compare(
    name: str,
    photos: list[bytes],
    rounds: int,
    *,
    loop_side: Callable[[], None],
    sandbox_side: Callable[[], None],
) -> None:
    count = len(photos)
    loops: list[float] = []
    sandboxes: list[float] = []
    loop_side()  # once unmeasured: the pool starts its processes on demand
    sandbox_side()
    for _ in range(rounds):
        loops.append(per_second(loop_side, count))
        sandboxes.append(per_second(sandbox_side, count))
    report(
        name,
        f"sandbox {median(sandboxes):.1f} pictures/s, bare Pillow {median(loops):.1f}/s",
        ratio=median(ours / theirs for ours, theirs in zip(sandboxes, loops, strict=True)),
        target=0.9,
        figures={
            "sandbox": sandboxes,
            "loop": loops,
            "pictures": count,
            "source_bytes": sum(map(len, photos)),
        },
    )
