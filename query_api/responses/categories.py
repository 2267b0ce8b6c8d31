"""Categories in responses: beside an asset, alone, and as pages of the tree."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from infra.cassandra.session import Row


class CategoryLabel(TypedDict, closed=True):
    """A category beside an asset; slug and name are null for a moment while it is new."""

    category_id: str
    slug: Annotated[str | None, Field(examples=["cats"])]
    name: Annotated[str | None, Field(examples=["Cats"])]


class CategoryAnswer(TypedDict, closed=True):
    """A category; `path` is made of the slugs from the top of the tree."""

    category_id: str
    slug: Annotated[str, Field(examples=["cats"])]
    name: Annotated[str, Field(examples=["Cats"])]
    parent_id: str | None
    path: Annotated[str, Field(examples=["animals/cats"])]
    is_archived: bool
    version: int


class CategoriesAnswer(TypedDict, closed=True):
    """A page of the category tree, in the order of a walk through it."""

    items: list[CategoryAnswer]
    next: Annotated[str | None, Field(examples=["/v1/categories?cursor=…"])]


def category_label(row: Row) -> CategoryLabel:
    """Name a category beside an asset."""
    return {"category_id": row["category_id"], "slug": row["slug"], "name": row["name"]}


def category_answer(row: Row, path: str) -> CategoryAnswer:
    """Show a category that has this path in its tree."""
    return {
        "category_id": row["category_id"],
        "slug": row["slug"],
        "name": row["name"],
        "parent_id": row["parent_id"] or None,
        "path": path,
        "is_archived": row["is_archived"],
        "version": row["version"],
    }
