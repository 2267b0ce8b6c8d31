"""What clients may send: every field with its limits, and nothing else."""

import json
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from domain.describing import MAX_METADATA_BYTES, MAX_TAG_LENGTH, MAX_TAGS, MAX_TEXT_LENGTH
from domain.sources.urls import MAX_URL_LENGTH, parse
from domain.values import CategoryRef, CategorySlug, Description, Source

_SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
_MAX_SLUG_LENGTH = 64
_MAX_NAME_LENGTH = 200
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What this installation allows: the context in which bodies are read."""

    max_categories: int
    allowed_origins: AbstractSet[str]


def is_id(text: str) -> bool:
    """Tell an id of ours (a UUID in lower case) from a slug."""
    return _UUID.fullmatch(text) is not None


def is_category_ref(text: str) -> bool:
    """Tell whether this can name a category: a slug or an id."""
    return len(text) <= _MAX_SLUG_LENGTH and re.fullmatch(_SLUG, text) is not None


def _rules(info: ValidationInfo) -> Rules:
    if not isinstance(info.context, Rules):
        raise TypeError("a body is read in the context of the rules")
    return info.context


def _source_url(text: str, info: ValidationInfo) -> str:
    parse(text, _rules(info).allowed_origins)
    return text


def _slug(text: str) -> str:
    if is_id(text):
        raise ValueError("a slug must not look like an id")
    return text


def _few(refs: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    most = _rules(info).max_categories
    if len(refs) > most:
        raise ValueError(f"at most {most} categories")
    return refs


def _small_object(value: dict[str, Any]) -> dict[str, Any]:
    if len(_canonical(value).encode()) > MAX_METADATA_BYTES:
        raise ValueError(f"at most {MAX_METADATA_BYTES} bytes")
    return value


def _canonical(value: object) -> str:
    """Write JSON one way only; raises ValueError for numbers that JSON does not have."""
    return _ENCODER.encode(value)


Text = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
Tags = Annotated[
    tuple[Annotated[str, Field(max_length=MAX_TAG_LENGTH)], ...], Field(max_length=MAX_TAGS)
]
SourceUrl = Annotated[
    str,
    Field(max_length=MAX_URL_LENGTH, examples=["https://example.com/cat.jpg"]),
    AfterValidator(_source_url),
]
Slug = Annotated[str, Field(pattern=_SLUG, max_length=_MAX_SLUG_LENGTH), AfterValidator(_slug)]
Ref = Annotated[
    str,
    Field(pattern=_SLUG, max_length=_MAX_SLUG_LENGTH, description="slug or id", examples=["cats"]),
]
Refs = Annotated[tuple[Ref, ...], Field(min_length=1, examples=[["cats"]]), AfterValidator(_few)]
Name = Annotated[str, Field(min_length=1, max_length=_MAX_NAME_LENGTH, pattern=r"\S")]
Preset = Literal["default"]  # streams.rendering has these; a test compares
SmallObject = Annotated[dict[str, Any], AfterValidator(_small_object)]


class Body(BaseModel):
    """A body; unknown fields are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def content(self) -> str:
        """Write it one way only, so that the same request is known again."""
        return _canonical(self.model_dump(mode="json", exclude_unset=True))


class UploadBody(Body):
    """What is said about a picture that is handed over."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [name]} for name in ("category", "categories")]}
    )

    category: Ref | None = None
    categories: Refs | None = None
    title: Text = ""
    alt_text: Text = ""
    tags: Tags = ()
    metadata: SmallObject = {}
    preset: Preset = "default"
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
            metadata=_canonical(self.metadata),
        )


class NoFields(Body):
    """Nothing beside the file of a form."""


class SourceBody(Body):
    """Where to fetch a picture from."""

    download_url: SourceUrl

    def source(self) -> Source:
        """Say where the bytes come from."""
        return Source(url=self.download_url, upload_key=None, file_name=None)


class SubmitBody(UploadBody, SourceBody):
    """A picture to be inserted by its URL."""


class CategoriesBody(Body):
    """All categories that an asset is to be in."""

    categories: Refs

    def refs(self) -> tuple[CategoryRef, ...]:
        """Name them."""
        return tuple(map(CategoryRef, self.categories))


class DescriptionPatch(Body):
    """A JSON merge patch (RFC 7396) of what is said about a picture; null empties a field."""

    title: Text | None = None
    alt_text: Text | None = None
    tags: Tags | None = None
    metadata: SmallObject | None = None


class ReprocessBody(Body):
    """How to render it anew; without a preset as before."""

    preset: Preset | None = None


class CategoryBody(Body):
    """A category to be opened; without a slug one is made from the name."""

    name: Name
    slug: Slug | None = None
    parent: Ref | None = None

    @model_validator(mode="after")
    def _has_slug(self) -> Self:
        if self.slug is None and not is_category_ref(_slug_of(self.name)):
            raise ValueError('no slug can be made from this name; give a "slug"')
        return self

    def chosen_slug(self) -> CategorySlug:
        """Give the slug, or make it from the name."""
        return CategorySlug(self.slug or _slug_of(self.name))


class CategoryPatch(Body):
    """What to change of a category; null as the parent moves it to the top."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Name = ""
    slug: Slug = ""
    parent: Ref | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of name, slug and parent")
        return self


def _slug_of(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_MAX_SLUG_LENGTH].strip("-")
    return "" if is_id(slug) else slug
