"""Values that may be a moment old, each read once however many ask for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Recent(Generic[_Key, _Value]):
    """Remembers what ``load`` answered for ``for_seconds``, counted from when the load began.

    Whoever asks while a load is under way waits for that one. A load that fails is not remembered:
    all who waited for it get its error, the next one loads again. So it is with values that
    ``keeps`` turns down.
    """

    def __init__(
        self,
        load: Callable[[_Key], Awaitable[_Value]],
        *,
        for_seconds: float,
        keeps: Callable[[_Value], bool] = lambda _: True,
        at_most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._for_seconds = for_seconds
        self._keeps = keeps
        self._at_most = at_most
        self._clock = clock
        self._entries: dict[_Key, tuple[float, asyncio.Future[_Value]]] = {}

    async def get(self, key: _Key, *, fresh: bool = False) -> _Value:
        """Give the value; ``fresh`` asks for one that is read from now on."""
        entry = self._entries.get(key)
        if entry is not None and not fresh and entry[0] + self._for_seconds > self._clock():
            loading = entry[1]
        else:
            loading = self._begin(key)
        if loading.done():
            return loading.result()
        return await asyncio.shield(loading)  # who hangs up must not take it from the others

    def _begin(self, key: _Key) -> "asyncio.Future[_Value]":
        self._entries.pop(key, None)
        if len(self._entries) >= self._at_most:
            del self._entries[next(iter(self._entries))]  # the one that was read longest ago
        loading: asyncio.Future[_Value] = asyncio.ensure_future(self._load(key))
        self._entries[key] = (self._clock(), loading)
        loading.add_done_callback(lambda done: self._settle(key, done))
        return loading

    def _settle(self, key: _Key, done: "asyncio.Future[_Value]") -> None:
        if done.cancelled() or done.exception() is not None or not self._keeps(done.result()):
            entry = self._entries.get(key)
            if entry is not None and entry[1] is done:
                del self._entries[key]
