"""Pictures that crashed, choked or fooled decoders before: each is rendered or refused by code."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, get_args

import pytest

from domain.failures import FailureCode
from streams.rendering import RenderFailed, RenderLimits, Sandbox
from streams.rendering.formats.sniffing import is_accepted
from tests.support.corpora import corpora
from tests.support.mutants import SOAK, mutant
from tests.support.pictures import encoded, wheel
from tests.support.presets import PRESETS

SEED: Final = 20261128
SAMPLE: Final = 120 * SOAK
MUTANTS: Final = 120 * SOAK
LARGEST_MUTANT_BYTES: Final = 100_000
NOTORIOUS: Final = (
    *("crash", "oom", "timeout", "fuzz", "poc", "cve", "fail--", "randomly-modified"),
    *("decompression", "heif_corrupted", "200mp"),
)
# A busy machine makes nothing a timeout that is none: processor time is what is bounded.
LIMITS: Final = RenderLimits(wall_seconds=60.0)


@pytest.fixture(scope="module")
def corpus(tell: Callable[[str], None]) -> Sequence[Path]:
    """All pictures of the packages; without a way to get them there is nothing to test."""
    found = corpora()
    for why in found.away:
        tell(f"hostile pictures away: {why}")
    if not found.pictures:
        pytest.skip("no pictures can be fetched")
    return found.pictures


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pictures_that_broke_decoders_break_nothing_here(
    corpus: Sequence[Path], tell: Callable[[str], None]
) -> None:
    notorious = [path for path in corpus if any(word in path.name.lower() for word in NOTORIOUS)]
    others = [path for path in corpus if path not in notorious]
    chance = random.Random(SEED)
    chosen = notorious + chance.sample(others, min(SAMPLE, len(others)))
    seen = _outcomes([path.read_bytes() for path in chosen])
    tell(f"hostile pictures: {len(corpus)} known, {len(chosen)} rendered or refused: {dict(seen)}")
    assert seen["rendered"] > len(chosen) // 10, seen
    assert seen["too_many_pixels"] >= 1, seen


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nor_do_they_when_they_are_broken_further(
    corpus: Sequence[Path], tell: Callable[[str], None]
) -> None:
    every = (path.read_bytes() for path in corpus)
    small = [data for data in every if len(data) < LARGEST_MUTANT_BYTES and is_accepted(data)]
    chance = random.Random(SEED)
    mutants = [mutant(chance.choice(small), chance) for _ in range(MUTANTS)]
    seen = _outcomes(mutants)
    tell(f"mutants of {len(small)} of them: {dict(seen)}")
    assert seen["rendered"], seen
    assert seen["corrupt_image"], seen


def _children() -> set[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {child for task in tasks for child in task.read_text().split()}


def _outcomes(sources: Sequence[bytes]) -> Counter[str]:
    """Render them all, and see that nothing was lost on the way: no process, no other picture."""
    good = encoded(wheel(), "PNG")

    async def run() -> Counter[str]:
        async with Sandbox(limits=LIMITS) as sandbox:

            async def outcome(source: bytes) -> str:
                try:
                    await sandbox.render(source, PRESETS["product"])
                except RenderFailed as failed:
                    return failed.code
                return "rendered"

            spawners = _children()
            found = await asyncio.gather(*(outcome(source) for source in sources))
            assert await outcome(good) == "rendered"
            assert _children() == spawners
            return Counter(found)

    seen = asyncio.run(run())
    assert set(seen) <= {"rendered", *get_args(FailureCode)}
    assert not seen["decoder_crashed"], seen
    return seen
