"""The bodies of requests about assets: every field with its limits, and nothing else."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from command_api.requests.body import RequestBody
from command_api.requests.fields import (
    CategoryRefField,
    CategoryRefsField,
    DuplicatesChoice,
    MetadataObject,
    PresetName,
    ShortText,
    SourceUrl,
    Tags,
    UnitFraction,
    canonical,
)
from domain.asset.description import rounded_focal_point
from domain.values import CategoryRef, Description, FocalPoint, Source


class FocalPointField(RequestBody):
    """What matters in a picture, seen upright: shares of its width and height."""

    x: UnitFraction
    y: UnitFraction

    def point(self) -> FocalPoint:
        """Give it, to the thousandth."""
        return rounded_focal_point(self.x, self.y)


class UploadBody(RequestBody):
    """What is said about a picture that is handed over."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("category", "categories")]}
    )

    category: CategoryRefField | None = None
    categories: CategoryRefsField | None = None
    title: ShortText = ""
    alt_text: ShortText = ""
    tags: Tags = ()
    metadata: MetadataObject = Field(default={})
    focal_point: FocalPointField | None = None
    preset: PresetName = "default"
    duplicates: DuplicatesChoice = "keep"
    create_missing_categories: bool = False

    @model_validator(mode="after")
    def _names_categories_once(self) -> Self:
        if (self.category is None) == (self.categories is None):
            raise ValueError('give either "category" or "categories"')
        return self

    def refs(self) -> tuple[CategoryRef, ...]:
        """Name the categories it is to be in."""
        named = (self.category,) if self.category else self.categories or ()
        return tuple(map(CategoryRef, named))

    def description(self) -> Description:
        """Say what the customer says about it."""
        return Description(
            title=self.title,
            alt_text=self.alt_text,
            tags=self.tags,
            metadata=canonical(self.metadata),
            focal_point=self.focal_point.point() if self.focal_point else None,
        )


class NoFields(RequestBody):
    """Nothing beside the file of a form."""


class SourceBody(RequestBody):
    """Where to fetch a picture from."""

    download_url: SourceUrl

    def source(self) -> Source:
        """Say where the bytes come from."""
        return Source(url=self.download_url, upload_key=None, file_name=None)


class SubmitBody(UploadBody, SourceBody):
    """A picture to be inserted by its URL."""


class CategoriesBody(RequestBody):
    """All categories that an asset is to be in."""

    categories: CategoryRefsField

    def refs(self) -> tuple[CategoryRef, ...]:
        """Name them."""
        return tuple(map(CategoryRef, self.categories))


class DescriptionPatch(RequestBody):
    """A JSON merge patch (RFC 7396) of what is said about a picture; null empties a field."""

    title: ShortText | None = None
    alt_text: ShortText | None = None
    tags: Tags | None = None
    metadata: MetadataObject | None = None
    focal_point: FocalPointField | None = None


class ReprocessBody(RequestBody):
    """How to render it anew; without a preset as before."""

    preset: PresetName | None = None
