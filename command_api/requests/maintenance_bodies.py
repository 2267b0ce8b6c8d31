"""The bodies of requests for maintenance of views."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from command_api.requests.body import RequestBody

SteeringVerb = Literal["pause", "resume", "throttle", "cancel"]
ReviewVerb = Literal["compare", "switch", "rollback", "drop"]
_Name = Annotated[str, Field(pattern="^[a-z_]{1,60}$", examples=["assets_by_date"])]
_Reason = Annotated[str, Field(min_length=1, max_length=500)]
_Processes = Annotated[int, Field(ge=1, le=64)]
_Rate = Annotated[int, Field(ge=0, le=10_000_000, description="0 for no limit.")]


class StartBody(RequestBody):
    """Which view to build again, and how."""

    view: _Name
    processes: _Processes = 1
    events_per_second: _Rate = 0


class ViewBody(RequestBody):
    """Which view."""

    view: _Name


class NothingBody(RequestBody):
    """Nothing to say."""


class ResumeBody(RequestBody):
    """How to go on; ``accept_poison`` is why the record that it failed at may be left out."""

    processes: _Processes | None = None
    events_per_second: _Rate | None = None
    accept_poison: _Reason | None = None


class RebuildThrottleBody(RequestBody):
    """How fast it may go."""

    events_per_second: _Rate


class SwitchBody(RequestBody):
    """Why differences that were found are right."""

    accept_differences: _Reason | None = None


class DropBody(RequestBody):
    """Which generation; never the one that is read."""

    generation: Annotated[int, Field(ge=1, le=1_000_000)]


REBUILD_BODIES: Mapping[SteeringVerb | ReviewVerb, type[RequestBody]] = {
    "pause": NothingBody,
    "resume": ResumeBody,
    "throttle": RebuildThrottleBody,
    "cancel": NothingBody,
    "compare": NothingBody,
    "switch": SwitchBody,
    "rollback": NothingBody,
    "drop": DropBody,
}
