"""Generations in memory, with the same ifs and buts as in Cassandra."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from infra.cassandra.generations import (
    ActiveGeneration,
    Generation,
    GenerationComparison,
    GenerationState,
)

Place = tuple[str, int]


class MemoryGenerations:
    """Keeps generations; ``forgotten`` names those whose checkpoints were removed."""

    def __init__(self) -> None:
        self.forgotten: list[Place] = []
        self.reports = 0
        self._generations: dict[Place, Generation] = {}
        self._targets: dict[Place, dict[tuple[str, int], int]] = {}
        self._active: dict[str, ActiveGeneration] = {}

    def all(self) -> list[Generation]:
        return sorted(self._generations.values(), key=lambda each: (each.view, each.number))

    def get(self, view: str, number: int) -> Generation:
        return self._generations[view, number]

    def add(self, generation: Generation) -> bool:
        place = (generation.view, generation.number)
        return self._generations.setdefault(place, generation) is generation

    def move(self, generation: Generation, to: GenerationState, reason: str = "") -> bool:
        found = self.get(generation.view, generation.number)
        return self._change(generation, replace(found, state=to, reason=reason))

    def steer(
        self, generation: Generation, *, is_paused: bool, processes: int, events_per_second: int
    ) -> bool:
        changed = replace(
            self.get(generation.view, generation.number),
            is_paused=is_paused,
            processes=processes,
            events_per_second=events_per_second,
        )
        return self._change(generation, changed)

    def report(self, view: str, number: int, offsets_per_second: float) -> None:
        self.reports += 1
        self._generations[view, number] = replace(
            self.get(view, number),
            seen_at=datetime.now(UTC),
            offsets_per_second=offsets_per_second,
        )

    def set_targets(self, view: str, number: int, topic: str, targets: Mapping[int, int]) -> None:
        self._targets[view, number] = {(topic, at): target for at, target in targets.items()}

    def targets(self, view: str, number: int) -> dict[tuple[str, int], int]:
        return dict(self._targets.get((view, number), {}))

    def forget(self, view: str, number: int) -> None:
        self.forgotten.append((view, number))

    def note(self, view: str, number: int, comparison: GenerationComparison) -> None:
        self._generations[view, number] = replace(self.get(view, number), comparison=comparison)

    def actives(self) -> dict[str, ActiveGeneration]:
        return dict(self._active)

    def read(self, view: str, number: int, since: datetime) -> None:
        """Have a generation read since some time ago."""
        self._active[view] = ActiveGeneration(number=number, since=since)

    def switch(self, view: str, now: int, then: int, accepted_because: str = "") -> bool:
        if self._active[view].number != now:
            return False
        self._generations[view, then] = replace(self.get(view, then), replaced=now)
        self.read(view, then, datetime.now(UTC))
        return True

    def _change(self, expected: Generation, changed: Generation) -> bool:
        place = (expected.view, expected.number)
        if self._generations[place].state != expected.state:
            return False
        self._generations[place] = changed
        return True
