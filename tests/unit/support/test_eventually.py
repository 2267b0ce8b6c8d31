"""Waiting by looking."""

import pytest

from tests.support.eventually import eventually


def test_the_first_true_answer_is_returned() -> None:
    answers = iter([0, 0, 7, 8])
    assert eventually(lambda: next(answers), every_seconds=0) == 7


def test_a_probe_that_raises_has_not_answered_yet() -> None:
    answers = iter([0, 1])
    assert eventually(lambda: 1 / next(answers), every_seconds=0) == 1


def test_the_failure_names_the_probe_and_what_it_said_last() -> None:
    def rows_in_the_view() -> list[str]:
        return []

    with pytest.raises(AssertionError, match=r"rows_in_the_view last answered \[\]"):
        eventually(rows_in_the_view, within_seconds=0)
