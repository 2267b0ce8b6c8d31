"""The bodies of requests about bulk operations: one for each kind."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from command_api.requests.body import RequestBody
from command_api.requests.category_bodies import CategoryBody
from command_api.requests.fields import CategoryRefField, CategoryRefsField, PresetName, Tags
from domain.asset.description import MAX_TAG_LENGTH
from domain.bulk_operation.selection import default_statuses
from domain.bulk_operation.values import Filter, Instructions, OperationKind
from domain.values import AssetId, CategoryRef, Status
from infra.http.timestamps import parse_in_utc

MAX_ASSET_IDS = 5_000
MAX_PER_SECOND = 1_000
_DEFAULT_PER_SECOND = 200


FilterTimestamp = Annotated[
    datetime,
    BeforeValidator(parse_in_utc, json_schema_input_type=str),
    Field(examples=["2026-11-23", "2026-11-23T09:30:00Z"]),
]
AssetIdField = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
PerSecond = Annotated[int, Field(ge=1, le=MAX_PER_SECOND)]
NonEmptyTags = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=MAX_TAG_LENGTH)], ...],
    Field(min_length=1, max_length=20),
]


class FilterBody(RequestBody):
    """Which assets: all conditions must hold. Nothing but `"all": true` means every asset."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    category: CategoryRefField | None = None
    since: FilterTimestamp | None = Field(default=None, alias="from")
    until: FilterTimestamp | None = Field(default=None, alias="to")
    tags: Tags = ()
    status: Literal["submitted", "published", "rejected", "deleted"] | None = None
    rendered_before: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    asset_ids: (
        Annotated[tuple[AssetIdField, ...], Field(min_length=1, max_length=MAX_ASSET_IDS)] | None
    ) = None
    every: Literal[True] | None = Field(default=None, alias="all")

    @model_validator(mode="after")
    def _says_what_it_means(self) -> Self:
        named = {name for name in self.model_fields_set if getattr(self, name) not in (None, ())}
        if not named:
            raise ValueError('name a condition, or say "all": true')
        for alone in ("asset_ids", "every"):
            if alone in named and named != {alone}:
                shown = "all" if alone == "every" else alone
                raise ValueError(f'"{shown}" cannot be combined with other conditions')
        return self

    def wanted(self, kind: OperationKind) -> Filter:
        """Say it as the domain does."""
        return Filter(
            category=None if self.category is None else CategoryRef(self.category),
            since=self.since,
            until=self.until,
            tags=self.tags,
            statuses=default_statuses(kind) if self.status is None else (Status(self.status),),
            rendered_before=self.rendered_before,
            asset_ids=tuple(dict.fromkeys(map(AssetId, self.asset_ids or ()))),
        )


class CategoryFilterBody(FilterBody):
    """Which assets of one category."""

    category: CategoryRefField


class WholeCategoryBody(RequestBody):
    """All assets of one category."""

    category: CategoryRefField

    def wanted(self, kind: OperationKind) -> Filter:
        """Say it as the domain does."""
        return FilterBody(category=self.category).wanted(kind)


class OperationBody(RequestBody):
    """What every bulk operation brings along."""

    filter: FilterBody | WholeCategoryBody
    per_second: PerSecond = _DEFAULT_PER_SECOND
    dry_run: bool = False

    def wanted(self) -> Filter:
        """Say which assets it is about."""
        return self.filter.wanted(self.instructions().kind)

    @abstractmethod
    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""


class RecategoriseBody(OperationBody):
    """Put assets into exactly these categories, or into some and out of others."""

    kind: Literal["recategorise"]
    filter: FilterBody
    categories: CategoryRefsField | None = None
    add: CategoryRefsField | None = None
    remove: CategoryRefsField | None = None

    @model_validator(mode="after")
    def _sets_or_changes(self) -> Self:
        if (self.categories is not None) == (self.add is not None or self.remove is not None):
            raise ValueError('give either "categories", or "add" or "remove"')
        return self

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(
            self.kind, categories=self.categories, add=self.add, remove=self.remove
        )


class MoveBody(OperationBody):
    """Take assets out of the category of the filter and put them into another."""

    kind: Literal["move"]
    filter: CategoryFilterBody
    into: CategoryRefField

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind, add=(self.into,), remove=(self.filter.category,))


class MergeBody(OperationBody):
    """Put all assets of a category into another, and archive the one that is empty then."""

    kind: Literal["merge_categories"]
    filter: WholeCategoryBody
    into: CategoryRefField

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind, add=(self.into,), remove=(self.filter.category,))


class SplitBody(OperationBody):
    """Open a category and move some assets of another into it."""

    kind: Literal["split_category"]
    filter: CategoryFilterBody
    new_category: CategoryBody

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(
            self.kind, remove=(self.filter.category,), new_category=self.new_category
        )


class TagBody(OperationBody):
    """Add tags to assets, or take them away."""

    kind: Literal["tag", "untag"]
    filter: FilterBody
    tags: NonEmptyTags

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind, tags=tuple(dict.fromkeys(self.tags)))


class DeletionBody(OperationBody):
    """Delete assets, or restore deleted ones."""

    kind: Literal["delete", "restore"]
    filter: FilterBody

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind)


class ReprocessManyBody(OperationBody):
    """Render assets anew from their kept originals; the old renditions are served meanwhile."""

    kind: Literal["reprocess"]
    filter: FilterBody
    preset: PresetName | None = None

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind, preset=self.preset)


class RefreshManyBody(OperationBody):
    """Ask the source URLs of assets again; each shows what it has until there is something new."""

    kind: Literal["refresh"]
    filter: FilterBody

    def instructions(self) -> Instructions:
        """Say what is to be done to each asset."""
        return _instructions(self.kind)


class KindBody(RequestBody):
    """Which kind of operation; the rest of the body depends on it."""

    model_config = ConfigDict(extra="ignore")

    kind: OperationKind


class RevertBody(RequestBody):
    """How fast to take it back; as fast as it was done unless said."""

    per_second: PerSecond | None = None


class ThrottleBody(RequestBody):
    """How many assets a second from now on."""

    per_second: PerSecond


OPERATION_BODIES: Mapping[OperationKind, type[OperationBody]] = {
    "recategorise": RecategoriseBody,
    "move": MoveBody,
    "tag": TagBody,
    "untag": TagBody,
    "delete": DeletionBody,
    "restore": DeletionBody,
    "reprocess": ReprocessManyBody,
    "refresh": RefreshManyBody,
    "merge_categories": MergeBody,
    "split_category": SplitBody,
}


def _instructions(
    kind: OperationKind,
    *,
    categories: tuple[str, ...] | None = None,
    add: tuple[str, ...] | None = None,
    remove: tuple[str, ...] | None = None,
    tags: tuple[str, ...] = (),
    preset: str | None = None,
    new_category: CategoryBody | None = None,
) -> Instructions:
    parent = new_category.parent if new_category else None
    return Instructions(
        kind=kind,
        categories=tuple(map(CategoryRef, categories or ())),
        add=tuple(map(CategoryRef, add or ())),
        remove=tuple(map(CategoryRef, remove or ())),
        tags=tags,
        preset=preset,
        slug=new_category.chosen_slug() if new_category else None,
        name=new_category.name if new_category else None,
        parent=None if parent is None else CategoryRef(parent),
    )
