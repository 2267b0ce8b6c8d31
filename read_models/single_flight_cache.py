"""Values that may be a moment old, each read once however many ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Entry(Generic[_Value]):
    """A value that is loaded or being loaded; ``following`` is the load that begins after it."""

    began_at: float
    loading: asyncio.Future[_Value]
    weight: int = 1
    following: asyncio.Future[_Value] | None = None


class SingleFlightCache(Generic[_Key, _Value]):
    """Remembers what ``load`` answered for ``ttl_seconds``, counted from when the load began.

    Whoever asks while a load is under way waits for that one. A load that fails is not remembered:
    all who waited for it get its error, the next one loads again. So it is with values that
    ``keeps`` turns down. With ``one_at_a_time`` those for whom the load under way began too early
    share one that begins after it, instead of one each beside it.

    What is kept weighs ``at_most``, each value as much as ``weight_of`` says: those that were read
    longest ago go first.
    """

    def __init__(
        self,
        load: Callable[[_Key], Awaitable[_Value]],
        *,
        ttl_seconds: float,
        keeps: Callable[[_Value], bool] = lambda _: True,
        one_at_a_time: bool = False,
        weight_of: Callable[[_Value], int] = lambda _: 1,
        at_most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._ttl_seconds = ttl_seconds
        self._keeps = keeps
        self._one_at_a_time = one_at_a_time
        self._weight_of = weight_of
        self._at_most = at_most
        self._clock = clock
        self._entries: dict[_Key, _Entry[_Value]] = {}
        self._weight = 0

    async def get(self, key: _Key, *, fresh: bool = False) -> _Value:
        """Give the value; ``fresh`` asks for one that is read from now on."""
        entry = self._entries.get(key)
        if entry is not None and not fresh and not self._is_old(entry):
            loading = entry.loading
        elif entry is None or entry.loading.done() or not self._one_at_a_time:
            loading = self._begin(key)
        else:
            loading = entry.following = entry.following or asyncio.ensure_future(
                self._load_after(entry.loading, key)
            )
        if loading.done():
            return loading.result()
        return await asyncio.shield(loading)  # who hangs up must not take it from the others

    def _is_old(self, entry: _Entry[_Value]) -> bool:
        return entry.began_at + self._ttl_seconds <= self._clock()

    async def _load_after(self, earlier: asyncio.Future[_Value], key: _Key) -> _Value:
        await asyncio.wait([earlier])
        return await asyncio.shield(self._begin(key))

    def _begin(self, key: _Key) -> "asyncio.Future[_Value]":
        self._forget(key)
        loading: asyncio.Future[_Value] = asyncio.ensure_future(self._load(key))
        self._entries[key] = _Entry(self._clock(), loading)
        self._weight += 1
        self._lighten()
        loading.add_done_callback(lambda done: self._settle(key, done))
        return loading

    def _settle(self, key: _Key, done: "asyncio.Future[_Value]") -> None:
        is_kept = not done.cancelled() and done.exception() is None and self._keeps(done.result())
        entry = self._entries.get(key)
        if entry is None or entry.loading is not done:
            return
        if not is_kept:
            self._forget(key)
            return
        self._weight -= entry.weight
        entry.weight = self._weight_of(done.result())
        self._weight += entry.weight
        self._lighten()

    def _lighten(self) -> None:
        while self._weight > self._at_most and self._entries:
            self._forget(next(iter(self._entries)))  # the one that was read longest ago

    def _forget(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry.weight
