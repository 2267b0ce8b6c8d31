"""All categories of one tenant: unique slugs, no cycles, no orphans."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import assert_never

from domain.commands import (
    ArchiveCategory,
    CatalogueCommand,
    CreateCategory,
    MoveCategory,
    RenameCategory,
    RestoreCategory,
    ReviseCategory,
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
from domain.events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from domain.outcomes import CategorySnapshot
from domain.recording import stamp
from domain.values import CategoryId, CategoryRef, CategorySlug


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category; ``version`` is the catalogue's when it last changed."""

    category_id: CategoryId
    slug: CategorySlug
    name: str
    parent_id: CategoryId | None
    is_archived: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The category tree of one tenant."""

    version: int = 0
    updated_at: datetime | None = None
    categories: Mapping[CategoryId, Category] = field(default_factory=lambda: MappingProxyType({}))
    id_of_slug: Mapping[CategorySlug, CategoryId] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def find(self, ref: CategoryRef) -> Category | None:
        """Look a category up by slug or id; archived ones are found too."""
        by_slug = self.id_of_slug.get(CategorySlug(ref))
        return self.categories.get(by_slug or CategoryId(ref))

    def resolve(self, refs: Iterable[CategoryRef]) -> tuple[CategoryId, ...]:
        """Name live categories by id, sorted, each once.

        Raises UnknownCategory naming every one that is missing, CategoryIsArchived for the first
        archived one.
        """
        found = {ref: self.find(ref) for ref in refs}
        missing = [ref for ref, category in found.items() if category is None]
        if missing:
            raise UnknownCategory(
                f"no category {', '.join(missing)}; create it first, or send"
                ' "create_missing_categories": true',
                {"categories": ",".join(missing)},
            )
        for ref, category in found.items():
            if category and category.is_archived:
                raise CategoryIsArchived(
                    f"category {ref} is archived; restore it or choose another",
                    {"categories": ref},
                )
        return tuple(sorted({category.category_id for category in found.values() if category}))


EMPTY = Catalogue()


def decide(command: CatalogueCommand, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    """Say what happens when this command meets this catalogue.

    Raises a Refusal: CategoryNotFound, CategoryAlreadyExists, CategoryCycle, CategoryHasChildren,
    UnknownCategory (a parent), CategoryIsArchived (a parent), VersionMismatch.
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


def evolve(catalogue: Catalogue, event: CatalogueEvent) -> Catalogue:
    """Fold one event into the catalogue; never refuses, the event already happened."""
    version = event.metadata.entity_version
    known = catalogue.categories.get(event.category_id)
    match event:
        case CategoryCreated():
            changed: Category | None = Category(
                category_id=event.category_id,
                slug=event.slug,
                name=event.name,
                parent_id=event.parent_id,
                is_archived=False,
                version=version,
            )
        case CategoryRenamed():
            changed = known and replace(known, slug=event.slug, name=event.name, version=version)
        case CategoryMoved():
            changed = known and replace(known, parent_id=event.parent_id, version=version)
        case CategoryArchived():
            changed = known and replace(known, is_archived=True, version=version)
        case CategoryRestored():
            changed = known and replace(known, is_archived=False, version=version)
        case _:
            assert_never(event)
    categories, id_of_slug = dict(catalogue.categories), dict(catalogue.id_of_slug)
    if known:
        id_of_slug.pop(known.slug, None)
    if changed:
        categories[changed.category_id] = changed
        id_of_slug[changed.slug] = changed.category_id
    return Catalogue(
        version=version,
        updated_at=event.metadata.happened_at,
        categories=MappingProxyType(categories),
        id_of_slug=MappingProxyType(id_of_slug),
    )


def replay(events: Iterable[CatalogueEvent]) -> Catalogue:
    """Rebuild a catalogue from everything that ever happened to it."""
    return reduce(evolve, events, EMPTY)


def snapshot(category: Category) -> CategorySnapshot:
    """Show a category as an outcome does."""
    return CategorySnapshot(
        category_id=category.category_id,
        version=category.version,
        slug=category.slug,
        name=category.name,
        parent_id=category.parent_id,
        is_archived=category.is_archived,
    )


def _create(command: CreateCategory, catalogue: Catalogue, now: datetime) -> list[CatalogueEvent]:
    _refuse_taken(command.slug, catalogue)
    if command.category_id in catalogue.categories:
        raise CategoryAlreadyExists(
            f"category {command.category_id} exists", {"category_id": command.category_id}
        )
    return [
        CategoryCreated(
            metadata=stamp(command.metadata, catalogue.version, catalogue.updated_at, now),
            category_id=command.category_id,
            slug=command.slug,
            name=command.name,
            parent_id=_parent_id(command.parent, catalogue),
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
    above = parent_id
    while above is not None:
        if above == category.category_id:
            raise CategoryCycle(f"category {category.slug} stands above {command.parent}")
        above = catalogue.categories[above].parent_id
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
    for other in catalogue.categories.values():
        if other.parent_id == category.category_id and not other.is_archived:
            raise CategoryHasChildren(
                f"category {category.slug} has the child {other.slug}; move or archive it first",
                {"child": other.slug},
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


def _refuse_taken(slug: CategorySlug, catalogue: Catalogue) -> None:
    taken = catalogue.id_of_slug.get(slug)
    if taken is not None:
        raise CategoryAlreadyExists(
            f"a category with slug {slug} exists; choose another slug", {"category_id": taken}
        )


def _parent_id(ref: CategoryRef | None, catalogue: Catalogue) -> CategoryId | None:
    return None if ref is None else catalogue.resolve([ref])[0]
