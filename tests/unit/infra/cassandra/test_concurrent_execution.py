"""Statements side by side, against a session that answers when it is told to."""

from collections.abc import Callable, Iterable, Iterator
from threading import Thread

import pytest
from cassandra import OperationTimedOut
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.query import BatchStatement, SimpleStatement

from infra.cassandra import concurrent_execution
from infra.cassandra.concurrent_execution import ConcurrentExecution
from tests.support.eventually import eventually

BUSY = NoHostAvailable("", {"127.0.0.1": ConnectionBusy("overloaded")})


class HeldAnswer:
    """The answer to one statement, given by ``succeed`` or ``fail``."""

    def __init__(self, query: object, refusal: Exception | None) -> None:
        self.query = query
        self._refusal = refusal
        self.succeed: Callable[[], None]
        self.fail: Callable[[Exception], None]

    def add_callbacks(
        self,
        callback: Callable[..., None],
        errback: Callable[..., None],
        *,
        callback_args: tuple[object, ...],
        errback_args: tuple[object, ...],
    ) -> None:
        self.succeed = lambda: callback(None, *callback_args)
        self.fail = lambda error: errback(error, *errback_args)
        if self._refusal:
            self.fail(self._refusal)


class HeldSession:
    """Notes what is sent; refuses the first ``refusals`` statements on the spot."""

    def __init__(self, refusals: int = 0) -> None:
        self.sent: list[HeldAnswer] = []
        self._refusals = refusals

    def execute_async(self, query: object) -> HeldAnswer:
        self._refusals -= 1
        answer = HeldAnswer(query, BUSY if self._refusals >= 0 else None)
        self.sent.append(answer)
        return answer


@pytest.fixture
def session() -> HeldSession:
    return HeldSession()


def batch(rows: int) -> BatchStatement:
    made = BatchStatement()
    for _ in range(rows):
        made.add(SimpleStatement("INSERT"))
    return made


class Running:
    """A run in a thread of its own; ``end`` gives what it raised."""

    def __init__(self, session: HeldSession, statements: Iterable[object], at_once: int) -> None:
        self.error: Exception | None = None
        self._thread = Thread(target=self._run, args=(session, statements, at_once), daemon=True)
        self._thread.start()

    def _run(self, session: HeldSession, statements: Iterable[object], at_once: int) -> None:
        try:
            ConcurrentExecution(session, rows_at_once=at_once).run(statements)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> Exception | None:
        eventually(self.has_ended, within_seconds=10)
        return self.error


def test_ends_when_all_took_effect(session: HeldSession) -> None:
    running = Running(session, ["one", "two"], at_once=2)
    eventually(lambda: len(session.sent) == 2)
    session.sent[0].succeed()
    assert not running.has_ended()
    session.sent[1].succeed()
    assert running.end() is None


def test_a_batch_weighs_as_much_as_its_rows(session: HeldSession) -> None:
    first, second, third = batch(60), batch(60), batch(60)
    running = Running(session, [first, second, third], at_once=100)
    eventually(lambda: [each.query for each in session.sent] == [first, second])
    session.sent[0].succeed()
    eventually(lambda: session.sent[-1].query is third)
    session.sent[1].succeed()
    session.sent[2].succeed()
    assert running.end() is None


def test_what_a_full_socket_refused_is_sent_again() -> None:
    session = HeldSession(refusals=2)
    running = Running(session, ["one", "two"], at_once=10)
    eventually(lambda: [each.query for each in session.sent] == ["one", "one", "one", "two"])
    for answer in session.sent[-2:]:
        answer.succeed()
    assert running.end() is None


def test_a_connection_that_takes_nothing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent_execution, "_PATIENCE_SECONDS", 0)
    assert Running(HeldSession(refusals=1), ["one"], at_once=10).end() is BUSY


def test_the_first_failure_ends_it(session: HeldSession) -> None:
    running = Running(session, ["one", "two", "three"], at_once=2)
    eventually(lambda: len(session.sent) >= 2)
    error = OperationTimedOut()
    session.sent[0].fail(error)
    assert running.end() is error


@pytest.mark.parametrize(
    "errors", [{}, {"127.0.0.1": ConnectionBusy("overloaded"), "::1": ConnectionException("gone")}]
)
def test_hosts_that_are_gone_are_a_failure_at_once(
    session: HeldSession, errors: dict[str, Exception]
) -> None:
    running = Running(session, ["one"], at_once=10)
    eventually(lambda: len(session.sent) == 1)
    error = NoHostAvailable("", errors)
    session.sent[0].fail(error)
    assert running.end() is error
    assert len(session.sent) == 1


def test_statements_are_made_on_the_way(session: HeldSession) -> None:
    """So that Cassandra works on the first while we still write the last."""
    made: list[str] = []

    def statements() -> Iterator[object]:
        for name in ("one", "two", "three"):
            made.append(name)
            yield name

    running = Running(session, statements(), at_once=1)
    eventually(lambda: len(session.sent) == 2)
    assert made == ["one", "two"]
    session.sent[0].succeed()
    session.sent[1].succeed()
    eventually(lambda: len(session.sent) == 3)
    session.sent[2].succeed()
    assert running.end() is None
