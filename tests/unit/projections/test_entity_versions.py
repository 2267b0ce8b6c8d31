"""Versions of one entity follow each other, and each counts once."""

import pytest

from projections.entity_versions import EntityVersions
from projections.errors import HistoryHasGap


def test_the_first_one_seen_is_taken_as_it_is() -> None:
    assert EntityVersions().is_new(b"a", 7)


def test_the_next_one_is_new_and_an_earlier_one_is_not() -> None:
    versions = EntityVersions()
    assert [versions.is_new(b"a", n) for n in (3, 4, 4, 3, 1, 5)] == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_hole_is_named() -> None:
    versions = EntityVersions()
    versions.is_new(b"a", 3)
    with pytest.raises(HistoryHasGap, match="a goes from version 3 to 5"):
        versions.is_new(b"a", 5)


def test_entities_do_not_know_each_other() -> None:
    versions = EntityVersions()
    versions.is_new(b"a", 3)
    assert versions.is_new(b"b", 1)


def test_only_the_entities_that_changed_last_are_remembered() -> None:
    versions = EntityVersions(at_most=2)
    for key, version in [(b"a", 1), (b"b", 1), (b"a", 2), (b"c", 1)]:
        versions.is_new(key, version)
    assert not versions.is_new(b"a", 2)
    assert versions.is_new(b"b", 9)


def test_after_one_that_could_not_be_read_any_version_is_taken() -> None:
    versions = EntityVersions()
    versions.is_new(b"a", 3)
    versions.forget(b"a")
    assert versions.is_new(b"a", 5)
