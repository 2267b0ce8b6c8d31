"""A Cassandra session: statements prepared once, failures as errors of our own."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from cassandra import (
    ConsistencyLevel,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
    UnresolvableContactPoints,
    protocol,
)
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    TokenAwarePolicy,
)
from cassandra.query import BoundStatement, PreparedStatement, SimpleStatement, dict_factory

from infra.cassandra.concurrent_execution import ConcurrentExecution
from infra.errors import StoreUnavailable, ViewsMissing
from infra.settings import CassandraSettings

Row = Mapping[str, Any]
Serialize = Callable[[object, int], bytes]

_PROTOCOL_VERSION = 5
_ROWS_AT_ONCE = 1_000
_TIMEOUT_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_OUTAGES = (
    NoHostAvailable,
    ConnectionException,
    UnresolvableContactPoints,
    OperationTimedOut,
    RequestExecutionException,  # the nodes' own time-outs, too few replicas
    protocol.RequestExecutionException,  # overload, a node that is starting
    protocol.ServerError,
)


class CassandraSession:
    """Speaks to one keyspace at LOCAL_QUORUM; safe to use from several threads.

    Every method raises StoreUnavailable when Cassandra does not answer within 10 s, too few
    replicas do, or no connection stands; whether a write took effect is then unknown. Raises
    ViewsMissing when the keyspace or a table is not there.
    """

    def __init__(self, settings: CassandraSettings, *, keyspace: str | None) -> None:
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            row_factory=dict_factory,
            request_timeout=_TIMEOUT_SECONDS,
        )
        self._cluster = Cluster(
            [settings.host],
            port=settings.port,
            protocol_version=_PROTOCOL_VERSION,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            reconnection_policy=ExponentialReconnectionPolicy(0.2, 2.0, max_attempts=None),
            connect_timeout=_CONNECT_SECONDS,
            control_connection_timeout=_CONNECT_SECONDS,
            idle_heartbeat_interval=5,
            idle_heartbeat_timeout=5,
        )
        self.keyspace = keyspace
        self._prepared: dict[str, PreparedStatement] = {}
        self._serializers: dict[str, tuple[Serialize, ...]] = {}
        try:
            with _our_failures():
                self._session = self._cluster.connect()
            self.execute("SELECT release_version FROM system.local")  # is the keyspace there?
        except BaseException:
            self._cluster.shutdown()
            raise

    def close(self) -> None:
        """Let go of the connections."""
        self._cluster.shutdown()

    def prepared(self, statement: str) -> PreparedStatement:
        """Prepare a statement, once."""
        found = self._prepared.get(statement)
        if found is None:
            with _our_failures():
                found = self._prepared[statement] = self._session.prepare(
                    statement, keyspace=self.keyspace
                )
        return found

    def bound(self, statement: str, values: Sequence[object]) -> BoundStatement:
        """Bind a value, never None, to every mark of a statement, in a third of bind's time.

        A value of another type than its column's raises what its serializer raises.
        """
        prepared = self.prepared(statement)
        serializers = self._serializers.get(statement)
        if serializers is None:
            serializers = self._serializers[statement] = tuple(
                column.type.serialize for column in prepared.column_metadata
            )
        bound = BoundStatement(prepared)
        bound.values = [
            serialize(value, _PROTOCOL_VERSION)
            for serialize, value in zip(serializers, values, strict=True)
        ]
        return bound

    def execute(
        self,
        statement: str,
        parameters: Sequence[object] = (),
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> list[Row]:
        """Run one statement and give all its rows."""
        if parameters:
            runnable = self.prepared(statement).bind(parameters)
        else:
            runnable = SimpleStatement(statement, keyspace=self.keyspace)
        with _our_failures():
            return list(self._session.execute(runnable, timeout=timeout_seconds))

    def execute_all(self, statements: Iterable[object]) -> None:
        """Run bound statements or batches side by side; all took effect when it returns."""
        with _our_failures():
            ConcurrentExecution(self._session, rows_at_once=_ROWS_AT_ONCE).run(statements)

    async def select(
        self, statement: str, parameters: Sequence[object] = (), *, page_size: int = 1_000
    ) -> list[Row]:
        """Run a query without holding up the loop; give its first ``page_size`` rows, no more."""
        known = self._prepared.get(statement)
        prepared = await asyncio.to_thread(self.prepared, statement) if known is None else known
        bound = prepared.bind(parameters)
        bound.fetch_size = page_size
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Row]] = loop.create_future()

        def on_rows(rows: Iterable[Row] | None) -> None:
            loop.call_soon_threadsafe(_resolve, answer, rows)

        def on_error(error: Exception) -> None:
            loop.call_soon_threadsafe(_fail, answer, error)

        with _our_failures():
            self._session.execute_async(bound).add_callbacks(on_rows, on_error)
            return await answer


def _resolve(answer: asyncio.Future[list[Row]], rows: Iterable[Row] | None) -> None:
    if not answer.done():  # the caller may have stopped waiting
        answer.set_result(list(rows or ()))


def _fail(answer: asyncio.Future[list[Row]], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


@contextmanager
def _our_failures() -> Iterator[None]:
    try:
        yield
    except InvalidRequest as error:
        if "does not exist" in str(error) or "unconfigured table" in str(error):
            raise ViewsMissing(f"{_sentence(error)}; run 'scalehoster up'") from error
        raise
    except _OUTAGES as error:
        raise StoreUnavailable(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    causes = getattr(error, "errors", None)
    inner = next(iter(causes.values()), error) if isinstance(causes, dict) else error
    return f"Cassandra: {cast('object', inner)}"
