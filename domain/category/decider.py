"""The decider of category catalogues: commands in, events or a refusal out."""

from datetime import datetime
from functools import reduce
from typing import assert_never

from domain.category.commands import (
    ArchiveCategory,
    CatalogueCommand,
    CreateCategory,
    MoveCategory,
    RenameCategory,
    RestoreCategory,
    ReviseCategory,
)
from domain.category.events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from domain.category.limits import MAX_CATEGORIES, MAX_DEPTH
from domain.category.state import Catalogue, Category, evolve
from domain.errors import (
    CategoryAlreadyExists,
    CategoryCycle,
    CategoryHasChildren,
    CategoryIsArchived,
    CategoryNotFound,
    CategoryTooDeep,
    TooManyCategories,
    VersionMismatch,
)
from domain.event_metadata import stamp
from domain.values import CategoryId, CategoryRef, CategorySlug


def decide(command: CatalogueCommand, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    """Say what happens when this command meets this catalogue.

    Raises a Refusal: CategoryNotFound, CategoryAlreadyExists, CategoryCycle, CategoryHasChildren,
    UnknownCategory (a parent), CategoryIsArchived (a parent), VersionMismatch, TooManyCategories,
    CategoryTooDeep.
    """
    match command:
        case CreateCategory():
            return _create(command, catalogue, now)
        case RenameCategory():
            return _rename(command, catalogue, now)
        case MoveCategory():
            return _move(command, catalogue, now)
        case ReviseCategory():
            return _revise(command, catalogue, now)
        case ArchiveCategory():
            return _archive(command, catalogue, now)
        case RestoreCategory():
            return _restore(command, catalogue, now)
        case _:
            assert_never(command)


def _create(command: CreateCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    _refuse_taken(command.slug, catalogue)
    if command.category_id in catalogue.categories:
        raise CategoryAlreadyExists(
            f"category {command.category_id} exists", {"category_id": command.category_id}
        )
    parent_id = _parent_id(command.parent, catalogue)
    if len(catalogue.categories) >= MAX_CATEGORIES:
        raise TooManyCategories(
            f"a tenant may have {MAX_CATEGORIES} categories, archived ones included;"
            " rename one that is not needed any more",
            {"limit": str(MAX_CATEGORIES)},
        )
    if _depth(parent_id, catalogue) >= MAX_DEPTH:
        raise _too_deep()
    return [
        CategoryCreated(
            metadata=stamp(command.metadata, catalogue.version, catalogue.updated_at, now),
            category_id=command.category_id,
            slug=command.slug,
            name=command.name,
            parent_id=parent_id,
        )
    ]


def _rename(command: RenameCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    category = _required(command.category, command.metadata.expected_version, catalogue)
    return _renamed(command, category, catalogue, now)


def _renamed(
    command: RenameCategory | ReviseCategory,
    category: Category,
    catalogue: Catalogue,
    now: datetime,
) -> list[CatalogueEvent]:
    name, slug = command.name or category.name, command.slug or category.slug
    if (name, slug) == (category.name, category.slug):
        return []
    if slug != category.slug:
        _refuse_taken(slug, catalogue)
    return [
        CategoryRenamed(
            metadata=stamp(command.metadata, catalogue.version, catalogue.updated_at, now),
            category_id=category.category_id,
            slug=slug,
            name=name,
            previous_slug=category.slug,
            previous_name=category.name,
        )
    ]


def _move(command: MoveCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    category = _required(command.category, command.metadata.expected_version, catalogue)
    return _moved(command, category, catalogue, now, number=0)


def _moved(
    command: MoveCategory | ReviseCategory,
    category: Category,
    catalogue: Catalogue,
    now: datetime,
    number: int,
) -> list[CatalogueEvent]:
    parent_id = _parent_id(command.parent, catalogue)
    if parent_id == category.parent_id:
        return []
    if category.category_id in catalogue.above(parent_id):
        raise CategoryCycle(f"category {category.slug} stands above {command.parent}")
    depth = _depth(parent_id, catalogue)
    if (  # what is too deep already, for whatever reason, may still move up
        depth > _depth(category.parent_id, catalogue)
        and depth + 1 + catalogue.levels_below(category.category_id) > MAX_DEPTH
    ):
        raise _too_deep()
    return [
        CategoryMoved(
            metadata=stamp(command.metadata, catalogue.version, catalogue.updated_at, now, number),
            category_id=category.category_id,
            parent_id=parent_id,
            previous_parent_id=category.parent_id,
        )
    ]


def _revise(command: ReviseCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    category = _required(command.category, command.metadata.expected_version, catalogue)
    renamed = _renamed(command, category, catalogue, now)
    catalogue = reduce(evolve, renamed, catalogue)
    return renamed + _moved(command, category, catalogue, now, number=len(renamed))


def _archive(command: ArchiveCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    category = _required(command.category, command.metadata.expected_version, catalogue)
    if category.is_archived:
        return []
    below = catalogue.children(category.category_id)
    live = [other.slug for other in below if not other.is_archived]
    if live:
        child = min(live)
        raise CategoryHasChildren(
            f"category {category.slug} has the child {child}; move or archive it first",
            {"child": child},
        )
    metadata = stamp(command.metadata, catalogue.version, catalogue.updated_at, now)
    return [CategoryArchived(metadata=metadata, category_id=category.category_id)]


def _restore(command: RestoreCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    category = _required(command.category, command.metadata.expected_version, catalogue)
    if not category.is_archived:
        return []
    parent = category.parent_id and catalogue.categories[category.parent_id]
    if parent and parent.is_archived:
        raise CategoryIsArchived(
            f"its parent {parent.slug} is archived; restore that first",
            {"categories": parent.slug},
        )
    metadata = stamp(command.metadata, catalogue.version, catalogue.updated_at, now)
    return [CategoryRestored(metadata=metadata, category_id=category.category_id)]


def _required(ref: CategoryRef, expected_version: int | None, catalogue: Catalogue) -> Category:
    category = catalogue.find(ref)
    if category is None:
        raise CategoryNotFound(f"no category {ref}")
    if expected_version not in (None, category.version):
        raise VersionMismatch(
            f"category {category.slug} is at version {category.version}; read it again",
            {"current_version": str(category.version)},
        )
    return category


def _depth(category_id: CategoryId | None, catalogue: Catalogue) -> int:
    """Count the levels from the top of the tree down to a category; 0 for the top itself."""
    return sum(1 for _ in catalogue.above(category_id))


def _too_deep() -> CategoryTooDeep:
    return CategoryTooDeep(
        f"a category may have {MAX_DEPTH - 1} others above it; choose a parent further up",
        {"limit": str(MAX_DEPTH)},
    )


def _refuse_taken(slug: CategorySlug, catalogue: Catalogue) -> None:
    taken = catalogue.id_of_slug.get(slug)
    if taken is not None:
        raise CategoryAlreadyExists(
            f"a category with slug {slug} exists; choose another slug", {"category_id": taken}
        )


def _parent_id(ref: CategoryRef | None, catalogue: Catalogue) -> CategoryId | None:
    return None if ref is None else catalogue.resolve([ref])[0]
