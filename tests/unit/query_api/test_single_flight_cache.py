"""Values that may be a moment old."""

import asyncio

import pytest

from domain.values import BlobKey
from query_api.images.blob_cache import BlobCache
from read_models.single_flight_cache import SingleFlightCache


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts how often each value was read; a negative one cannot be."""

    def __init__(self) -> None:
        self.read: list[int] = []

    async def __call__(self, number: int) -> int:
        self.read.append(number)
        await asyncio.sleep(0)
        if number < 0:
            raise LookupError(number)
        return number * 10


def test_a_value_is_read_again_when_its_time_is_over() -> None:
    async def story() -> None:
        clock, source = Clock(), Source()
        recent = SingleFlightCache(source, ttl_seconds=1, clock=clock)
        assert await recent.get(1) == 10
        clock.now = 0.9
        assert await recent.get(1) == 10
        assert source.read == [1]
        clock.now = 1.0
        await recent.get(1)
        assert source.read == [1, 1]

    asyncio.run(story())


def test_whoever_needs_a_fresh_value_gets_one_and_shares_it() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(source, ttl_seconds=1, clock=Clock())
        await recent.get(1)
        await recent.get(1, fresh=True)
        await recent.get(1)
        assert source.read == [1, 1]

    asyncio.run(story())


def test_all_who_ask_at_once_share_one_read_also_when_the_first_hangs_up() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(source, ttl_seconds=1, clock=Clock())
        first = asyncio.create_task(recent.get(1))
        others = [asyncio.create_task(recent.get(1)) for _ in range(9)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [10] * 9
        assert source.read == [1]

    asyncio.run(story())


def test_failures_and_unwanted_values_are_not_remembered() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(
            source, ttl_seconds=1, clock=Clock(), keeps=lambda value: value > 0
        )
        for number in (-1, -1, 0, 0, 5, 5):
            try:
                await recent.get(number)
            except LookupError:
                assert number == -1
            await asyncio.sleep(0)
        assert source.read == [-1, -1, 0, 0, 5]

    asyncio.run(story())


def test_it_remembers_no_more_than_it_may() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(source, ttl_seconds=1, clock=Clock(), at_most=2)
        for number in (1, 2, 3, 2, 3, 1):
            await recent.get(number)
        assert source.read == [1, 2, 3, 1]

    asyncio.run(story())


def test_those_who_need_a_fresh_value_meanwhile_share_the_load_after_this_one() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(source, ttl_seconds=1, clock=Clock(), one_at_a_time=True)
        first = asyncio.create_task(recent.get(1))
        await asyncio.sleep(0)
        others = [asyncio.create_task(recent.get(1, fresh=True)) for _ in range(9)]
        await asyncio.sleep(0)
        others[0].cancel()
        assert await asyncio.gather(first, *others[1:]) == [10] * 9
        assert source.read == [1, 1]

    asyncio.run(story())


def test_what_is_kept_is_bounded_by_its_weight() -> None:
    async def story() -> None:
        source = Source()
        recent = SingleFlightCache(
            source, ttl_seconds=1, clock=Clock(), weight_of=lambda value: value, at_most=70
        )
        for number in (1, 2, 3, 1, 2, 4, 3, 4, 9, 4):
            await recent.get(number)
            await asyncio.sleep(0)
        # 4 drove out 1 and 2, which were read before 3; 9 alone is more than fits
        assert source.read == [1, 2, 3, 4, 9, 4]

    asyncio.run(story())


async def _blob(key: BlobKey) -> bytes:
    if key == "missing":
        raise LookupError(key)
    return key.encode() * 10


def test_bytes_are_kept_within_bounds_the_last_used_longest() -> None:
    async def story() -> None:
        read: list[str] = []

        async def blob(key: BlobKey) -> bytes:
            read.append(key)
            return await _blob(key)

        kept = BlobCache(blob, at_most_bytes=80)
        keys = [BlobKey(key) for key in "abcdefgh"]
        for key in [*keys, keys[0], BlobKey("i"), keys[0], keys[1]]:
            assert await kept.get(key) == key.encode() * 10
        assert read == [*keys, "i", "b"]
        await kept.get(BlobKey("long"))
        await kept.get(BlobKey("long"))
        assert read[-2:] == ["long", "long"]
        with pytest.raises(LookupError):
            await kept.get(BlobKey("missing"))

    asyncio.run(story())
