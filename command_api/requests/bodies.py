"""What clients may send: every field with its limits, and nothing else."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from command_api.requests.fields import (
    CategoryName,
    CategoryRefField,
    CategoryRefsField,
    DuplicatesChoice,
    EventTypes,
    HookUrl,
    MetadataObject,
    PresetName,
    ShortText,
    Slug,
    SourceUrl,
    Tags,
    Timestamp,
    UnitFraction,
    canonical,
    is_category_ref,
    slug_of,
)
from domain.asset.description import rounded_focal_point
from domain.values import CategoryRef, CategorySlug, Description, FocalPoint, Source
from read_models.public_events import PUBLIC_EVENT_TYPES


class RequestBody(BaseModel):
    """A body; unknown fields are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def content(self) -> str:
        """Write it one way only, so that the same request is known again."""
        return canonical(self.model_dump(mode="json", exclude_unset=True))


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
    metadata: MetadataObject = {}
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


class CategoryPatch(RequestBody):
    """What to change of a category; null as the parent moves it to the top."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: CategoryName = ""
    slug: Slug = ""
    parent: CategoryRefField | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of name, slug and parent")
        return self


class EndpointBody(RequestBody):
    """An endpoint to be told of events; of all kinds unless some are named."""

    url: HookUrl
    event_types: EventTypes = PUBLIC_EVENT_TYPES
    description: ShortText = ""


class EndpointPatch(RequestBody):
    """What to change of an endpoint; enabling it forgives what failed."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    url: HookUrl = ""
    event_types: EventTypes = ()
    description: ShortText = ""
    is_enabled: bool = True

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of url, event_types, description and is_enabled")
        return self


class RedeliveryBody(RequestBody):
    """A stretch of history: from a moment on, up to another one or to now."""

    since: Timestamp = Field(alias="from")
    until: Timestamp | None = Field(default=None, alias="to")
    types: EventTypes | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise ValueError('"to" must be later than "from"')
        return self
