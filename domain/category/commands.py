"""The commands that change the categories of a tenant."""

from dataclasses import dataclass

from domain.commands import Command
from domain.values import (
    CategoryId,
    CategoryRef,
    CategorySlug,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCategory(Command):
    """Open a category; ``category_id`` is chosen by the sender."""

    category_id: CategoryId
    slug: CategorySlug
    name: str
    parent: CategoryRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameCategory(Command):
    """Change name or slug; None leaves one as it is."""

    category: CategoryRef
    name: str | None
    slug: CategorySlug | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveCategory(Command):
    """Hang a category under another one, or at the top (None)."""

    category: CategoryRef
    parent: CategoryRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseCategory(Command):
    """Rename and move at once: both happen or neither."""

    category: CategoryRef
    name: str | None
    slug: CategorySlug | None
    parent: CategoryRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveCategory(Command):
    """Take a category out of the listings; its members keep it."""

    category: CategoryRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreCategory(Command):
    """Bring an archived category back."""

    category: CategoryRef


CatalogueCommand = (
    CreateCategory
    | RenameCategory
    | MoveCategory
    | ReviseCategory
    | ArchiveCategory
    | RestoreCategory
)
