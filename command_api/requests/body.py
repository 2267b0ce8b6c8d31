"""A request body: what all bodies have in common."""

from pydantic import BaseModel, ConfigDict

from command_api.requests.fields import canonical


class RequestBody(BaseModel):
    """A body; unknown fields are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def content(self) -> str:
        """Write it one way only, so that the same request is known again."""
        return canonical(self.model_dump(mode="json", exclude_unset=True))
