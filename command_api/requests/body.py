"""A request body: what all bodies have in common."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from command_api.requests.fields import canonical


class RequestBody(BaseModel):
    """A body; unknown fields are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def content(self) -> str:
        """Write it one way only, so that the same request is known again."""
        return canonical(self.model_dump(mode="json", exclude_unset=True))


class PatchBody(RequestBody):
    """A body that changes at least one of its fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            *names, last = type(self).model_fields
            raise ValueError(f"give at least one of {', '.join(names)} and {last}")
        return self
