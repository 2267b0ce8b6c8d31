"""The category catalogue of a tenant: unique slugs, no cycles, no orphans."""

from domain.category.decider import decide
from domain.category.state import (
    EMPTY_CATALOGUE,
    Catalogue,
    Category,
    catalogue_of,
    evolve,
    replay,
    snapshot,
)

__all__ = [
    "EMPTY_CATALOGUE",
    "Catalogue",
    "Category",
    "catalogue_of",
    "decide",
    "evolve",
    "replay",
    "snapshot",
]
