"""View: some tables, and a pure function from what happened to the rows it changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from avro_schemas.codec import Message
from infra.cassandra.row_operations import RowOperation, Table
from infra.kafka.topics import Topic

RowFunction = Callable[[Message], Iterator[RowOperation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one topic tells, arranged for one kind of question.

    ``rows`` yields the operations that one message causes, each stamped with the moment it
    happened; it reads nothing, so that applying a message twice, or after a later one of another
    entity, ends in the same rows. Messages that mean nothing to the view yield nothing.

    A definition that makes other rows than the one before has the next ``revision``; ``reshaped``
    names the columns in which its rows differ from those of any other revision on purpose.
    ``schema`` names the folder of ``schema.cql``, if that is not the view's own name. The query API
    answers from every view that ``is_queried``, and is not ready before all of them are built.
    """

    name: str
    topic: Topic
    tables: tuple[Table, ...]
    rows: RowFunction
    revision: int = 1
    reshaped: frozenset[str] = frozenset()
    schema: str = ""
    is_queried: bool = True

    def cql(self, generation: int) -> str:
        """Give the statements that make the tables of a generation, from ``schema.cql``."""
        text = (
            files("read_models").joinpath(self.schema or self.name, "schema.cql").read_text("utf-8")
        )
        return Template(text).substitute(suffix=f"_g{generation}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewGeneration:
    """A generation of a view that follows the log."""

    view: View
    generation: int
