from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.ack_window import AckWindow


def test_what_is_finished_first_waits_for_what_came_first() -> None:
    window: AckWindow[str] = AckWindow()
    slow, quick = window.enter("slow"), window.enter("quick")

    assert window.finish(quick) == []
    assert window.finish(slow) == ["slow", "quick"]


def test_only_the_finished_head_leaves() -> None:
    window: AckWindow[str] = AckWindow()
    first, _, third = (window.enter(each) for each in ("first", "second", "third"))

    window.finish(third)

    assert window.finish(first) == ["first"]
    assert len(window) == 2


def test_nothing_leaves_a_cleared_window() -> None:
    window: AckWindow[str] = AckWindow()
    place = window.enter("taken away")

    window.clear()

    assert window.finish(place) == []


def test_a_late_finish_from_before_the_clearing_moves_nothing_that_came_after() -> None:
    window: AckWindow[str] = AckWindow()
    before = window.enter("before")
    window.clear()
    window.enter("after")

    assert window.finish(before) == []
    assert len(window) == 1


@given(st.permutations(range(12)))
def test_any_order_of_finishing_acknowledges_all_in_order(order: list[int]) -> None:
    window: AckWindow[int] = AckWindow()
    places = [window.enter(number) for number in range(12)]
    acknowledged: list[int] = []

    finished = set()
    for number in order:
        finished.add(number)
        acknowledged += window.finish(places[number])
        assert set(acknowledged) <= finished

    assert acknowledged == list(range(12))
