"""The bodies of requests about webhook endpoints."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from command_api.requests.body import RequestBody
from command_api.requests.fields import EventTypes, HookUrl, ShortText, Timestamp
from read_models.public_events import PUBLIC_EVENT_TYPES


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
