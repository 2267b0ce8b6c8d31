"""Circuit breakers: an origin that cannot be reached is left alone for a while."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from domain.failures import FailureCode
from streams.outbound_http.fetch_failures import FetchFailed

_UNREACHABLE: frozenset[FailureCode] = frozenset({"connect_failure", "dns_failure", "timeout"})
_MOST_HOSTS = 10_000


@dataclass(slots=True)
class _Circuit:
    """Failures of one host in a row, and until when it is left alone."""

    failures: int = 0
    open_until: float = 0.0


class CircuitBreakers:
    """Counts failures to reach a host; after a few in a row nobody tries for some seconds.

    Then one visitor at a time tries: the first that reaches the host lets everybody in again, one
    that does not keeps it closed for as long again. Any answer counts as reached, a bad one too. A
    process remembers the hosts in trouble only, and the latest ten thousand of those.
    """

    def __init__(
        self,
        failures: int,
        open_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    @property
    def open_count(self) -> int:
        """Count the hosts that are left alone now."""
        now = self._clock()
        return sum(circuit.open_until > now for circuit in list(self._circuits.values()))

    @contextmanager
    def visit(self, host: str) -> Iterator[None]:
        """Go to a host, and learn from what comes of it.

        Raises FetchFailed ``connect_failure`` at once, with the time to wait, while it is left
        alone. Being cancelled teaches nothing, unless the time was up.
        """
        self._enter(host)
        try:
            yield
        except FetchFailed as error:
            self._learn(host, is_reached=error.code not in _UNREACHABLE)
            raise
        else:
            self._learn(host, is_reached=True)

    def record_timeout(self, host: str) -> None:
        """Note that a visit to a host did not end in time."""
        self._learn(host, is_reached=False)

    def _enter(self, host: str) -> None:
        circuit = self._circuits.get(host)
        if circuit is None or circuit.failures < self._failures:
            return
        now = self._clock()
        if circuit.open_until > now:
            raise FetchFailed(
                "connect_failure",
                "the source's host could not be reached lately",
                retry_after_seconds=circuit.open_until - now,
            )
        circuit.open_until = now + self._open_seconds  # this visitor tries; the others wait

    def _learn(self, host: str, *, is_reached: bool) -> None:
        if is_reached:
            self._circuits.pop(host, None)
            return
        circuit = self._circuits.pop(host, _Circuit())
        circuit.failures += 1
        if circuit.failures >= self._failures:
            circuit.open_until = self._clock() + self._open_seconds
        self._circuits[host] = circuit
        if len(self._circuits) > _MOST_HOSTS:
            del self._circuits[next(iter(self._circuits))]
