"""Bring a batch into the view store: rows and parked records first, then the checkpoint."""

import time
from collections.abc import Iterable

from infra.cassandra.view_store import ViewStore
from infra.failpoints import pass_by
from projections.batch import ProjectionBatch
from projections.partition_state import OwnedPartitions, ViewPosition

_TRUST_SECONDS = 2.0  # less than any store needs to go down and come back with older data


class StoreRolledBack(Exception):
    """The store has older checkpoints than we saved, so rows are missing before this batch."""


class BatchWriter:
    """Writes batches, and notices when the store lost what was written before.

    A checkpoint that went back is looked for before a write whenever the store may have been away
    since the last one. Otherwise our next checkpoint would hide the hole.
    """

    def __init__(self, store: ViewStore, places: OwnedPartitions) -> None:
        self._store = store
        self._owned = places
        self._trusted_at = 0.0

    @property
    def idle_seconds(self) -> float:
        """For how long nothing was heard of the store."""
        return time.monotonic() - self._trusted_at

    def doubt(self) -> None:
        """Take it that the store may have been away."""
        self._trusted_at = 0.0

    def write(self, batch: ProjectionBatch) -> None:
        """Return when rows and checkpoints are kept; raises StoreRolledBack, StoreUnavailable."""
        if self.idle_seconds > _TRUST_SECONDS:
            self.verify_checkpoints(step.view_position for step in batch.steps)
        for generation, operations in batch.operations.items():
            self._store.write(operations, generation=generation)
        self._store.parked_records.park(batch.parked)
        pass_by("projections.after_rows_before_checkpoint")
        self._store.save(step.checkpoint for step in batch.steps)
        pass_by("projections.after_checkpoint")
        self._trusted_at = time.monotonic()
        batch.advance_positions()

    def verify_checkpoints(self, view_positions: Iterable[ViewPosition]) -> None:
        """Compare with what the store has kept; raises StoreRolledBack, StoreUnavailable."""
        if self._owned.has_rolled_back(view_positions):
            raise StoreRolledBack
        self._trusted_at = time.monotonic()
