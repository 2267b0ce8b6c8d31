"""Broken files, hundreds of them: each is rendered or refused by code; none harms the pool."""

import asyncio
import random
from collections import Counter
from typing import Final, get_args

from PIL import Image

from domain.failures import FailureCode
from streams.rendering import RenderFailed, RenderLimits, Sandbox
from tests.support.mutants import SOAK, mutant
from tests.support.pictures import encoded, heic, linear_profile, telltale_exif, wheel
from tests.support.presets import PRESETS

SEED: Final = 20261123
MUTANTS_PER_SEED_FILE: Final = 30 * SOAK
LIMITS: Final = RenderLimits(max_pixels=4_000_000, cpu_seconds=5, wall_seconds=10)


def _seed_files() -> list[bytes]:
    picture = wheel(120, 80)
    frames = [Image.new("RGB", (120, 80), name) for name in ("red", "lime", "blue")]
    beside = {"exif": telltale_exif(6), "icc_profile": linear_profile()}
    return [
        encoded(picture, "JPEG", **beside),
        encoded(picture, "JPEG", progressive=True),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture, "PNG", **beside),
        encoded(picture.convert("P"), "PNG", transparency=3),
        encoded(picture, "WEBP", **beside),
        encoded(picture, "WEBP", lossless=True),
        encoded(picture, "AVIF", speed=10),
        encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        encoded(picture, "TIFF", compression="tiff_lzw", **beside),
        encoded(picture, "TIFF", compression="jpeg"),
        encoded(picture, "BMP"),
        encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        heic(picture, exif=telltale_exif(6).tobytes()),
    ]


def test_no_mutant_escapes_its_type_or_kills_the_pool() -> None:
    chance = random.Random(SEED)
    good = encoded(wheel(), "PNG")
    mutants = [
        mutant(source, chance) for source in _seed_files() for _ in range(MUTANTS_PER_SEED_FILE)
    ]

    async def outcomes() -> Counter[str]:
        async with Sandbox(limits=LIMITS) as sandbox:

            async def outcome(source: bytes) -> str:
                try:
                    await sandbox.render(source, PRESETS["default"])
                except RenderFailed as failed:
                    return failed.code
                return "rendered"

            seen = Counter(await asyncio.gather(*(outcome(mutant) for mutant in mutants)))
            assert await outcome(good) == "rendered"
            return seen

    seen = asyncio.run(outcomes())
    assert set(seen) <= {"rendered", *get_args(FailureCode)}
    assert not seen["decoder_crashed"], seen  # Pillow 13 is not known to crash on any of these
    assert seen["rendered"] > len(mutants) // 20, seen
    assert seen["corrupt_image"] > len(mutants) // 20, seen
