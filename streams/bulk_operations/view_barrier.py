"""A view barrier: waits until a view shows everything asked for before a moment."""

import asyncio
from collections.abc import Callable, Mapping

from infra.kafka.client import Kafka
from infra.kafka.offsets.lag import group_has_read
from infra.kafka.offsets.log_bounds import LogBounds
from infra.kafka.topics import ASSET_COMMANDS, ASSET_EVENTS
from read_models.view import View
from read_models.view_reader import ViewReader

_DECIDERS = "command_api.decider"
_POLL_SECONDS = 0.2
_SILENT_POLLS = 50


class ViewBarrier:
    """Opens once a view shows what every command led to that was sent before it was put up.

    So an asset that was inserted just before an operation is among its assets, and a change that
    an earlier operation asked for at its very end is there to be taken back.
    """

    def __init__(self, kafka: Kafka, views: ViewReader, view: View) -> None:
        self._kafka = kafka
        self._views = views
        self._view = view
        self._bounds = LogBounds(kafka)
        self._commands: Mapping[int, int] | None = None
        self._events: Mapping[int, int] | None = None
        self._is_open = False

    async def is_open(self) -> bool:
        """Look once; raises BrokerUnavailable, StoreUnavailable, ViewsMissing, ViewNotBuilt."""
        if self._is_open:
            return True
        if self._commands is None:
            self._commands = await asyncio.to_thread(self._bounds.ends, ASSET_COMMANDS)
        if self._events is None:
            decided = await asyncio.to_thread(
                group_has_read, self._kafka, _DECIDERS, ASSET_COMMANDS, self._commands
            )
            if not decided:
                return False
            self._events = await asyncio.to_thread(self._bounds.ends, ASSET_EVENTS)
        self._is_open = await self._views.has_reached(self._view, self._events)
        return self._is_open

    async def wait(self, on_silence: Callable[[], None]) -> None:
        """Return once it is open; ``on_silence`` is called once if that takes long.

        Raises what ``is_open`` raises.
        """
        looks = 0
        while not await self.is_open():
            looks += 1
            if looks == _SILENT_POLLS:
                on_silence()
            await asyncio.sleep(_POLL_SECONDS)
