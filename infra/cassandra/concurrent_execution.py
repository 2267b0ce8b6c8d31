"""Concurrent execution of statements: as many in flight as Cassandra and the connection take."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition
from typing import Protocol

from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy
from cassandra.query import BatchStatement

_PAUSE_SECONDS = 0.005
_PATIENCE_SECONDS = 10.0


class StatementFuture(Protocol):
    """What the driver gives for a statement under way: cassandra.cluster.ResponseFuture."""

    def add_callbacks(
        self,
        callback: Callable[..., None],
        errback: Callable[..., None],
        *,
        callback_args: tuple[object, ...],
        errback_args: tuple[object, ...],
    ) -> None:
        """Call one of them when the answer is there: in another thread, or at once in this one."""


class StatementSession(Protocol):
    """Takes statements: cassandra.cluster.Session."""

    def execute_async(self, query: object) -> StatementFuture:
        """Send one."""


class ConcurrentExecution:
    """Runs statements with about ``rows_at_once`` rows under way; one run each.

    The driver fails a request, calling the connection overloaded, when its socket happens to be
    full at that moment, which a few large batches bring about. Such a request is made again once
    others were answered. (The driver's execute_concurrent gives up instead, and weighs a batch of
    a hundred rows like one row.)
    """

    def __init__(self, session: StatementSession, *, rows_at_once: int) -> None:
        self._session = session
        self._rows_at_once = rows_at_once
        self._changed = Condition()
        self._under_way = 0
        self._refused: deque[object] = deque()
        self._accepted_at = time.monotonic()
        self._failure: Exception | None = None

    def run(self, statements: Iterable[object]) -> None:
        """Return when all took effect; raises the first failure, when others may be under way.

        A connection that takes nothing for 10 s is one.
        """
        for statement in statements:
            self._send(statement)
            self._send_again(down_to=self._rows_at_once)
        self._send_again(down_to=0)

    def _send(self, statement: object) -> None:
        rows = _rows(statement)
        with self._changed:
            self._under_way += rows
        self._session.execute_async(statement).add_callbacks(
            self._took_effect,
            self._failed,
            callback_args=(rows,),
            errback_args=(statement, rows),
        )

    def _send_again(self, *, down_to: int) -> None:
        """Wait until no more rows are under way, sending again what was not taken."""
        while True:
            with self._changed:
                while not self._failure and not self._refused and self._under_way > down_to:
                    self._changed.wait()
                if self._failure:
                    raise self._failure
                if not self._refused:
                    return
                self._changed.wait(_PAUSE_SECONDS)
                statement = self._refused.popleft()
            self._send(statement)

    def _took_effect(self, _: object, rows: int) -> None:
        with self._changed:
            self._under_way -= rows
            self._accepted_at = time.monotonic()
            self._changed.notify()

    def _failed(self, error: Exception, statement: object, rows: int) -> None:
        with self._changed:
            self._under_way -= rows
            if _is_busy(error) and time.monotonic() - self._accepted_at < _PATIENCE_SECONDS:
                self._refused.append(statement)
            else:
                self._failure = self._failure or error
            self._changed.notify()


def _is_busy(error: Exception) -> bool:
    """Tell a full socket from an outage, in which there may be no host to be tried at all."""
    if not isinstance(error, NoHostAvailable) or not isinstance(error.errors, dict):
        return False
    tried = list(error.errors.values())
    return bool(tried) and all(isinstance(each, ConnectionBusy) for each in tried)


def _rows(statement: object) -> int:
    return len(statement) if isinstance(statement, BatchStatement) else 1
