"""Whose work is ordered next: single inserts before bulk, and one tenant after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.events import (
    AssetConfirmed,
    AssetDelayed,
    AssetDeleted,
    AssetPublished,
    AssetPurged,
    AssetRejected,
    AssetSubmitted,
    Event,
)
from domain.values import AssetId
from streams.dispatching.lanes import Lane, Place, Turn
from streams.dispatching.orders import job_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many runs may be under way: of one tenant, single and bulk apart, and of all bulk.

    After ``lease`` a run no longer counts: it was lost, or its source is slow beyond measure.
    """

    per_tenant: int
    bulk: int
    lease: timedelta


class Turns:
    """A fold of asset-events that says which runs wait for their turn, and hands turns out.

    Of a run that waits only its asset and the place of its event are kept, some two hundred bytes,
    because the log keeps the rest. A run has its turn as long as it is under way; whatever ends it
    gives the turn to the next.
    """

    def __init__(self, limits: Limits) -> None:
        self._lease = limits.lease
        self._single = Lane(limits.per_tenant, None)
        self._bulk = Lane(limits.per_tenant, limits.bulk)
        self._under_way: dict[AssetId, tuple[Turn, datetime]] = {}
        self._moot: dict[int, dict[AssetId, int]] = {}

    @property
    def waiting(self) -> int:
        """Count the runs that wait."""
        return self._single.waiting + self._bulk.waiting

    @property
    def under_way(self) -> int:
        """Count the runs that have their turn."""
        return len(self._under_way)

    def has_turn(self, asset_id: AssetId) -> bool:
        """Whether a run of this asset was ordered not long ago and has not ended."""
        return asset_id in self._under_way

    def apply(self, event: Event, place: Place) -> None:
        """Take in the next event of a partition; what begins a run waits from now on."""
        job = job_for(event)
        if job or _ends(event):
            self._settle(event, place)
        if job:
            turn = Turn(
                tenant_id=job.tenant_id, asset_id=job.asset_id, is_bulk=job.is_bulk, place=place
            )
            self._lane(turn).wait(turn)

    def take(self, at_most: int, now: datetime) -> list[Turn]:
        """Hand out turns; what ended or was replaced while it waited gets none."""
        self._expire(now)
        turns = self._single.take(at_most, self._is_moot)
        turns += self._bulk.take(at_most - len(turns), self._is_moot)
        for turn in turns:
            self._under_way[turn.asset_id] = (turn, now)
        return turns

    def give_back(self, turns: Iterable[Turn]) -> None:
        """Let turns that could not be used wait again, before all others of their tenant."""
        for turn in reversed(list(turns)):
            self._free(turn.asset_id)
            self._lane(turn).wait(turn, first=True)

    def oldest_waiting(self, partition: int) -> int | None:
        """Give the offset of the first event in a partition whose run waits."""
        firsts = (lane.oldest_waiting(partition) for lane in (self._single, self._bulk))
        oldest = min((first for first in firsts if first is not None), default=None)
        moot = self._moot.get(partition, {})
        for asset_id in list(moot):  # in order of offsets; nothing that waits precedes the first
            if oldest is not None and moot[asset_id] > oldest:
                break
            del moot[asset_id]
        return oldest

    def forget(self, partition: int) -> None:
        """Let go of a partition that belongs to somebody else now."""
        self._moot.pop(partition, None)
        for lane in (self._single, self._bulk):
            lane.forget(partition)
        for asset_id, (turn, _) in list(self._under_way.items()):
            if turn.place[0] == partition:
                self._free(asset_id)

    def _settle(self, event: Event, place: Place) -> None:
        """Note that nothing before this event is to be done for its asset any more."""
        if event.asset_id in self._under_way:
            self._free(event.asset_id)
        elif not isinstance(event, AssetSubmitted):  # nothing precedes that one
            moot = self._moot.setdefault(place[0], {})
            moot.pop(event.asset_id, None)
            moot[event.asset_id] = place[1]

    def _expire(self, now: datetime) -> None:
        while self._under_way:
            asset_id, (_, since) = next(iter(self._under_way.items()))
            if now - since < self._lease:
                return
            self._free(asset_id)

    def _is_moot(self, turn: Turn) -> bool:
        partition, offset = turn.place
        return offset < self._moot.get(partition, {}).get(turn.asset_id, 0)

    def _free(self, asset_id: AssetId) -> None:
        turn, _ = self._under_way.pop(asset_id)
        self._lane(turn).leave(turn.tenant_id)

    def _lane(self, turn: Turn) -> Lane:
        return self._bulk if turn.is_bulk else self._single


def _ends(event: Event) -> bool:
    """Tell what ends a run, or lets it wait in a retry tier, which is no reason to hold a turn."""
    return isinstance(
        event,
        AssetPublished | AssetConfirmed | AssetRejected | AssetDelayed | AssetDeleted | AssetPurged,
    )
