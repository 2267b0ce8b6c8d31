"""Creation and removal of tables: steps of an operator, never of a service."""

from collections.abc import Iterable
from pathlib import Path

from infra.cassandra.session import CassandraSession
from infra.settings import CassandraSettings

_STATE_TABLES = Path(__file__).with_name("view_store.cql")
_PATIENCE_SECONDS = 120.0  # each change of the schema is written through to the disk


def apply_keyspace(settings: CassandraSettings) -> None:
    """Make the keyspace, and the tables of checkpoints and generations, if they are missing.

    What exists is left as it is. Raises StoreUnavailable.
    """
    admin = CassandraSession(settings, keyspace=None)
    try:
        admin.execute(
            f"CREATE KEYSPACE IF NOT EXISTS {settings.keyspace} WITH replication ="
            " {'class': 'NetworkTopologyStrategy',"
            f" 'replication_factor': {settings.replication_factor}}}",
            timeout_seconds=_PATIENCE_SECONDS,
        )
    finally:
        admin.close()
    cql = CassandraSession(settings, keyspace=settings.keyspace)
    try:
        make_tables(cql, _STATE_TABLES.read_text("utf-8"))
    finally:
        cql.close()


def make_tables(cql: CassandraSession, text: str) -> None:
    """Carry out the statements of a ``.cql`` file; its comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    for statement in code.split(";"):
        if statement.strip():
            cql.execute(statement, timeout_seconds=_PATIENCE_SECONDS)


def drop_tables(cql: CassandraSession, names: Iterable[str]) -> None:
    """Remove tables with all that is in them; one that is gone already does not matter."""
    for name in names:
        cql.execute(f"DROP TABLE IF EXISTS {name}", timeout_seconds=_PATIENCE_SECONDS)
