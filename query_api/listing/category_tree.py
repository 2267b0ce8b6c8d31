"""The categories of one tenant as a tree."""

from collections.abc import Iterable, Iterator, Sequence

from domain.category.limits import MAX_DEPTH
from domain.errors import CategoryNotFound
from domain.values import CategoryId, CategoryRef
from infra.cassandra.session import Row
from query_api.responses.categories import CategoryLabel, category_label

CategoryStep = tuple[tuple[str, ...], Row]


class CategoryTree:
    """Finds categories by slug or id, and what lies above and below them."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._by_id = {CategoryId(row["category_id"]): row for row in rows}
        self._by_slug = {row["slug"]: row for row in self._by_id.values()}
        self._children: dict[str, list[Row]] = {}
        for row in self._by_id.values():
            self._children.setdefault(row["parent_id"], []).append(row)
        self._walk: Sequence[CategoryStep] | None = None
        self._labels: dict[str, CategoryLabel] = {
            category_id: category_label(row) for category_id, row in self._by_id.items()
        }

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, ref: CategoryRef) -> Row:
        """Find a category, archived or not; raises CategoryNotFound."""
        row = self._by_slug.get(ref) or self._by_id.get(CategoryId(ref))
        if row is None:
            raise CategoryNotFound(f"no category has the slug or id {ref}")
        return row

    def listed(self, ref: CategoryRef) -> Row:
        """Find a category whose assets are listed; raises CategoryNotFound for an archived one."""
        row = self.find(ref)
        if row["is_archived"]:
            raise CategoryNotFound(f"category {ref} is archived; restore it to list its pictures")
        return row

    def path(self, row: Row) -> str:
        """Write the slugs from the top of the tree down to a category; the last 32 of them."""
        return "/".join(self._slugs(row))

    def walk(self) -> Sequence[CategoryStep]:
        """Pair each path with its category, sorted so that what hangs together stands together."""
        if self._walk is None:
            steps = ((tuple(self._slugs(row)), row) for row in self._by_id.values())
            self._walk = sorted(steps, key=lambda step: step[0])
        return self._walk

    def _slugs(self, row: Row) -> Iterator[str]:
        slugs: list[str] = []
        above: Row | None = row
        while above is not None and len(slugs) < MAX_DEPTH:
            slugs.append(above["slug"])
            above = self._by_id.get(CategoryId(above["parent_id"]))
        return reversed(slugs)

    def below(self, row: Row) -> Iterator[Row]:
        """Walk through a category and all below it; archived ones hide what hangs on them."""
        todo = [row]
        while todo:
            current = todo.pop()
            if not current["is_archived"]:
                yield current
                todo.extend(self._children.get(current["category_id"], ()))

    def label(self, category_id: str) -> CategoryLabel:
        """Name a category beside an asset; one that the view does not know yet by its id alone."""
        known = self._labels.get(category_id)
        return known or {"category_id": category_id, "slug": None, "name": None}
