"""The tables of the views in memory: filled by the views' own functions, read by their own CQL."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from operator import eq, ge, gt, itemgetter, le, lt
from typing import Any

from avro_schemas.codec import Message
from infra.cassandra.row_operations import RowOperation, Upsert
from infra.cassandra.session import Row
from read_models.keyset import KeyRange, SortOrder, sort_key
from read_models.registry import VIEWS
from read_models.view import View

_MAX_KEY_BYTES = 65_535
_SELECT = re.compile(
    r"SELECT (?P<columns>.+?) FROM (?P<table>[a-z_]+?)(_g\d+)?( WHERE (?P<conditions>.+?))?"
    r"( GROUP BY (?P<group>.+?))?( ORDER BY (?P<order>.+?))?( LIMIT (?P<limit>\?|\d+))?"
    r"( ALLOW FILTERING)?"
)
_CONDITION = re.compile(r"\(?(?P<columns>[a-z0-9_, ]+?)\)? (?P<operator>\S+) \(?\?(, \?)*\)?")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)_g1 \((.+?)\n\)(.*?);", re.DOTALL)
_COLUMN = re.compile(r"^    (\w+) \S+,$", re.MULTILINE)
_ORDER = re.compile(r"(\w+) (ASC|DESC)")
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "IN": lambda found, wanted: found[0] in wanted[0],
}

Order = Sequence[tuple[str, bool]]  # column, and whether it is descending


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    columns: Sequence[str]
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    columns: Sequence[str]
    table: str
    conditions: Sequence[tuple[Sequence[str], Callable[[Any, Any], bool]]]
    group: Sequence[str]
    order: Order
    limit: str | None


class MemoryTables:
    """Runs queries for tests. ``applied`` is how far views have got; ``asked`` is what was asked.

    Every view has been built, and its first generation is the active one.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self.applied: dict[tuple[str, int], int] = {}
        self.asked: list[str] = []
        self._tables: dict[str, dict[tuple[object, ...], dict[str, Any]]] = {}
        self.apply(*messages)

    def apply(self, *messages: Message, views: tuple[View, ...] = VIEWS) -> None:
        """Let the views take notice of what happened."""
        for message in messages:
            for view in views:
                self.write(view.rows(message))

    def write(self, operations: Iterable[RowOperation]) -> None:
        """Change rows of views."""
        for operation in operations:
            table, key = operation.table, operation.key
            rows = self._tables.setdefault(table.name, {})
            if isinstance(operation, Upsert):
                blank = dict.fromkeys(_schemas()[table.name].columns)
                row = rows.setdefault(key, {**blank, **dict(zip(table.key, key, strict=True))})
                row.update(operation.columns)
            else:
                for found in [found for found in rows if found[: len(key)] == key]:
                    del rows[found]

    def keep(self, table: str, **columns: object) -> None:
        """Put a row into a table that is kept beside the views; other columns are null."""
        rows = self._tables.setdefault(table, {})
        rows[(len(rows),)] = defaultdict(lambda: None, columns)

    def times_asked(self, words: str) -> int:
        """Count the queries that contain these words."""
        return sum(words in statement for statement in self.asked)

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Find rows, as Cassandra does."""
        self.asked.append(statement)
        query, values = _parsed(statement), iter(storable(parameters))
        conditions = [
            (columns, compare, tuple(islice(values, len(columns))))
            for columns, compare in query.conditions
        ]
        rows = [
            row
            for row in self._rows(query.table)
            if all(_holds(row, *condition) for condition in conditions)
        ]
        for column, is_descending in reversed(query.order):
            rows.sort(key=itemgetter(column), reverse=is_descending)
        if query.group:
            by_group = {tuple(row[name] for name in query.group): row for row in reversed(rows)}
            rows = list(by_group.values())[::-1]
        limit = next(values) if query.limit == "?" else query.limit or page_size
        assert next(values, None) is None, f"{statement} has fewer parameters"
        return [
            copy(row) if query.columns == ["*"] else _selected(row, query.columns)
            for row in rows[: min(int(str(limit)), page_size)]
        ]

    def _rows(self, table: str) -> Iterable[Row]:
        kept = self._tables.get(table, {}).values()
        if table == "active_generation":
            return chain(kept, ({"view_name": each.name, "generation": 1} for each in VIEWS))
        return chain(kept, self._checkpoints()) if table == "projection_state" else kept

    def _checkpoints(self) -> Iterator[Row]:
        topics = {view.name: view.topic.name for view in VIEWS}
        for (view, partition), applied in self.applied.items():
            yield {
                "view_name": view,
                "generation": 1,
                "topic": topics[view],
                "partition": partition,
                "applied_offset": applied,
                "target": None,
            }


def storable(parameters: Sequence[object]) -> Sequence[object]:
    """Take what Cassandra takes as a key, and refuse what it refuses."""
    size = sum(len(each.encode()) for each in parameters if isinstance(each, str))
    numbers = [each for each in parameters if isinstance(each, int)]
    if size >= _MAX_KEY_BYTES or not all(-(2**63) <= each < 2**63 for each in numbers):
        raise ValueError(f"Key length of {size} is longer than maximum of {_MAX_KEY_BYTES}")
    return parameters


def first(rows: Iterable[Row], span: KeyRange, order: SortOrder, limit: int) -> list[Row]:
    """Give what a bucket has within a span, as the store would."""
    within = [row for row in rows if span.after < sort_key(row) < span.before]
    return sorted(within, key=sort_key, reverse=order == "desc")[:limit]


def _selected(row: Row, columns: Iterable[str]) -> Row:
    """Take these columns; of when they were written nothing is known, so that is 0."""
    return {
        name.rpartition(" AS ")[2]: 0 if name.startswith("writetime(") else row[name]
        for name in columns
    }


def _holds(
    row: Row,
    columns: Sequence[str],
    compare: Callable[[Any, Any], bool],
    wanted: tuple[object, ...],
) -> bool:
    found = tuple(row[name] for name in columns)
    return None not in found and compare(found, wanted)


@cache
def _parsed(statement: str) -> _Query:
    found = _SELECT.fullmatch(statement)
    assert found, statement
    conditions = []
    for text in found["conditions"].split(" AND ") if found["conditions"] else ():
        condition = _CONDITION.fullmatch(text)
        assert condition, text
        conditions.append((condition["columns"].split(", "), _OPERATORS[condition["operator"]]))
    schema = _schemas().get(found["table"], _Schema(columns=(), order=()))
    return _Query(
        columns=found["columns"].split(", "),
        table=found["table"],
        conditions=conditions,
        group=found["group"].split(", ") if found["group"] else (),
        order=_order(found["order"]) if found["order"] else schema.order,
        limit=found["limit"],
    )


@cache
def _schemas() -> Mapping[str, _Schema]:
    """Read the tables of all views from their ``schema.cql``."""
    schemas = {}
    for view in VIEWS:
        clustering = {table.name: table.clustering for table in view.tables}
        for name, body, options in _TABLE.findall(view.cql(1)):
            schemas[name] = _Schema(
                columns=_COLUMN.findall(body),
                order=_order(options) or [(column, False) for column in clustering[name]],
            )
    return schemas


def _order(text: str) -> Order:
    return [(column, way == "DESC") for column, way in _ORDER.findall(text)]
