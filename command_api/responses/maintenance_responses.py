"""The answer to a request for maintenance of a view."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class MaintenanceTaskAnswer(BaseModel):
    """What was asked, and how it stands."""

    model_config = ConfigDict(extra="forbid")

    request_id: str
    action: str = Field(examples=["rebuild.start"])
    view: str = Field(examples=["assets_by_date"])
    state: Literal["asked", "running", "done"]
    outcome: Any = Field(description="What came of it, once it is done.")
