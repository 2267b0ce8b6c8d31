"""Which dead letters an operator asks for."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from infra.http.timestamps import parse_timestamp
from infra.kafka.topics import DEAD_LETTERS
from read_models.dead_letters import DeadLetterFilter

_NAMES = tuple(topic.name for topic in DEAD_LETTERS)


def _known(name: str) -> str:
    if name not in _NAMES:
        raise ValueError(f"there are {', '.join(_NAMES)}")
    return name


TopicName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*_NAMES]})]
QueryTimestamp = Annotated[datetime, BeforeValidator(parse_timestamp)]


class DeadLetterParameters(BaseModel):
    """Which dead letters, and how many at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: TopicName | None = None
    code: str | None = Field(default=None, max_length=100, description="Why it was parked.")
    host: str | None = Field(default=None, max_length=255, description="Where its source lies.")
    tenant: str | None = Field(default=None, max_length=100)
    since: QueryTimestamp | None = Field(
        default=None, description="Parked at this moment or later."
    )
    until: QueryTimestamp | None = Field(default=None, description="Parked before this moment.")
    limit: int = Field(default=100, ge=1, le=500)
    after: str | None = Field(default=None, max_length=150, description="`next` of the last page.")

    def wanted(self) -> DeadLetterFilter:
        """Say it as the queue does."""
        return DeadLetterFilter(
            code=self.code,
            host=self.host,
            tenant_id=self.tenant,
            since=self.since,
            until=self.until,
        )
