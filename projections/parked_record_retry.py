"""Retry of parked records once the view can apply them, in order for each entity."""

from collections.abc import Iterator

from infra.cassandra.parked_records import ParkedRecordStore
from infra.cassandra.row_operations import collapse_operations
from infra.cassandra.view_store import ViewStore
from projections.partition_state import ViewPosition
from projections.record_decoder import decode_record

_AT_ONCE = 100


def retry_parked(
    view_position: ViewPosition, store: ViewStore, parked_records: ParkedRecordStore
) -> Iterator[int]:
    """Try everything that waits for a view in a partition; say after each few what was applied.

    An entity whose next record still cannot be taken goes on waiting, the others are let go. A
    record is forgotten after its rows are kept, so it may be applied twice, which changes nothing.
    Whoever does not go on to the end has changed nothing but that. Raises StoreUnavailable.
    """
    live, stuck, after = view_position.live, set[bytes](), -1
    place = (live.view.name, live.generation, view_position.partition)
    while chunk := parked_records.parked_in(*place, after=after, at_most=_AT_ONCE):
        after = chunk[-1].entry.offset
        operations, done = [], []
        for record in chunk:
            if record.entry.passed_over_because or record.entry.key in stuck:
                continue
            try:
                rows = list(live.view.rows(decode_record(record.value, record.entry.topic)))
            except Exception:  # noqa: BLE001 - whatever it is, it waits on
                if record.entry.key:
                    stuck.add(record.entry.key)
                continue
            operations += rows
            done.append(record.entry)
        store.write(collapse_operations(operations), generation=live.generation)
        parked_records.unpark(done)
        yield len(done)
    view_position.waiting = stuck
