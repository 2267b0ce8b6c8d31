from domain.category.commands import MoveCategory, RenameCategory, RestoreCategory, ReviseCategory
from domain.category.events import (
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from domain.errors import (
    CategoryAlreadyExists,
    CategoryCycle,
    CategoryHasChildren,
    CategoryIsArchived,
    CategoryNotFound,
    UnknownCategory,
    VersionMismatch,
)
from domain.values import CategoryRef, CategorySlug
from tests.support.samples import ACME, archive_category, category_id, create_category, metadata
from tests.support.spec import given

ANIMALS = create_category("animals")
CATS = create_category("cats", parent="animals")


def rename(slug: str, *, to: str | None = None, name: str | None = None) -> RenameCategory:
    return RenameCategory(
        metadata=metadata(ACME),
        category=CategoryRef(slug),
        name=name,
        slug=None if to is None else CategorySlug(to),
    )


def move(slug: str, *, under: str | None) -> MoveCategory:
    return MoveCategory(
        metadata=metadata(ACME),
        category=CategoryRef(slug),
        parent=None if under is None else CategoryRef(under),
    )


def restore(slug: str) -> RestoreCategory:
    return RestoreCategory(metadata=metadata(ACME), category=CategoryRef(slug))


def test_a_category_hangs_under_its_parent() -> None:
    (event,) = given(ANIMALS).when(CATS).then(CategoryCreated)
    assert isinstance(event, CategoryCreated)
    assert event.parent_id == category_id("animals")


def test_a_slug_is_used_once() -> None:
    refusal = given(ANIMALS).when(create_category("animals")).then_refused(CategoryAlreadyExists)
    assert refusal.members == {"category_id": category_id("animals")}


def test_an_archived_category_keeps_its_slug() -> None:
    history = given(ANIMALS, archive_category("animals"))
    history.when(create_category("animals")).then_refused(CategoryAlreadyExists)


def test_a_parent_must_be_there() -> None:
    given().when(CATS).then_refused(UnknownCategory)


def test_a_renamed_category_frees_its_slug() -> None:
    history = given(ANIMALS)
    (event,) = history.when(rename("animals", to="beasts")).then(CategoryRenamed)
    assert isinstance(event, CategoryRenamed)
    assert (event.previous_slug, event.slug) == ("animals", "beasts")
    assert history.catalogue.find(CategoryRef("animals")) is None
    assert history.catalogue.find(CategoryRef("beasts")) is not None


def test_renaming_to_the_same_changes_nothing() -> None:
    given(ANIMALS).when(rename("animals", to="animals", name="Animals")).then()


def test_a_taken_slug_is_refused() -> None:
    given(ANIMALS, create_category("pets")).when(rename("pets", to="animals")).then_refused(
        CategoryAlreadyExists
    )


def test_a_category_moves_to_the_top() -> None:
    (event,) = given(ANIMALS, CATS).when(move("cats", under=None)).then(CategoryMoved)
    assert isinstance(event, CategoryMoved)
    assert event.previous_parent_id == category_id("animals")


def test_a_category_never_stands_below_itself() -> None:
    given(ANIMALS, CATS).when(move("animals", under="cats")).then_refused(CategoryCycle)
    given(ANIMALS, CATS).when(move("animals", under="animals")).then_refused(CategoryCycle)


def test_a_revision_happens_whole_or_not_at_all() -> None:
    wish = ReviseCategory(
        metadata=metadata(ACME),
        category=CategoryRef("cats"),
        name="Felines",
        slug=None,
        parent=None,
    )
    events = given(ANIMALS, CATS).when(wish).then(CategoryRenamed, CategoryMoved)
    assert [event.metadata.entity_version for event in events] == [3, 4]
    assert len({event.metadata.event_id for event in events}) == 2
    below_itself = ReviseCategory(
        metadata=metadata(ACME),
        category=CategoryRef("animals"),
        name="Beasts",
        slug=None,
        parent=CategoryRef("cats"),
    )
    given(ANIMALS, CATS).when(below_itself).then_refused(CategoryCycle)


def test_a_category_with_children_stays() -> None:
    given(ANIMALS, CATS).when(archive_category("animals")).then_refused(CategoryHasChildren)


def test_an_archived_category_comes_back() -> None:
    history = given(ANIMALS)
    history.when(archive_category("animals")).then(CategoryArchived)
    history.when(archive_category("animals")).then()
    history.when(restore("animals")).then(CategoryRestored)
    history.when(restore("animals")).then()


def test_no_category_comes_back_below_an_archived_one() -> None:
    history = given(ANIMALS, CATS, archive_category("cats"), archive_category("animals"))
    history.when(restore("cats")).then_refused(CategoryIsArchived)


def test_what_is_not_there_cannot_be_changed() -> None:
    for wish in (rename("x"), move("x", under=None), archive_category("x"), restore("x")):
        given(ANIMALS).when(wish).then_refused(CategoryNotFound)


def test_a_stale_version_of_a_category_is_refused() -> None:
    history = given(ANIMALS, create_category("pets"))
    history.when(rename("animals", to="beasts")).with_expected_version(1).then(CategoryRenamed)
    refusal = (
        history.when(rename("beasts", to="birds"))
        .with_expected_version(1)
        .then_refused(VersionMismatch)
    )
    assert refusal.members == {"current_version": "3"}
