"""How large a category tree may become, and what one more category costs."""

from collections.abc import Iterator
from functools import reduce

import pytest

from domain import category as catalogues
from domain.category import EMPTY_CATALOGUE, Catalogue, decider
from domain.category.commands import CreateCategory, MoveCategory, ReviseCategory
from domain.category.events import CategoryCreated, CategoryMoved
from domain.category.persistent_map import PersistentMap
from domain.errors import CategoryCycle, CategoryHasChildren, CategoryTooDeep, TooManyCategories
from domain.events import EventMetadata
from domain.values import (
    Actor,
    CategoryId,
    CategoryRef,
    CategorySlug,
    CommandId,
    CorrelationId,
    EventId,
)
from tests.support.samples import ACME, NOON, archive_category, create_category, metadata
from tests.support.spec import given

MANY = 20_000
MOST_COPIED = 2_000  # of 20,000 categories; it was each of them, thrice


def created(number: int, parent: int | None = None) -> CategoryCreated:
    return CategoryCreated(
        metadata=EventMetadata(
            event_id=EventId(str(number)),
            tenant_id=ACME,
            entity_id="acme",
            entity_version=number,
            happened_at=NOON,
            command_id=CommandId(str(number)),
            correlation_id=CorrelationId("c"),
            actor=Actor("key:k"),
            fingerprint=None,
        ),
        category_id=CategoryId(f"c{number}"),
        slug=CategorySlug(f"s{number}"),
        name="n",
        parent_id=None if parent is None else CategoryId(f"c{parent}"),
    )


def move(slug: str, under: str | None) -> MoveCategory:
    return MoveCategory(
        metadata=metadata(ACME),
        category=CategoryRef(slug),
        parent=None if under is None else CategoryRef(under),
    )


def chain(length: int) -> list[CreateCategory]:
    """Create categories, each below the one before: n1, n2 and so on."""
    return [
        create_category(f"n{number}", parent=f"n{number - 1}" if number > 1 else None)
        for number in range(1, length + 1)
    ]


def containers(catalogue: Catalogue) -> Iterator[tuple[int, int]]:
    """Name each container that a catalogue is made of, and its size."""
    todo: list[object] = [catalogue.categories, catalogue.id_of_slug, catalogue.child_ids]
    while todo:
        one = todo.pop()
        if isinstance(one, PersistentMap):
            todo.append(one._root)  # noqa: SLF001 - what is shared cannot be seen from outside
        elif isinstance(one, dict | tuple):
            yield id(one), len(one)
            todo.extend(one.values() if isinstance(one, dict) else one)


@pytest.mark.parametrize("parent", [None, 1], ids=["flat", "all below one"])
def test_one_category_more_copies_a_bounded_number_of_entries(parent: int | None) -> None:
    events = [created(1), *(created(number, parent) for number in range(2, MANY + 1))]
    catalogue = reduce(catalogues.evolve, events, EMPTY_CATALOGUE)
    known = dict(containers(catalogue))
    after = catalogues.evolve(catalogue, created(MANY + 1, parent))
    copied = sum(size for one, size in containers(after) if one not in known)
    assert 0 < copied <= MOST_COPIED
    assert len(catalogue.categories) == MANY
    assert len(after.categories) == MANY + 1


def test_a_tenant_has_a_limited_number_of_categories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decider, "MAX_CATEGORIES", 3)
    full = given(*map(create_category, ("a", "b", "c")), archive_category("c"))
    refusal = full.when(create_category("d")).then_refused(TooManyCategories)
    assert refusal.members == {"limit": "3"}


def test_what_happened_before_there_was_a_limit_still_counts() -> None:
    deep = [created(1), *(created(number, number - 1) for number in range(2, 101))]
    catalogue = reduce(catalogues.evolve, deep, EMPTY_CATALOGUE)
    assert len(list(catalogue.above(CategoryId("c100")))) == 100
    (event,) = catalogues.decide(move("s50", None), catalogue, NOON)  # up is always allowed
    assert isinstance(event, CategoryMoved)


def test_a_category_stands_at_most_32_levels_deep() -> None:
    deep = given(*chain(32))
    refusal = deep.when(create_category("n33", parent="n32")).then_refused(CategoryTooDeep)
    assert refusal.members == {"limit": "32"}
    deep.when(create_category("another", parent="n31")).then(CategoryCreated)


def test_nothing_moves_to_where_what_hangs_on_it_would_stand_too_deep() -> None:
    a, b, c = (create_category("a"), create_category("b", parent="a"), create_category("c"))
    history = given(*chain(30), a, b, c)
    history.when(move("a", "n30")).then(CategoryMoved)  # b stands at 32
    history.when(move("a", None)).then(CategoryMoved)
    history.when(move("c", "b")).then(CategoryMoved)
    history.when(move("a", "n30")).then_refused(CategoryTooDeep)
    history.when(move("a", "n29")).then(CategoryMoved)
    revise = ReviseCategory(
        metadata=metadata(ACME),
        category=CategoryRef("n1"),
        name="n",
        slug=None,
        parent=CategoryRef("b"),
    )
    history.when(revise).then_refused(CategoryCycle)


@pytest.mark.parametrize("below", ["n2", "n3", "n9"])
def test_no_category_moves_below_one_that_hangs_on_it_however_deep(below: str) -> None:
    given(*chain(9)).when(move("n1", below)).then_refused(CategoryCycle)


def test_the_child_that_is_named_is_the_same_in_every_process() -> None:
    children = (create_category(slug, parent="top") for slug in ("c", "a", "b", "d"))
    history = given(create_category("top"), *children, archive_category("a"))
    refusal = history.when(archive_category("top")).then_refused(CategoryHasChildren)
    assert refusal.members == {"child": "b"}
    history.when(move("b", None)).then(CategoryMoved)
    refusal = history.when(archive_category("top")).then_refused(CategoryHasChildren)
    assert refusal.members == {"child": "c"}
