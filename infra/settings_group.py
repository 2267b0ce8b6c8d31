"""The base class of a group of settings."""

from pydantic import BaseModel, ConfigDict


class SettingsGroup(BaseModel):
    """Some settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
