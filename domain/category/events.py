"""The events of category catalogues."""

from dataclasses import dataclass

from domain.events import Event
from domain.values import CategoryId, CategorySlug


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCreated(Event):
    """A category was opened."""

    category_id: CategoryId
    slug: CategorySlug
    name: str
    parent_id: CategoryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRenamed(Event):
    """A category got another name or slug."""

    category_id: CategoryId
    slug: CategorySlug
    name: str
    previous_slug: CategorySlug
    previous_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryMoved(Event):
    """A category was hung elsewhere in the tree."""

    category_id: CategoryId
    parent_id: CategoryId | None
    previous_parent_id: CategoryId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryArchived(Event):
    """A category was taken out of the listings."""

    category_id: CategoryId


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRestored(Event):
    """An archived category came back."""

    category_id: CategoryId


CatalogueEvent = (
    CategoryCreated | CategoryRenamed | CategoryMoved | CategoryArchived | CategoryRestored
)
