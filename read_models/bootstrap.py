"""Begin the views that no generation is read of: at the first start, and after all was lost."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from infra.cassandra.generations import FIRST_GENERATION, CassandraGenerations, Generation
from infra.kafka.topics import Topic
from read_models.view import View

LogEnds = Callable[[Topic], Mapping[int, int]]


def bootstrap_views(
    views: Iterable[View], generations: CassandraGenerations, tables: set[str], ends: LogEnds
) -> list[View]:
    """Have a known generation read of each view; give the views that had none.

    Where none is read, it is the newest that follows the log as far as is known, else the newest
    that has its tables, else the first. Readers are told that it is not there before it has what
    the log has now. Whoever else begins the same view at the same moment does the same. Raises
    StoreUnavailable, BrokerUnavailable; then it can be repeated.
    """
    known, actives = generations.all(), generations.actives()
    there = {(each.view, each.number) for each in known}
    begun = [
        view
        for view in views
        if view.name not in actives or (view.name, actives[view.name].number) not in there
    ]
    for view in begun:
        is_read = view.name in actives
        number = actives[view.name].number if is_read else _generation_number(view, known, tables)
        generations.add(
            Generation(
                view=view.name,
                number=number,
                revision=view.revision,
                state="following",
                started_at=datetime.now(UTC),
            )
        )
        if is_read:
            continue
        if view.topic.is_kept_forever:  # what a topic has forgotten nobody waits for
            targets = {at: end for at, end in ends(view.topic).items() if end}
            generations.set_targets(view.name, number, view.topic.name, targets)
        generations.begin(view.name, number)  # last, for readers look here first
    return begun


def _generation_number(view: View, known: Iterable[Generation], tables: set[str]) -> int:
    following = {
        each.number for each in known if (each.view, each.state) == (view.name, "following")
    }
    pattern = re.compile(rf"{view.tables[0].name}_g(\d+)")
    made = {
        int(found[1])
        for name in tables
        if (found := pattern.fullmatch(name))
        and tables.issuperset(table.at(int(found[1])) for table in view.tables)
    }
    return max(following or made or {FIRST_GENERATION})
