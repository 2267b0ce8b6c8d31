"""The generations of each view: their state, and which one is active."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from infra.cassandra.session import CassandraSession, Row

FIRST_GENERATION = 1
ALL_GENERATIONS = "SELECT * FROM generations"
ACTIVE_GENERATIONS = (
    "SELECT view_name, generation, writetime(generation) AS since_us FROM active_generation"
)
PARTITION_STATES = (
    "SELECT topic, partition, applied_offset, target, event_count FROM projection_state"
    " WHERE view_name = ? AND generation = ?"
)

GenerationState = Literal["planned", "building", "following", "failed", "cancelled", "dropped"]
UNDER_WAY: frozenset[GenerationState] = frozenset({"planned", "building"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationComparison:
    """How a generation compared with another, row by row."""

    compared_at: datetime
    compared_with: int
    row_count: int
    difference_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One set of a view's tables, built by one definition of the view.

    ``planned``: its tables are being made. ``building``: it is filled from the log. ``following``:
    the projections feed it, whether it is read or not. ``failed``, ``cancelled``: nobody feeds it.
    ``dropped``: its tables are gone; the number is never used again.

    ``events_per_second`` of 0 is as fast as it goes. ``seen_at`` is when its builder last
    reported, and ``offsets_per_second`` the rate that it reported.
    """

    view: str
    number: int
    revision: int
    state: GenerationState
    started_at: datetime
    is_paused: bool = False
    processes: int = 1
    events_per_second: int = 0
    reason: str = ""
    seen_at: datetime | None = None
    offsets_per_second: float = 0.0
    comparison: GenerationComparison | None = None
    replaced: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveGeneration:
    """Which generation of a view is read, and since when."""

    number: int
    since: datetime


class Generations(Protocol):
    """What is kept about generations; every method raises StoreUnavailable and ViewsMissing.

    Those that return bool are conditional: they change something only if it still is as expected,
    and return whether it was; of two callers at the same time one gets False.
    """

    def all(self) -> list[Generation]:
        """Give all there ever were, by view and number."""

    def add(self, generation: Generation) -> bool:
        """Keep a new one, unless there is one of this number."""

    def move(self, generation: Generation, to: GenerationState, reason: str = "") -> bool:
        """Change its state, unless it is no longer what ``generation`` says."""

    def steer(
        self, generation: Generation, *, is_paused: bool, processes: int, events_per_second: int
    ) -> bool:
        """Change how its builder works, unless its state is no longer what ``generation`` says."""

    def report(self, view: str, number: int, offsets_per_second: float) -> None:
        """Record that its builder is alive, and its rate."""

    def set_targets(self, view: str, number: int, topic: str, targets: Mapping[int, int]) -> None:
        """Keep where the log's partitions ended when the rebuild began."""

    def targets(self, view: str, number: int) -> dict[tuple[str, int], int]:
        """Give what ``set_targets`` kept."""

    def note(self, view: str, number: int, comparison: GenerationComparison) -> None:
        """Keep the result of a comparison."""

    def actives(self) -> dict[str, ActiveGeneration]:
        """Give the active generation of each view."""

    def forget(self, view: str, number: int) -> None:
        """Remove its checkpoints, and those that a late process saves after that."""

    def switch(self, view: str, now: int, then: int, accepted_because: str = "") -> bool:
        """Have another generation read from now on, unless ``now`` is no longer the one read."""


class CassandraGenerations:
    """Generations in the keyspace of the views."""

    def __init__(self, cql: CassandraSession) -> None:
        self._cql = cql

    def all(self) -> list[Generation]:
        """Give all there ever were; see Generations."""
        return generations_of(self._cql.execute(ALL_GENERATIONS))

    def add(self, generation: Generation) -> bool:
        """Keep a new one; see Generations."""
        return self._applied(
            "INSERT INTO generations (view_name, generation, revision, state, is_paused,"
            " processes, events_per_second, reason, started_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
            generation.view,
            generation.number,
            generation.revision,
            generation.state,
            generation.is_paused,
            generation.processes,
            generation.events_per_second,
            generation.reason,
            generation.started_at,
        )

    def move(self, generation: Generation, to: GenerationState, reason: str = "") -> bool:
        """Change its state; see Generations."""
        return self._applied(
            "UPDATE generations SET state = ?, reason = ?"
            " WHERE view_name = ? AND generation = ? IF state = ?",
            to,
            reason,
            generation.view,
            generation.number,
            generation.state,
        )

    def steer(
        self, generation: Generation, *, is_paused: bool, processes: int, events_per_second: int
    ) -> bool:
        """Change how its builder works; see Generations."""
        return self._applied(
            "UPDATE generations SET is_paused = ?, processes = ?, events_per_second = ?"
            " WHERE view_name = ? AND generation = ? IF state = ?",
            is_paused,
            processes,
            events_per_second,
            generation.view,
            generation.number,
            generation.state,
        )

    def report(self, view: str, number: int, offsets_per_second: float) -> None:
        """Record that its builder is alive; see Generations."""
        self._cql.execute(
            "UPDATE generations SET seen_at = ?, offsets_per_second = ?"
            " WHERE view_name = ? AND generation = ?",
            [datetime.now(UTC), offsets_per_second, view, number],
        )

    def set_targets(self, view: str, number: int, topic: str, targets: Mapping[int, int]) -> None:
        """Keep where the log ended; see Generations."""
        for partition, target in targets.items():
            self._cql.execute(
                "UPDATE projection_state SET target = ?"
                " WHERE view_name = ? AND generation = ? AND topic = ? AND partition = ?",
                [target, view, number, topic, partition],
            )

    def targets(self, view: str, number: int) -> dict[tuple[str, int], int]:
        """Give what ``set_targets`` kept; see Generations."""
        return targets_of(self._cql.execute(PARTITION_STATES, [view, number]))

    def note(self, view: str, number: int, comparison: GenerationComparison) -> None:
        """Keep the result of a comparison; see Generations."""
        self._cql.execute(
            "UPDATE generations SET compared_at = ?, compared_with = ?, row_count = ?,"
            " difference_count = ? WHERE view_name = ? AND generation = ?",
            [
                comparison.compared_at,
                comparison.compared_with,
                comparison.row_count,
                comparison.difference_count,
                view,
                number,
            ],
        )

    def actives(self) -> dict[str, ActiveGeneration]:
        """Give the active generation of each view; see Generations."""
        return active_generations_of(self._cql.execute(ACTIVE_GENERATIONS))

    def begin(self, view: str, number: int = FIRST_GENERATION) -> int:
        """Have a generation read, if none is yet; say which one is."""
        self._cql.execute(  # as of long ago, so that it loses to any generation chosen since
            "INSERT INTO active_generation (view_name, generation) VALUES (?, ?) USING TIMESTAMP 1",
            [view, number],
        )
        return self.actives()[view].number

    def forget(self, view: str, number: int) -> None:
        """Remove its checkpoints, which are stamped with offsets, for good; see Generations.

        The records that wait for it go too.
        """
        self._cql.execute(
            "DELETE FROM projection_state WHERE view_name = ? AND generation = ?", [view, number]
        )
        self._cql.execute(
            "DELETE FROM parked_records WHERE view_name = ? AND generation = ?", [view, number]
        )

    def switch(self, view: str, now: int, then: int, accepted_because: str = "") -> bool:
        """Have another generation read from now on; see Generations."""
        self._cql.execute(
            "UPDATE generations SET replaced = ?, accepted_because = ?"
            " WHERE view_name = ? AND generation = ?",
            [now, accepted_because, view, then],
        )
        return self._applied(
            "UPDATE active_generation SET generation = ? WHERE view_name = ? IF generation = ?",
            then,
            view,
            now,
        )

    def _applied(self, statement: str, *parameters: object) -> bool:
        (answer,) = self._cql.execute(statement, parameters)
        return bool(answer["[applied]"])


def generations_of(rows: Iterable[Row]) -> list[Generation]:
    """Read the rows of ``ALL_GENERATIONS``, by view and number."""
    return sorted(map(_generation, rows), key=lambda each: (each.view, each.number))


def active_generations_of(rows: Iterable[Row]) -> dict[str, ActiveGeneration]:
    """Read the rows of ``ACTIVE_GENERATIONS``, by view."""
    return {
        row["view_name"]: ActiveGeneration(
            number=row["generation"],
            since=datetime.fromtimestamp(row["since_us"] / 1_000_000, UTC),
        )
        for row in rows
    }


def targets_of(rows: Iterable[Row]) -> dict[tuple[str, int], int]:
    """Read the targets in the rows of ``PARTITION_STATES``, by topic and partition."""
    return {
        (row["topic"], row["partition"]): row["target"] for row in rows if row["target"] is not None
    }


def _generation(row: Row) -> Generation:
    return Generation(
        view=row["view_name"],
        number=row["generation"],
        revision=row["revision"],
        state=row["state"],
        started_at=row["started_at"].replace(tzinfo=UTC),
        is_paused=row["is_paused"],
        processes=row["processes"],
        events_per_second=row["events_per_second"],
        reason=row["reason"] or "",
        seen_at=row["seen_at"].replace(tzinfo=UTC) if row["seen_at"] else None,
        offsets_per_second=row["offsets_per_second"] or 0.0,
        comparison=_comparison(row),
        replaced=row["replaced"],
    )


def _comparison(row: Row) -> GenerationComparison | None:
    if row["compared_at"] is None:
        return None
    return GenerationComparison(
        compared_at=row["compared_at"].replace(tzinfo=UTC),
        compared_with=row["compared_with"],
        row_count=row["row_count"],
        difference_count=row["difference_count"],
    )
