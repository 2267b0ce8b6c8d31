"""What a listing may be asked for."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar

from fastapi import Path
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from starlette.requests import Request

from domain.values import AssetId, CommandId, OperationId
from infra.http.timestamps import parse_in_utc
from read_models.bucketed_listing import Period
from read_models.keyset import SortOrder

MAX_ID_LENGTH = 1_000  # more than any id has; Cassandra raises errors at keys of 65,535 bytes
AssetIdPath = Annotated[AssetId, Path(max_length=MAX_ID_LENGTH)]
CommandIdPath = Annotated[CommandId, Path(max_length=MAX_ID_LENGTH)]
OperationIdPath = Annotated[OperationId, Path(max_length=MAX_ID_LENGTH)]

_EXAMPLES: dict[str, Any] = {"examples": ["2026-11-23", "2026-11-23T09:30:00Z"]}
Moment = Annotated[datetime, BeforeValidator(parse_in_utc), Field(json_schema_extra=_EXAMPLES)]

_AS_OF = "Show it as it stood at this moment; a moment that is still to come is refused."


class AsOfParameters(BaseModel):
    """At which moment something is shown; as it is now if none is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: Moment | None = Field(default=None, description=_AS_OF)


class CategoryTreeParameters(AsOfParameters):
    """Which categories of the tree of that moment, how many at once, and from where on."""

    MOST_CURSOR_CHARACTERS: ClassVar[int] = 4_096  # a path of 32 slugs, sealed

    include_archived: bool = Field(default=False, description="Also those that are archived.")
    limit: int = Field(default=200, ge=1, le=200)
    cursor: str | None = Field(
        default=None,
        max_length=MOST_CURSOR_CHARACTERS,
        description="From `next` of the page before.",
    )


class AssetAsOfParameters(AsOfParameters):
    """At which moment, or in which version, an asset is shown; as it is now if neither is named."""

    version: int | None = Field(default=None, ge=1, description="Show this version of it.")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.as_of is not None and self.version is not None:
            raise ValueError("send as_of or version, not both")
        return self


class ListingParameters(BaseModel):
    """Which assets, in which order, how many at once, and from where on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Moment | None = Field(
        default=None, alias="from", description="Handed over at this moment or later."
    )
    until: Moment | None = Field(
        default=None, alias="to", description="Handed over before this moment."
    )
    as_of: Moment | None = Field(default=None, description=_AS_OF)
    order: SortOrder = Field(default="desc", description="desc: the newest first.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None, max_length=512, description="From `next` of the page before."
    )

    @property
    def period(self) -> Period:
        """The time that was asked for."""
        return Period(since=self.since, until=self.until)


class CategoryListingParameters(ListingParameters):
    """The same, for one category."""

    include_descendants: bool = Field(
        default=False, description="Also what is in the categories below."
    )


Parameters = TypeVar("Parameters", bound=BaseModel)


def query_parameters(kind: type[Parameters]) -> Callable[[Request], Awaitable[Parameters]]:
    """Make the dependency that reads these parameters; twice as fast as FastAPI's own way.

    It raises RequestValidationError naming each parameter that is wrong or unknown.
    """

    async def asked(request: Request) -> Parameters:
        try:
            return kind.model_validate(dict(request.query_params))
        except ValidationError as error:
            wrong = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
            raise RequestValidationError(wrong) from error

    return asked


def openapi_parameters(kind: type[BaseModel]) -> list[dict[str, Any]]:
    """Describe these parameters as OpenAPI does."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in kind.model_json_schema()["properties"].items()
    ]
