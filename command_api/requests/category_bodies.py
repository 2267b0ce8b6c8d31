"""The bodies of requests about categories."""

from typing import Self

from pydantic import model_validator

from command_api.requests.body import PatchBody, RequestBody
from command_api.requests.fields import (
    CategoryName,
    CategoryRefField,
    Slug,
    is_category_ref,
    slug_of,
)
from domain.values import CategorySlug


class CategoryBody(RequestBody):
    """A category to be opened; without a slug one is made from the name."""

    name: CategoryName
    slug: Slug | None = None
    parent: CategoryRefField | None = None

    @model_validator(mode="after")
    def _has_slug(self) -> Self:
        if self.slug is None and not is_category_ref(slug_of(self.name)):
            raise ValueError('no slug can be made from this name; give a "slug"')
        return self

    def chosen_slug(self) -> CategorySlug:
        """Give the slug, or make it from the name."""
        return CategorySlug(self.slug or slug_of(self.name))


class CategoryPatch(PatchBody):
    """What to change of a category; null as the parent moves it to the top."""

    name: CategoryName = ""
    slug: Slug = ""
    parent: CategoryRefField | None = None
