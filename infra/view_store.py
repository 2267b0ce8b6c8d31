"""Where views are kept: their rows, and how far each has got in the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import batched
from typing import Protocol, Self

from cassandra.query import BatchStatement, BatchType, BoundStatement

from infra.cql import Cql, Row
from infra.errors import ViewsMissing
from infra.rows import Delete, Operation, Upsert
from infra.settings import CassandraSettings
