"""P4: the image pipeline in its sandbox, against a bare loop of the same library written for speed.

Both sides turn the same photographs into the default preset's files on disk, on all cores. The
loop decodes once, at a reduced size where JPEG allows it, resizes from size to size and encodes
with the same settings; it takes each picture as it is: no check, no limit, no facts, no profile.

Run as ``python -m bench.p4_pipeline [--photos 50] [--rounds 5]``; prints JSON at the end.
"""

import argparse
import asyncio
import io
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import PIL
from PIL import Image, ImageOps

from streams.rendering import PRESETS, Rendered, Sandbox

PRESET = PRESETS["default"]
SAMPLES = Path(__file__).parents[1] / "samples"
MEGAPIXELS = (2, 6, 9, 12, 16)


def photographs(count: int) -> list[bytes]:
    """Make photographs of camera size out of the samples: JPEG, every fifth lying on its side."""
    names = ("dandelions.jpg", "raccoon.jpg", "retina.jpg", "deep-field.jpg", "tulips.png")
    made = []
    for number in range(count):
        picture = ImageOps.exif_transpose(Image.open(SAMPLES / names[number % len(names)]))
        scale = (MEGAPIXELS[number // 5 % 5] * 1e6 / (picture.width * picture.height)) ** 0.5
        size = (round(picture.width * scale), round(picture.height * scale))
        exif = Image.Exif()
        exif[274] = 6 if number % 5 == 1 else 1
        file = io.BytesIO()
        picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(
            file, "JPEG", quality=88, exif=exif
        )
        made.append(file.getvalue())
    return made


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
            picture.save(f"{folder}/{number}-{box}.jpg", quality=82, optimize=True)


def store(made: Rendered, folder: str, number: int) -> None:
    """Write the files, as a blob store would."""
    for rendition in made.renditions:
        ending = rendition.media_type.partition("/")[2]
        Path(f"{folder}/{number}-{rendition.name}.{ending}").write_bytes(rendition.data)


async def through_sandbox(sandbox: Sandbox, photos: list[bytes], folder: str) -> None:
    async def one(number: int, source: bytes) -> None:
        store(await sandbox.render(source, PRESET), folder, number)

    await asyncio.gather(*(one(number, source) for number, source in enumerate(photos)))


def through_loop(pool: ProcessPoolExecutor, photos: list[bytes], folder: str) -> None:
    jobs = [pool.submit(bare, source, folder, number) for number, source in enumerate(photos)]
    for job in jobs:
        job.result()


def per_second(work: Callable[[], None], count: int) -> float:
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=50)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    photos = photographs(chosen.photos)
    cores = len(os.sched_getaffinity(0))
    loops: list[float] = []
    sandboxes: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool,
        asyncio.Runner() as runner,
    ):
        sandbox = runner.run(Sandbox(processes=cores).__aenter__())
        loop_side = partial(through_loop, pool, photos, folder)

        def sandbox_side() -> None:
            runner.run(through_sandbox(sandbox, photos, folder))

        loop_side()  # once unmeasured: the pool starts its processes on demand
        sandbox_side()
        for _ in range(chosen.rounds):
            loops.append(per_second(loop_side, len(photos)))
            sandboxes.append(per_second(sandbox_side, len(photos)))
            print(f"loop {loops[-1]:6.2f}/s   sandbox {sandboxes[-1]:6.2f}/s")
        runner.run(sandbox.__aexit__(None, None, None))
    ratios = [ours / theirs for ours, theirs in zip(sandboxes, loops, strict=True)]
    report = {
        "photos": len(photos),
        "source_bytes": sum(map(len, photos)),
        "cores": cores,
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "loop_per_second": round(statistics.median(loops), 2),
        "sandbox_per_second": round(statistics.median(sandboxes), 2),
        "ratio": round(statistics.median(ratios), 3),
        "target": 0.9,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
