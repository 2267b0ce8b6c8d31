"""The state of a category catalogue, and the fold that makes it from events."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import assert_never

from domain.category.events import (
    CatalogueEvent,
    CategoryArchived,
    CategoryCreated,
    CategoryMoved,
    CategoryRenamed,
    CategoryRestored,
)
from domain.category.persistent_map import PersistentMap
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
    """The category tree of one tenant; ``child_ids`` lists what hangs directly below a category.

    A change shares all but a few entries with the catalogue before it.
    """

    version: int = 0
    updated_at: datetime | None = None
    categories: PersistentMap[CategoryId, Category] = field(default_factory=PersistentMap)
    id_of_slug: PersistentMap[CategorySlug, CategoryId] = field(default_factory=PersistentMap)
    child_ids: PersistentMap[CategoryId, PersistentMap[CategoryId, None]] = field(
        default_factory=PersistentMap
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

    def children(self, category_id: CategoryId) -> list[Category]:
        """List what hangs directly below a category, archived or not, in no particular order."""
        below = self.child_ids.get(category_id)
        return [] if below is None else [self.categories[each] for each in below]

    def above(self, category_id: CategoryId | None) -> Iterator[CategoryId]:
        """Walk from a category up to the top of the tree, itself included."""
        while category_id is not None:
            yield category_id
            category_id = self.categories[category_id].parent_id

    def levels_below(self, category_id: CategoryId) -> int:
        """Count the levels of the tree below a category; 0 if nothing hangs on it."""
        levels, parents = 0, [category_id] if category_id in self.child_ids else []
        while parents:
            below = [child for each in parents for child in self.child_ids[each]]
            levels += bool(below)
            parents = [each for each in below if each in self.child_ids]
        return levels

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


EMPTY_CATALOGUE = Catalogue()


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
    catalogue = replace(catalogue, version=version, updated_at=event.metadata.happened_at)
    return catalogue if changed is None else _with(catalogue, known, changed)


def _with(catalogue: Catalogue, known: Category | None, changed: Category) -> Catalogue:
    """Put a category in place of what was known of it."""
    category_id = changed.category_id
    id_of_slug, child_ids = catalogue.id_of_slug, catalogue.child_ids
    if known is None or known.slug != changed.slug:
        if known:
            id_of_slug = id_of_slug.without(known.slug)
        id_of_slug = id_of_slug.including(changed.slug, category_id)
    old_parent = None if known is None else known.parent_id
    if old_parent != changed.parent_id:
        if old_parent is not None:
            siblings = child_ids.get(old_parent, PersistentMap())
            child_ids = child_ids.including(old_parent, siblings.without(category_id))
        if changed.parent_id is not None:
            siblings = child_ids.get(changed.parent_id, PersistentMap())
            child_ids = child_ids.including(
                changed.parent_id, siblings.including(category_id, None)
            )
    return replace(
        catalogue,
        categories=catalogue.categories.including(category_id, changed),
        id_of_slug=id_of_slug,
        child_ids=child_ids,
    )


def replay(events: Iterable[CatalogueEvent]) -> Catalogue:
    """Rebuild a catalogue from everything that ever happened to it."""
    return reduce(evolve, events, EMPTY_CATALOGUE)


def catalogue_of(categories: Iterable[Category]) -> Catalogue:
    """Put a tree together from its categories as a view shows them; it has no version."""
    return reduce(lambda tree, category: _with(tree, None, category), categories, EMPTY_CATALOGUE)


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
