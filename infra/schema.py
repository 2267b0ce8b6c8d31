"""Making keyspace and tables: one admin step, never done by a service."""

from collections.abc import Callable, Mapping
from importlib.resources import files

from infra.cql import Cql
from infra.settings import CassandraSettings

FIRST_GENERATION = 1


def apply_tables(settings: CassandraSettings, views: Mapping[str, Callable[[int], str]]) -> None:
    """Make the keyspace and the tables of these views wherever they are missing.

    ``views`` gives for the name of each view the CREATE TABLE IF NOT EXISTS statements of a
    generation; the active one is made, which is the first where none was made before. What exists
    is left as it is. Raises StoreUnavailable.
    """
    admin = Cql(settings, keyspace=None)
    try:
        admin.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {settings.keyspace} WITH replication ="
            " {'class': 'NetworkTopologyStrategy',"
            f" 'replication_factor': {settings.replication_factor}}}"
        )
    finally:
        admin.close()
    cql = Cql(settings, keyspace=settings.keyspace)
    try:
        _run(cql, files("infra").joinpath("view_store.cql").read_text("utf-8"))
        for view, tables in views.items():
            cql.execute(  # as of long ago, so that it loses to any generation chosen since
                "INSERT INTO active_generation (view_name, generation) VALUES (?, ?)"
                " USING TIMESTAMP 1",
                [view, FIRST_GENERATION],
            )
            (active,) = cql.execute(
                "SELECT generation FROM active_generation WHERE view_name = ?", [view]
            )
            _run(cql, tables(active["generation"]))
    finally:
        cql.close()


def _run(cql: Cql, text: str) -> None:
    """Carry out the statements of a ``.cql`` file; its comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for statement in code.split(";"):
        if statement.strip():
            cql.execute(statement)
