"""A tenant's category tree as its events left it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from typing import assert_never

from domain.category_events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from domain.errors import (
    CategoryIsArchived,
    UnknownCategory,
)
from domain.outcomes import CategorySnapshot
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

    def id_of(self, ref: CategoryRef) -> CategoryId:
        """Name a category by id, archived or not; raises UnknownCategory."""
        category = self.find(ref)
        if category is None:
            raise UnknownCategory(f"no category {ref}", {"categories": ref})
        return category.category_id

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
