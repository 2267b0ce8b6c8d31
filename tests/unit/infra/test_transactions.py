from threading import Event

import pytest

from infra.transactions import within


def test_a_call_that_never_returns_is_left_behind() -> None:
    never = Event()

    def hang() -> None:
        never.wait()

    with pytest.raises(TimeoutError):
        within(0.01, hang)
    never.set()


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise OSError("no broker")

    with pytest.raises(OSError, match="no broker"):
        within(5, fails)


def test_a_call_that_returns_is_waited_for() -> None:
    done: list[int] = []
    within(5, lambda: done.append(1))
    assert done == [1]
