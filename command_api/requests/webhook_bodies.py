"""The bodies of requests about webhook endpoints."""

from typing import Self

from pydantic import Field, model_validator

from command_api.requests.body import PatchBody, RequestBody
from command_api.requests.fields import EventTypes, HookUrl, ShortText, Timestamp
from read_models.public_events import PUBLIC_EVENT_TYPES


class EndpointBody(RequestBody):
    """An endpoint to be told of events; of all kinds unless some are named."""

    url: HookUrl
    event_types: EventTypes = PUBLIC_EVENT_TYPES
    description: ShortText = ""


class EndpointPatch(PatchBody):
    """What to change of an endpoint; enabling it forgives what failed."""

    url: HookUrl = ""
    event_types: EventTypes = ()
    description: ShortText = ""
    is_enabled: bool = True


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
