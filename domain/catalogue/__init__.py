"""All categories of one tenant: unique slugs, no cycles, no orphans."""

from domain.catalogue.deciding import decide
from domain.catalogue.state import EMPTY, Catalogue, Category, evolve, replay, snapshot, tree_of

__all__ = ["EMPTY", "Catalogue", "Category", "decide", "evolve", "replay", "snapshot", "tree_of"]
